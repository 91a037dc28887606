//! Asking and judging: one question to one node, its answer held against the ledger, what was
//! wrong written down.

use super::dialect::{Dialect, Document};
use super::ledger::{Ledger, State};
use super::node::{Answer, Node};
use anyhow::Context as _;
use proget_tests::Outcome;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What can be wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// An index showed what was over, or did not show what was acknowledged.
    Index,
    /// An index that was over was confirmed as unchanged.
    Confirmed,
    /// A file was an old one, was there after it was removed, or was not there.
    File,
}

/// One answer that must not have been given.
#[derive(Clone, Debug)]
pub(super) struct Violation {
    pub(super) node: usize,
    pub(super) wrong: Wrong,
    /// For people.
    pub(super) text: String,
}

/// How a run went.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Repeats the run's choices.
    pub(super) seed: u64,
    /// Acknowledged changes.
    pub(super) writes: usize,
    /// Judged answers.
    pub(super) looks: usize,
    /// Of them: "what you have is what there is".
    pub(super) not_modified: usize,
    /// Of them: "there is no such thing".
    pub(super) absent: usize,
    pub(super) violations: Vec<Violation>,
}

impl Report {
    pub(super) fn count(&self, wrong: Wrong) -> usize {
        self.violations.iter().filter(|violation| violation.wrong == wrong).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, writes, looks, not_modified, absent, violations } = self;
        write!(
            f,
            "{writes} writes, {looks} looks ({not_modified} not modified, {absent} absent), seed {seed}, \
             {} violations",
            violations.len()
        )?;
        violations.iter().take(5).try_for_each(|one| write!(f, "\n- node {}: {}", one.node, one.text))
    }
}

/// An address, and what was asked for at it.
type Asked = (String, &'static str);

/// What one reader has: by what was asked for, the tag and what was shown under it.
#[derive(Debug)]
pub(super) struct Memory<T>(Mutex<HashMap<Asked, (String, T)>>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Memory<T> {
    fn of(&self, url: &str, accept: &'static str) -> Option<(String, T)> {
        lock(&self.0).get(&(url.to_owned(), accept)).cloned()
    }

    fn keep(&self, url: &str, accept: &'static str, tag: String, shown: T) {
        lock(&self.0).insert((url.to_owned(), accept), (tag, shown));
    }
}

/// One reader's memory, of documents and of files.
#[derive(Debug, Default)]
pub(super) struct Reader {
    documents: Memory<State>,
    files: Memory<String>,
}

/// Does a reader say what it has?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Plainly,
    IfChanged,
}

/// The nodes, the packages, and what has been seen so far.
#[derive(Debug)]
pub(super) struct World {
    pub(super) dialect: &'static dyn Dialect,
    pub(super) nodes: [Node; 2],
    pub(super) ledgers: Vec<Ledger>,
    pub(super) writes: AtomicUsize,
    looks: AtomicUsize,
    not_modified: AtomicUsize,
    absent: AtomicUsize,
    violations: Mutex<Vec<Violation>>,
}

impl World {
    pub(super) fn new(dialect: &'static dyn Dialect, nodes: [Node; 2], ledgers: Vec<Ledger>) -> Self {
        let zero = AtomicUsize::default;
        Self {
            dialect,
            nodes,
            ledgers,
            writes: zero(),
            looks: zero(),
            not_modified: zero(),
            absent: zero(),
            violations: Mutex::default(),
        }
    }

    /// How it went so far.
    pub(super) fn report(&self, seed: u64) -> Report {
        let now = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        Report {
            seed,
            writes: now(&self.writes),
            looks: now(&self.looks),
            not_modified: now(&self.not_modified),
            absent: now(&self.absent),
            violations: lock(&self.violations).clone(),
        }
    }

    /// Asks a node for a document about a package, and judges the answer.
    pub(super) async fn look_at_document(
        &self,
        reader: &Reader,
        node: usize,
        ledger: &Ledger,
        document: &Document,
        ask: Ask,
    ) -> Outcome {
        let url = format!("{}{}", self.nodes[node].feed(self.dialect.kind()), document.path);
        let known = reader.documents.of(&url, document.accept).filter(|_| ask == Ask::IfChanged);
        let moment = ledger.moment();
        let tag = known.as_ref().map(|(tag, _)| tag.as_str());
        let answer = self.nodes[node].ask(&url, document.accept, tag).await?;
        let allowed = ledger.since(moment);
        let (shown, wrong) = match answer {
            Answer::NotModified => (known.context("nothing was known")?.1, Wrong::Confirmed),
            Answer::Absent => (State::new(), Wrong::Index),
            Answer::Body { ref bytes, ref tag } => {
                let shown = self.dialect.shown(document, bytes)?;
                reader.documents.keep(&url, document.accept, tag.clone(), shown.clone());
                (shown, Wrong::Index)
            }
        };
        self.count(&answer);
        if !allowed.contains(&shown) {
            let text =
                format!("{wrong:?} {url} showed {shown:?} at moment {moment}, allowed are {allowed:?}");
            self.accuse(node, wrong, text);
        }
        Ok(())
    }

    /// Asks a node for the file of a version, and judges the answer.
    pub(super) async fn look_at_file(
        &self,
        reader: &Reader,
        node: usize,
        ledger: &Ledger,
        version: &str,
        ask: Ask,
    ) -> Outcome {
        let feed = self.nodes[node].feed(self.dialect.kind());
        let url = format!("{feed}{}", self.dialect.file(&ledger.name, version));
        let known = reader.files.of(&url, "*/*").filter(|_| ask == Ask::IfChanged);
        let moment = ledger.moment();
        let answer = self.nodes[node].ask(&url, "*/*", known.as_ref().map(|(tag, _)| tag.as_str())).await?;
        let allowed: Vec<Option<String>> = ledger
            .since(moment)
            .iter()
            .map(|state| state.get(version).map(|shown| shown.digest.clone()))
            .collect();
        let digest = match answer {
            Answer::NotModified => Some(known.context("nothing was known")?.1),
            Answer::Absent => None,
            Answer::Body { ref bytes, ref tag } => {
                let digest = self.dialect.digest(bytes);
                reader.files.keep(&url, "*/*", tag.clone(), digest.clone());
                Some(digest)
            }
        };
        self.count(&answer);
        if !allowed.contains(&digest) {
            let text = format!("{url} was {digest:?} at moment {moment}, allowed are {allowed:?}");
            self.accuse(node, Wrong::File, text);
        }
        Ok(())
    }

    fn count(&self, answer: &Answer) {
        self.looks.fetch_add(1, Ordering::SeqCst);
        match answer {
            Answer::NotModified => self.not_modified.fetch_add(1, Ordering::SeqCst),
            Answer::Absent => self.absent.fetch_add(1, Ordering::SeqCst),
            Answer::Body { .. } => 0,
        };
    }

    fn accuse(&self, node: usize, wrong: Wrong, text: String) {
        lock(&self.violations).push(Violation { node, wrong, text });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
