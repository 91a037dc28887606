//! What is wrong with a configuration: every mistake at once, each with who said so and what to do.

use std::fmt;
use std::path::PathBuf;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: the built-in default.
    Default,
    /// In the configuration file.
    File(PathBuf),
    /// In an environment variable.
    Variable(String),
    /// In a file that an environment variable names.
    FileOf(String, PathBuf),
    /// On the command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::FileOf(name, path) => write!(f, "file {} named by {name}", path.display()),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong.
    pub what: String,
    /// What was expected, or what to do.
    pub hint: String,
}

/// All mistakes of a configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaints(pub Vec<Complaint>);

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has a mistake:")?,
            count => write!(f, "the configuration has {count} mistakes:")?,
        }
        for complaint in &self.0 {
            write!(f, "\n  {}", complaint.what)?;
            if !complaint.hint.is_empty() {
                write!(f, "\n    {}", complaint.hint)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Complaints {}
