//! How long the shell waits and how much it takes: two plain records that the configuration
//! loader fills. What is here are numbers with their units and reasons; what obeys them is in
//! the files beside this one. TLS files, proxies and addresses have records of their own.

use std::time::Duration;

/// How long the shell waits for a client. None of these limits the work of a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// From accepting a connection to its first byte. Default 10 s.
    pub first_byte: Duration,
    /// For a header of the PROXY protocol, and again for the whole TLS handshake. Default 10 s.
    pub handshake: Duration,
    /// From the first byte of a request to the end of its head, however the bytes trickle.
    /// Default 10 s. On a kept-alive connection it may take up to twice as long until it is noticed.
    pub header: Duration,
    /// How long a kept-alive connection without any request stays open. Default 75 s: longer than
    /// the 60 s after which the usual balancers drop an idle connection, so that they close first.
    pub idle: Duration,
    /// How long a request's body may bring nothing while we wait for it. Default 60 s.
    /// It is also the grace before [`Limits::body_rate`] counts.
    pub body_chunk: Duration,
    /// How long a client may take nothing while we have bytes for it. Default 60 s.
    pub write: Duration,
    /// Between two HTTP/2 pings on a quiet connection. Default 20 s.
    pub ping: Duration,
    /// For the answer to a ping, before the connection counts as dead. Default 20 s.
    pub pong: Duration,
    /// How long we go on discarding what a client still sends after its body was refused, so that
    /// it gets to read the answer (a close with unread bytes would reset the connection). Default 2 s.
    pub linger: Duration,
    /// How long a graceful shutdown waits for requests in flight before it cuts them. Default 30 s.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body_chunk: Duration::from_secs(60),
            write: Duration::from_secs(60),
            ping: Duration::from_secs(20),
            pong: Duration::from_secs(20),
            linger: Duration::from_secs(2),
            drain: Duration::from_secs(30),
        }
    }
}

/// How much the shell takes at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections over all addresses. Further ones wait in the kernel's backlog, and
    /// while none is free every HTTP/1.1 answer closes its connection, so that slots come round.
    /// Default 512: half of the usual 1,024 open files, the rest being for packages and databases.
    pub connections: usize,
    /// Requests being handled at once; an answer on its way out no longer counts. Default 512.
    pub in_flight: usize,
    /// Requests that may wait for one of those places; the next one is answered 503. Default 512.
    pub waiting: usize,
    /// How long one may wait before it is answered 503 after all. Default 5 s.
    pub wait: Duration,
    /// What a 503 says in `Retry-After`, rounded up to whole seconds. Default 2 s.
    pub retry_after: Duration,
    /// Bytes of a request's body on a route that says nothing else. Default 1 MiB.
    pub body: u64,
    /// Bytes of a request's body on a route that takes packages. Default 16 GiB.
    pub upload: u64,
    /// Bytes per second that a body must bring on average, counted only while we wait for it.
    /// Default 1 KiB/s; 0 switches it off.
    pub body_rate: u64,
    /// Requests at once on one HTTP/2 connection. Default 100.
    pub streams: u32,
    /// Bytes of a request's head. Default 64 KiB, at least 8 KiB.
    /// It also bounds what HTTP/1.1 reads ahead for one connection.
    pub head: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            in_flight: 512,
            waiting: 512,
            wait: Duration::from_secs(5),
            retry_after: Duration::from_secs(2),
            body: 1 << 20,
            upload: 16 << 30,
            body_rate: 1 << 10,
            streams: 100,
            head: 64 << 10,
        }
    }
}
