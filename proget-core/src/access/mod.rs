//! Who is calling and what they may do: pure, apart from the one seam [`Authenticator`].

mod authenticator;
mod credentials;
mod permission;
mod principal;

pub use authenticator::{AuthError, Authenticator};
pub use credentials::{Credentials, Secret};
pub use permission::{FeedRight, FeedScope, Permission, Permissions, Rights};
pub use principal::{Actor, Principal, Subject};
