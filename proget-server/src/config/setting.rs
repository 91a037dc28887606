//! What a setting is. Its name in the file is the only one that is written down: the variable and
//! the flag follow from it, so nobody has to look up how `timeout-drain` is spelled elsewhere.

/// What a setting's text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A file or directory.
    Path,
    /// `address:port`, several separated by commas.
    Addresses,
    /// IP networks or addresses, separated by commas.
    Networks,
    /// An absolute `http` or `https` URL, possibly with a path.
    PublicUrl,
    /// Where the database is, or another service; may hold a password.
    DatabaseUrl,
    /// Where packages are kept.
    StoreAddress,
    /// Which log lines are written, as `info` or `info,proget_server=debug`.
    LogFilter,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number.
    Count,
    /// Bytes: `4096`, `64KiB`, `1MiB`, `16GiB`.
    Size,
    /// A length of time: `500ms`, `10s`, `2m`, `1h`.
    Duration,
    /// Text that nobody may see.
    Secret,
}

impl Kind {
    /// Is the whole text to be hidden?
    #[must_use]
    pub fn is_secret(self) -> bool {
        self == Self::Secret
    }

    /// May the value come from a file of its own, named by the variable with `_FILE` behind it?
    #[must_use]
    pub fn may_be_in_a_file(self) -> bool {
        matches!(self, Self::Secret | Self::DatabaseUrl)
    }

    /// What stands for the value in help texts.
    #[must_use]
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Path => "PATH",
            Self::Addresses => "ADDRESS:PORT,…",
            Self::Networks => "NETWORK,…",
            Self::PublicUrl | Self::DatabaseUrl => "URL",
            Self::StoreAddress => "PATH-OR-URL",
            Self::LogFilter => "FILTER",
            Self::Choice(_) => "WORD",
            Self::Count => "NUMBER",
            Self::Size => "SIZE",
            Self::Duration => "TIME",
            Self::Secret => "SECRET",
        }
    }
}

/// What holds if nothing is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standard {
    /// This text, as if it had been written.
    Value(&'static str),
    /// Nothing, or something that is worked out; the words say what.
    Otherwise(&'static str),
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name in the file, such as `data-dir`.
    pub name: &'static str,
    /// What its text means.
    pub kind: Kind,
    /// What holds if it is not set.
    pub standard: Standard,
    /// One sentence for people, without a full stop.
    pub about: &'static str,
}

impl Setting {
    /// `PROGET_DATA_DIR`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("PROGET_{}", self.name.replace('-', "_").to_ascii_uppercase())
    }

    /// `PROGET_ADMIN_PASSWORD_FILE`, where there is one.
    #[must_use]
    pub fn file_variable(&self) -> Option<String> {
        self.kind.may_be_in_a_file().then(|| format!("{}_FILE", self.variable()))
    }

    /// `data-dir`, without the hyphens before it; secrets have no flag, because every user of a
    /// machine can read the command lines of its processes.
    #[must_use]
    pub fn flag(&self) -> Option<&'static str> {
        (!self.kind.is_secret()).then_some(self.name)
    }
}
