//! npm over HTTP, request by request.

mod account;
mod format;
mod install;
mod publish;
mod refusals;
mod sample;
mod search;
mod tags;
mod unpublish;

use proget_feeds::http::FeedProtocol;
use proget_feeds::npm::NpmProtocol;

const NPM: &dyn FeedProtocol = &NpmProtocol;
