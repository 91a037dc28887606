//! Zip archives as others make them, and as nobody should.
