//! PyPI over HTTP, request by request.
