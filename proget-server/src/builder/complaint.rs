//! What is wrong with a server's parts, said all at once, each with what to do about it.

use std::fmt;

/// Something that is wrong with a server's parts, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

/// Everything that is wrong with a server's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError(pub Vec<Complaint>);

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server cannot be put together")?;
        self.0.iter().try_for_each(|complaint| write!(f, "\n- {}; {}", complaint.what, complaint.hint))
    }
}

impl std::error::Error for BuildError {}

impl BuildError {
    /// One complaint alone.
    pub(super) fn one(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self(vec![Complaint { what: what.into(), hint: hint.into() }])
    }
}

/// Adds a complaint.
pub(super) fn complain(complaints: &mut Vec<Complaint>, what: impl Into<String>, hint: impl Into<String>) {
    complaints.push(Complaint { what: what.into(), hint: hint.into() });
}
