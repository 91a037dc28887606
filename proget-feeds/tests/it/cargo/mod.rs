//! Cargo over HTTP, request by request.
