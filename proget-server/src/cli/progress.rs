//! A line on the terminal that shows how far long work has come; nothing at all if standard error
//! is no terminal.

use super::print::size;
use crate::control::Progress;
use indicatif::ProgressBar;
use std::time::Duration;

/// The line; dropped, it is cleared away.
pub(super) struct ProgressLine(ProgressBar);

impl ProgressLine {
    /// Begins to show that something is being done.
    pub(super) fn begin(doing: &'static str) -> Self {
        let line = ProgressBar::new_spinner().with_message(doing);
        line.enable_steady_tick(Duration::from_millis(120));
        Self(line)
    }

    /// Shows how far it has come.
    pub(super) fn show(&self, progress: Progress) {
        self.0.set_message(format!("{} files, {}", progress.blobs, size(progress.bytes)));
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
