//! The server as its clients meet it: in-process, over real sockets, on SQLite and a directory.

mod test_server;
