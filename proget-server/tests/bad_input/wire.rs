//! The client's end of the socket: sends what it is told, whatever becomes of it, and reads to the end.

use crate::request::Ending;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// Nothing here takes this long unless it is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// An answer as it came.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) status: Option<u16>,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    fn parse(bytes: &[u8]) -> Self {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Self { head: String::from_utf8_lossy(bytes).into_owned(), ..Self::default() };
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Sends the bytes and gives what came back before the server closed the connection.
pub(crate) async fn exchange(address: &str, bytes: &[u8], ending: Ending, scratch: &Path) -> Received {
    let socket = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = socket.into_split();
    let mut received = Vec::new();
    let send = async {
        // The server may have answered and closed before all was sent; that is no failure.
        let _ = writing.write_all(bytes).await;
        while ending == Ending::Crawl && writing.write_all(b"A").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
        writing
    };
    match ending {
        Ending::Wait | Ending::Crawl => {
            let receive = async {
                // A reset counts as an end: what was read before it is what the client has.
                let _ = reading.read_to_end(&mut received).await;
            };
            let mut send = std::pin::pin!(send);
            let mut receive = std::pin::pin!(receive);
            let both = async {
                // Sending ends with receiving: nobody reads on the other side any more.
                tokio::select! {
                    writing = &mut send => { receive.await; drop(writing) }
                    () = &mut receive => {}
                }
            };
            timeout(DEADLINE, both).await.expect("neither an answer nor an end");
        }
        Ending::LeaveOnceStaged | Ending::Leave => {
            let writing = timeout(DEADLINE, send).await.expect("the bytes are not taken");
            if ending == Ending::LeaveOnceStaged {
                until("the upload has begun to be staged", || !uploads(scratch).is_empty()).await;
            }
            drop((reading, writing));
        }
    }
    Received::parse(&received)
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "never came true: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// The uploads that are staged at this moment.
pub(crate) fn uploads(scratch: &Path) -> Vec<String> {
    let mut found = crate::stage::files_below(scratch);
    found.retain(|file| !file.contains("/lock "));
    found
}
