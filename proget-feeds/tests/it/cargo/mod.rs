//! Cargo over HTTP, request by request.

mod format;
mod index;
mod login;
mod pages;
mod publish;
mod refusals;
mod sample;
mod spelling;
mod yank;

use proget_feeds::cargo::CargoProtocol;
use proget_feeds::http::FeedProtocol;

const CARGO: &dyn FeedProtocol = &CargoProtocol;
