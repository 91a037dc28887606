//! What can go wrong between us and etcd, in words for whoever runs both.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// etcd did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum EtcdError {
    /// Nobody listens there, or no way leads there.
    #[error("etcd at {member} cannot be reached")]
    Unreachable {
        /// Which member.
        member: String,
        /// What the system said.
        source: io::Error,
    },
    /// The two do not come to speak TLS.
    #[error(
        "no TLS with etcd at {member}; see that it speaks TLS, and that 'ca' in the election's address names \
         the authority which signed its certificate for that name"
    )]
    Tls {
        /// Which member.
        member: String,
        /// What was wrong.
        source: io::Error,
    },
    /// It was connected, and then it was not.
    #[error("the connection to etcd at {member} broke; {hint}")]
    Broken {
        /// Which member.
        member: String,
        /// What to do about it, if it does so again and again.
        hint: &'static str,
        /// How.
        source: hyper::Error,
    },
    /// It answered with an error of its own.
    #[error("etcd at {member} answered '{message}'{}", hint(message))]
    Refused {
        /// Which member.
        member: String,
        /// What it said.
        message: String,
        /// The HTTP status.
        status: u16,
    },
    /// No answer in time.
    #[error("etcd did not answer within {} ms", after.as_millis())]
    NoAnswer {
        /// How long was waited.
        after: Duration,
    },
    /// It answered something that is not understood.
    #[error("etcd holds or answered what cannot be understood: {what}")]
    Strange {
        /// What.
        what: String,
    },
    /// A file for TLS cannot be used.
    #[error("cannot use the file {} for TLS with etcd: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// What to do about what etcd says most often.
fn hint(message: &str) -> &'static str {
    let known = [
        ("authentication failed", "; correct user and password in the election's address"),
        ("user name is empty", "; it wants a user: write etcd://USER:PASSWORD@… in the election's address"),
        (
            "authentication is not enabled",
            "; leave user and password out of the election's address, or enable it in etcd",
        ),
        ("permission denied", "; let the user read and write everything below the address's folder"),
        ("database space exceeded", "; compact and defragment etcd, and disarm its alarm"),
        ("no leader", "; see that more than half of etcd's members run and reach each other"),
        ("request timed out", "; see that more than half of etcd's members run and reach each other"),
        ("HTTP request to an HTTPS server", "; it speaks TLS: write etcds:// in the election's address"),
        ("Not Found", "; is it etcd 3.4 or later, with its gateway for JSON enabled?"),
    ];
    known.iter().find(|(part, _)| message.contains(part)).map_or("", |(_, hint)| hint)
}

impl EtcdError {
    /// Is a new token worth a try? Nothing was done then.
    pub(super) fn wants_another_token(&self) -> bool {
        let stale = ["invalid auth token", "revision of auth store is old"];
        matches!(self, Self::Refused { message, .. } if stale.iter().any(|part| message.contains(part)))
    }
}
