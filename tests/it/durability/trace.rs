//! Reading what `strace -f -y` writes: one finished call after the other, in the order in which
//! they ended, with the moment at which each began.

use std::collections::BTreeMap;

/// A finished system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// Its name, such as `fsync`.
    pub(super) name: String,
    /// What stands between its parentheses.
    pub(super) arguments: String,
    /// It returned no error.
    pub(super) succeeded: bool,
    /// How many calls had already ended when it began.
    pub(super) began_after: usize,
}

/// Reads lines of a trace. A call that another thread interrupts has two lines; it counts where it
/// ended. A call that has not ended is no call.
pub(super) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Call> {
    let mut open: BTreeMap<&str, (String, String, usize)> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in lines {
        let Some((thread, rest)) = line.trim_start().split_once(' ') else { continue };
        let rest = rest.trim_start();
        let (name, arguments, began_after, end) = if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some((_, end)) = resumed.split_once(" resumed>") else { continue };
            let Some((name, arguments, began_after)) = open.remove(thread) else { continue };
            (name, arguments, began_after, end)
        } else {
            let Some((name, arguments)) = rest.split_once('(') else { continue };
            if let Some(arguments) = arguments.strip_suffix("<unfinished ...>") {
                open.insert(thread, (name.to_owned(), arguments.to_owned(), calls.len()));
                continue;
            }
            (name.to_owned(), String::new(), calls.len(), arguments)
        };
        let Some((last_arguments, result)) = end.rsplit_once(" = ") else { continue };
        let succeeded = !result.starts_with('-') && !result.starts_with('?');
        calls.push(Call { name, arguments: arguments + last_arguments, succeeded, began_after });
    }
    calls
}

impl Call {
    /// The path of the file that its first argument refers to.
    fn path(&self) -> &str {
        let from = self.arguments.split_once('<').map_or("", |(_, path)| path);
        from.split_once('>').map_or("", |(path, _)| path)
    }

    pub(super) fn is_in(&self, part: &str) -> bool {
        self.path().contains(part)
    }

    pub(super) fn ends_in(&self, end: &str) -> bool {
        self.path().ends_with(end)
    }

    /// Is it about the folder in which blobs lie: `blobs/ab/cd`?
    pub(super) fn is_blob_folder(&self) -> bool {
        folders_above(&format!("{}/x", self.path())).is_some()
    }

    pub(super) fn is_sync(&self) -> bool {
        self.succeeded && matches!(self.name.as_str(), "fsync" | "fdatasync")
    }

    pub(super) fn is_write(&self) -> bool {
        matches!(self.name.as_str(), "write" | "writev" | "pwrite64" | "pwritev")
    }

    /// Does it give a blob its name?
    pub(super) fn is_name_giving(&self) -> bool {
        let gives = matches!(self.name.as_str(), "link" | "linkat" | "rename" | "renameat" | "renameat2");
        gives && self.succeeded && self.target().is_some_and(|path| folders_above(&path).is_some())
    }

    /// The last path among the arguments: where a name is given.
    pub(super) fn target(&self) -> Option<String> {
        self.arguments.rsplit('"').nth(1).map(str::to_owned)
    }

    /// Is it the head of an answer of success?
    pub(super) fn is_success(&self) -> bool {
        let sends = self.is_write() || matches!(self.name.as_str(), "sendto" | "sendmsg");
        sends && self.arguments.contains("\"HTTP/1.1 20")
    }
}

/// `…/blobs`, `…/blobs/ab` and `…/blobs/ab/cd` for a path to a file in the last one.
pub(super) fn folders_above(path: &str) -> Option<[String; 3]> {
    let (root, below) = path.rsplit_once("/blobs/")?;
    let mut parts = below.split('/');
    let (outer, inner) = (parts.next()?, parts.next()?);
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !two_digits(outer) || !two_digits(inner) || parts.count() != 1 {
        return None;
    }
    Some([format!("{root}/blobs"), format!("{root}/blobs/{outer}"), format!("{root}/blobs/{outer}/{inner}")])
}

#[test]
fn interrupted_calls_count_where_they_ended_and_know_where_they_began() {
    let text = "\
10 fsync(7</d/scratch/u/1> <unfinished ...>
11 write(9<socket:[4]>, \"HTTP/1.1 201 Cre\"..., 99 <unfinished ...>
12 linkat(AT_FDCWD, \"/d/scratch/u/1\", AT_FDCWD, \"/d/blobs/ab/cd/x\", 0) = 0
10 <... fsync resumed>)             = 0
11 <... write resumed>)             = 99
12 fsync(8</d/blobs/ab/cd>)         = -1 EIO (Input/output error)
13 fsync(8</d/blobs/ab/cd> <unfinished ...>";
    let calls = read(text.lines());
    let names: Vec<(&str, usize)> = calls.iter().map(|call| (call.name.as_str(), call.began_after)).collect();
    assert_eq!(names, [("linkat", 0), ("fsync", 0), ("write", 0), ("fsync", 3)]);
    assert!(calls[0].is_name_giving() && calls[1].is_sync() && calls[1].is_in("/scratch/"));
    assert!(calls[2].is_success() && !calls[3].is_sync(), "a flush that failed is none");
    assert!(calls[3].is_blob_folder() && !calls[1].is_blob_folder());
}
