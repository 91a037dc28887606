//! The HTTP half of feed types: what all of them share.
//!
//! [`FeedProtocol`] is what a feed type implements, [`FeedDoor`] all that its handlers get, and
//! [`RawTail`] the part of the path behind the feed's name, undecoded. Routes are not mounted one
//! by one: feeds are created at run time, so the server has one dynamic route per feed type and
//! hands each request here.

pub mod answer;
pub mod condition;
pub mod dialect;
mod door;
pub mod intake;
mod protocol;
mod tail;

pub use door::{FeedDoor, SignIn, SignedIn};
pub use protocol::{Endpoint, FeedProtocol, Support};
pub use tail::RawTail;
