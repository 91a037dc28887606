//! How a command ends: exit codes, each with a meaning that scripts may rely on.

use std::process::ExitCode;

/// How a command ended. `docs/INSTALL.md` lists the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// 0: it was done.
    Done,
    /// 1: it was refused or failed.
    Failed,
    /// 2: command line or configuration are wrong.
    Misconfigured,
    /// 3: the server cannot start: address, directory, certificate.
    CannotStart,
    /// 4: the database cannot be opened: away, locked, too new.
    NoDatabase,
    /// 5: `verify` found damage, or `sweep` stopped deleting.
    Damage,
    /// 130: it was interrupted.
    Interrupted,
}

impl Ending {
    /// What the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Misconfigured => 2,
            Self::CannotStart => 3,
            Self::NoDatabase => 4,
            Self::Damage => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending.code())
    }
}

/// Why a command ended badly: a sentence for standard error, and the code.
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) what: String,
    pub(super) ending: Ending,
}

impl Stopped {
    pub(super) fn new(ending: Ending, what: impl Into<String>) -> Self {
        Self { what: what.into(), ending }
    }
}
