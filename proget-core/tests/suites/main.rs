//! The suites on the memory parts, and the suites themselves: a part that breaks one promise on
//! purpose must be caught by the case that is about it.

mod catalog;
mod faults;
mod parts;
mod registry;
mod work;
