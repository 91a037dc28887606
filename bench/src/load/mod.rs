//! Load that wrk cannot make: many different requests with bodies, sent over a few connections.
//!
//! Kept as small as can be, so that it is never the limit: every request is a prepared piece of
//! bytes, and of an answer only its status and its length are read. `responder.rs` answers without
//! doing anything, and so shows what the generator itself can do on this machine.
//!
//! Threads and blocking sockets on purpose: sixteen of them cost nothing, and there is no runtime
//! between the clock and the socket.

mod head;
mod responder;

pub(crate) use responder::Responder;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use head::{Body, Head};
use proget_tests::Outcome;

/// What sending a series came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    /// Answers with a status from 200 to 299.
    pub(crate) accepted: usize,
    /// Requests with another answer, or with none because the connection broke.
    pub(crate) failed: usize,
    /// What the first of the failures was.
    pub(crate) failure: Option<String>,
    /// From the first byte of the first request to the last byte of the last answer.
    pub(crate) elapsed: Duration,
    /// How long each accepted request took, in ascending order.
    pub(crate) times: Vec<Duration>,
}

impl Sent {
    /// Accepted requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.accepted as f64 / self.elapsed.as_secs_f64()
    }

    /// The time within which this share (0 to 1) of the accepted requests was answered.
    pub(crate) fn within(&self, share: f64) -> Duration {
        let last = self.times.len().saturating_sub(1);
        self.times.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }

    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.failed += other.failed;
        self.times.extend(other.times);
        self.failure = self.failure.take().or(other.failure);
    }
}

/// Sends the requests in their order over this many connections, each once, until all are answered
/// or `limit` has passed; a request under way at the limit is still waited for and counted.
pub(crate) fn send(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    limit: Duration,
) -> Outcome<Sent> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let mut sum = Sent::default();
    std::thread::scope(|scope| {
        let (next, end) = (&next, started + limit);
        let working: Vec<_> = (0..connections)
            .map(|_| scope.spawn(move || work(Connection::to(address), requests, next, end)))
            .collect();
        for worker in working {
            match worker.join() {
                Ok(sent) => sum.add(sent),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    sum.elapsed = started.elapsed();
    sum.times.sort_unstable();
    ensure!(sum.accepted > 0, "nothing was accepted; the first failure: {:?}", sum.failure);
    Ok(sum)
}

fn work(mut connection: Connection, requests: &[Vec<u8>], next: &AtomicUsize, end: Instant) -> Sent {
    let mut sent = Sent::default();
    while Instant::now() < end {
        let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
        let started = Instant::now();
        match connection.ask(request) {
            Ok(status) if (200..300).contains(&status) => {
                sent.accepted += 1;
                sent.times.push(started.elapsed());
            }
            Ok(status) => sent.add(failure(format!("status {status}"))),
            Err(error) => {
                sent.add(failure(error.to_string()));
                connection.stream = None;
            }
        }
    }
    sent
}

fn failure(what: String) -> Sent {
    Sent { failed: 1, failure: Some(what), ..Sent::default() }
}

/// A connection that is opened when it is first used, and again when the server has closed it. Not
/// before: a server with one thread would wait for the first request of a connection that waits for
/// the others to be opened.
struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// How long a server may keep us waiting before its connection counts as broken.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn to(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: vec![0; 1 << 16] }
    }

    fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&address, Self::PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Self::PATIENCE))?;
        stream.set_write_timeout(Some(Self::PATIENCE))?;
        Ok(stream)
    }

    /// Sends one request and reads its whole answer, of which only the status is kept.
    fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => Self::connect(self.address)?,
        };
        stream.write_all(request)?;
        let (head, mut have) = self.read_head(&mut stream)?;
        match head.body {
            Body::Length(length) => {
                while have < head.length + length {
                    have += some(stream.read(&mut self.buffer)?)?;
                }
            }
            Body::Chunked => {
                // The last chunk ends the answer, since nobody sends trailers here.
                let mut last = self.buffer[head.length..have].to_vec();
                while !last.ends_with(b"0\r\n\r\n") {
                    let length = some(stream.read(&mut self.buffer)?)?;
                    last.extend_from_slice(&self.buffer[..length]);
                    last.drain(..last.len().saturating_sub(5));
                }
            }
            Body::UntilClosed => {
                while stream.read(&mut self.buffer)? > 0 {}
                return Ok(head.status);
            }
        }
        if head.stays_open {
            self.stream = Some(stream);
        }
        Ok(head.status)
    }

    /// The head of an answer, and how many bytes have been read in all.
    fn read_head(&mut self, stream: &mut TcpStream) -> io::Result<(Head, usize)> {
        let mut have = 0;
        loop {
            if have == self.buffer.len() {
                return Err(io::Error::other("an answer's head is longer than 64 KiB"));
            }
            have += some(stream.read(&mut self.buffer[have..])?)?;
            if let Some(head) = Head::parse(&self.buffer[..have]).map_err(io::Error::other)? {
                return Ok((head, have));
            }
        }
    }
}

fn some(length: usize) -> io::Result<usize> {
    if length == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(count: usize) -> Vec<Vec<u8>> {
        vec![b"PUT /x HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc".to_vec(); count]
    }

    #[test]
    fn every_request_is_sent_once_and_counted() -> Outcome {
        let responder = Responder::start()?;
        let sent = send(responder.address(), &requests(100), 4, Duration::from_secs(60))?;
        assert_eq!((sent.accepted, sent.failed, sent.times.len()), (100, 0, 100));
        assert_eq!(responder.answered(), 100);
        Ok(())
    }

    #[test]
    fn a_server_that_closes_is_connected_to_again_and_one_that_refuses_is_told() -> Outcome {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let server = std::thread::spawn(move || -> io::Result<()> {
            let answers = [
                "HTTP/1.0 200 OK\r\n\r\nfine",
                "HTTP/1.1 409 Conflict\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
                "",
            ];
            for answer in answers {
                let (mut stream, _) = listener.accept()?;
                let _ = stream.read(&mut [0; 1000])?;
                stream.write_all(answer.as_bytes())?;
            }
            Ok(())
        });
        let sent = send(address, &requests(3), 1, Duration::from_secs(60))?;
        assert_eq!((sent.accepted, sent.failed), (1, 2));
        assert_eq!(sent.failure.as_deref(), Some("status 409"));
        assert!(matches!(server.join(), Ok(Ok(()))));
        Ok(())
    }

    #[test]
    fn the_share_within_a_time_comes_from_the_sorted_times() {
        let times: Vec<_> = (1..=101).map(Duration::from_millis).collect();
        let sent = Sent { accepted: 101, times, elapsed: Duration::from_secs(2), ..Sent::default() };
        assert_eq!(sent.within(0.5), Duration::from_millis(51));
        assert_eq!(sent.within(0.99), Duration::from_millis(100));
        assert!((sent.rate() - 50.5).abs() < 1e-9);
    }
}
