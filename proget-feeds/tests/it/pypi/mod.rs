//! PyPI over HTTP, request by request.

mod format;
mod index;
mod project;
mod publish;
mod refusals;
mod sample;

use proget_feeds::http::FeedProtocol;
use proget_feeds::pypi::PypiProtocol;

const PYPI: &dyn FeedProtocol = &PypiProtocol;
