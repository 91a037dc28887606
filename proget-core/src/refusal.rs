//! What is wrong with a package or a request, told to its author: field, rule, and where the rule is written.

use std::borrow::Cow;
use std::fmt;

/// What is wrong, told to the author: names the field and the rule it breaks.
///
/// The texts may be shown to anybody who may call: they carry what the author sent and what is
/// expected, never what the server holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The part that is wrong, in the words of the format: `name`, `versions["1.0.0"].dist.integrity`.
    pub field: Cow<'static, str>,
    /// What is expected there and what was found.
    pub rule: Cow<'static, str>,
    /// Where the rule is written, if anywhere.
    pub see: Option<&'static str>,
}

impl Refusal {
    /// A refusal of `field` because of `rule`.
    pub fn new(field: impl Into<Cow<'static, str>>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), rule: rule.into(), see: None }
    }

    /// The same, with the address of the specification that says so.
    #[must_use]
    pub fn see(mut self, specification: &'static str) -> Self {
        self.see = Some(specification);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.rule)?;
        self.see.map_or(Ok(()), |link| write!(f, " (see {link})"))
    }
}

impl std::error::Error for Refusal {}
