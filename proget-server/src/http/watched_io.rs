//! The socket as hyper sees it: each read beats the pulse, a client that takes nothing is given
//! up, and a close with unread bytes lingers. Vectored writes pass straight through, because
//! without them hyper copies every body into its buffer.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::{pulse::Pulse, settings::Timeouts};

/// At most this much is discarded for one connection.
const LINGER_BYTES: usize = 4 << 20;

pub(super) struct WatchedIo<S> {
    socket: S,
    pulse: Arc<Pulse>,
    write_limit: Duration,
    linger_limit: Duration,
    /// Runs while a write waits for the client.
    write_timer: Option<Pin<Box<Sleep>>>,
    linger: Linger,
}

enum Linger {
    NotYet,
    Discarding { until: Pin<Box<Sleep>>, left: usize },
    Over,
}

impl<S> WatchedIo<S> {
    pub(super) fn new(socket: S, pulse: Arc<Pulse>, timeouts: &Timeouts) -> Self {
        Self {
            socket,
            pulse,
            write_limit: timeouts.write,
            linger_limit: timeouts.linger,
            write_timer: None,
            linger: Linger::NotYet,
        }
    }

    /// Passes on what a write came to, and gives up when it has been waiting for too long.
    fn timed<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.write_timer = None;
            return outcome;
        }
        let limit = self.write_limit;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no more bytes")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.pulse.beat();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WatchedIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.timed(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.timed(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.socket).poll_flush(cx);
        self.timed(cx, outcome)
    }

    /// Ends our side; then, if the client may still be sending a body we refused, discards that
    /// for a while. A socket closed with unread bytes sends a reset, and a reset makes the client
    /// throw away the answer that would have told it why
    /// ([RFC 9112 §9.6](https://www.rfc-editor.org/rfc/rfc9112#section-9.6)).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.linger {
                Linger::NotYet => {
                    let outcome = Pin::new(&mut this.socket).poll_shutdown(cx);
                    ready!(this.timed(cx, outcome))?;
                    this.linger = if this.pulse.has_unread() {
                        Linger::Discarding {
                            until: Box::pin(tokio::time::sleep_until(Instant::now() + this.linger_limit)),
                            left: LINGER_BYTES,
                        }
                    } else {
                        Linger::Over
                    };
                }
                Linger::Discarding { until, left } => {
                    let mut scratch = [0u8; 8 << 10];
                    let mut buffer = ReadBuf::new(&mut scratch);
                    match Pin::new(&mut this.socket).poll_read(cx, &mut buffer) {
                        Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                            *left = left.saturating_sub(buffer.filled().len());
                            if *left == 0 {
                                this.linger = Linger::Over;
                            }
                        }
                        Poll::Ready(_) => this.linger = Linger::Over,
                        Poll::Pending => {
                            ready!(until.as_mut().poll(cx));
                            this.linger = Linger::Over;
                        }
                    }
                }
                Linger::Over => return Poll::Ready(Ok(())),
            }
        }
    }
}
