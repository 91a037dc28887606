//! Feed types against their promises: pure halves by the suite, protocols by requests in-process
//! on memory parts. One binary, because linking costs more than running.

mod account;
mod bench;
mod format;
mod install;
mod publish;
mod refusals;
mod search;
mod tags;
mod unpublish;
