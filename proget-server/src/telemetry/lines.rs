//! Where log lines are written: at once, but lines of the access log are gathered first.
//!
//! A busy server writes tens of thousands of access lines a second. A system call for each, under
//! one lock, was a seventh of what answering a small document costs. So they wait for each other, for
//! a tenth of a second at most; any other line takes along those before it, so the order stays. What
//! SIGKILL costs is that tenth of a second of the access log, and nothing of what people look for
//! after a crash.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// The target of the lines that may wait.
const MAY_WAIT: &str = "proget::access";

/// How long they wait at most.
const WAIT: Duration = Duration::from_millis(100);

/// So many bytes are written without waiting any longer.
const ENOUGH: usize = 32 << 10;

/// Takes log lines. Clones share what is gathered.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// A first line waits, or nothing will come any more.
    news: Condvar,
}

struct State {
    gathered: Vec<u8>,
    to: Box<dyn Write + Send>,
    ended: bool,
}

impl State {
    fn write_out(&mut self) {
        // Nobody could be told that nothing can be told; and a full disk must not fill the memory too.
        let _ = self.to.write_all(&self.gathered).and_then(|()| self.to.flush());
        self.gathered.clear();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes out whatever has waited long enough, until the end.
    fn tend(&self) {
        let mut state = self.state();
        while !state.ended {
            let nothing = |state: &mut State| state.gathered.is_empty() && !state.ended;
            state = self.news.wait_while(state, nothing).unwrap_or_else(PoisonError::into_inner);
            let waiting = |state: &mut State| !state.ended;
            let waited = self.news.wait_timeout_while(state, WAIT, waiting);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.write_out();
        }
    }
}

impl Lines {
    /// Lines that go to `to`, with the thread that tends them.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(super) fn new(to: impl Write + Send + 'static) -> io::Result<Self> {
        let state = State { gathered: Vec::new(), to: Box::new(to), ended: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), news: Condvar::new() });
        let tended = Arc::clone(&shared);
        thread::Builder::new().name("log".into()).spawn(move || tended.tend())?;
        Ok(Self(shared))
    }

    /// Writes out what waits. Lines that come later are written at once.
    pub(super) fn end(&self) {
        let mut state = self.0.state();
        state.ended = true;
        state.write_out();
        self.0.news.notify_one();
    }
}

/// Takes one line.
pub(super) struct Line<'a> {
    shared: &'a Shared,
    may_wait: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.shared.state();
        if state.gathered.is_empty() && self.may_wait {
            self.shared.news.notify_one();
        }
        state.gathered.extend_from_slice(line);
        if !self.may_wait || state.ended || state.gathered.len() >= ENOUGH {
            state.write_out();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { shared: &self.0, may_wait: false }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line<'a> {
        Line { shared: &self.0, may_wait: about.target() == MAY_WAIT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Tells of every write.
    struct Told(mpsc::Sender<String>);

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !bytes.is_empty() {
                self.0.send(String::from_utf8_lossy(bytes).into_owned()).unwrap();
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines() -> (Lines, mpsc::Receiver<String>) {
        let (told, heard) = mpsc::channel();
        (Lines::new(Told(told)).unwrap(), heard)
    }

    fn write(lines: &Lines, may_wait: bool, text: &str) {
        Line { shared: &lines.0, may_wait }.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn access_lines_are_written_together_and_soon_and_other_lines_at_once_and_in_order() {
        let (lines, heard) = lines();
        write(&lines, true, "a\n");
        write(&lines, true, "b\n");
        let limit = Duration::from_secs(10);
        assert_eq!(heard.recv_timeout(limit).unwrap(), "a\nb\n", "together, without anybody's doing");
        write(&lines, true, "c\n");
        write(&lines, false, "error\n");
        assert_eq!(heard.recv_timeout(limit).unwrap(), "c\nerror\n");
    }

    #[test]
    fn much_is_written_at_once_and_the_rest_at_the_end() {
        let (lines, heard) = lines();
        let long = "x".repeat(ENOUGH);
        write(&lines, true, &long);
        assert_eq!(heard.try_recv().unwrap(), long);
        write(&lines, true, "last\n");
        lines.end();
        assert_eq!(heard.try_recv().unwrap(), "last\n");
        write(&lines, true, "after\n");
        assert_eq!(heard.try_recv().unwrap(), "after\n");
    }
}
