//! Package URLs, `pkg:npm/%40acme/widget@1.0.0`: as ProGet's client sends and expects them.
//! See <https://github.com/package-url/purl-spec>.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use proget_core::Refusal;
use std::fmt;

/// Everything but letters, digits, `.`, `-`, `_` and `~` is encoded; `:` may stand as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~').remove(b':');

/// A package URL, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Purl {
    pub(super) kind: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) version: Option<String>,
    /// As it stands, still encoded: `file=a.whl`.
    pub(super) qualifiers: Option<String>,
}

impl Purl {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = |rule: &'static str| Refusal::new("purl", rule);
        let rest = text.strip_prefix("pkg:").ok_or_else(|| refuse("must begin with 'pkg:'"))?;
        let rest = rest.split_once('#').map_or(rest, |(rest, _subpath)| rest);
        let (rest, qualifiers) = match rest.split_once('?') {
            Some((rest, qualifiers)) => (rest, Some(qualifiers).filter(|text| !text.is_empty())),
            None => (rest, None),
        };
        let (kind, path) =
            rest.trim_matches('/').split_once('/').ok_or_else(|| refuse("must have a type and a name"))?;
        // An unencoded '@' at the beginning of a segment is a scope, not a version.
        let (path, version) = match path.rfind('@') {
            Some(at) if at > 0 && !path[..at].ends_with('/') => (&path[..at], Some(&path[at + 1..])),
            _ => (path, None),
        };
        let (namespace, name) = match path.trim_matches('/').rsplit_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, path.trim_matches('/')),
        };
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
            decoded.map_err(|_| refuse("is not UTF-8 after percent-decoding"))
        };
        if kind.is_empty() || name.is_empty() {
            return Err(refuse("must have a type and a name"));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-');
        if !kind.starts_with(|c: char| c.is_ascii_alphabetic()) || !kind.chars().all(plain) {
            return Err(refuse("must have a type of letters, digits, '.', '+' and '-'"));
        }
        // Segment by segment: a slash that is encoded belongs to no segment.
        let folder = |segment: &str| match decode(segment)? {
            decoded if decoded.is_empty() || decoded.contains('/') => {
                Err(refuse("must not have empty segments or encoded slashes in its namespace"))
            }
            decoded => Ok(decoded),
        };
        let namespace = namespace.map(|text| text.split('/').map(folder).collect::<Result<Vec<_>, _>>());
        Ok(Self {
            kind: kind.to_ascii_lowercase(),
            namespace: namespace.transpose()?.map(|segments| segments.join("/")),
            name: decode(name)?,
            version: version.filter(|text| !text.is_empty()).map(decode).transpose()?,
            qualifiers: qualifiers.map(str::to_owned),
        })
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
        write!(f, "pkg:{}", self.kind)?;
        for segment in self.namespace.iter().flat_map(|namespace| namespace.split('/')) {
            write!(f, "/{}", encoded(segment))?;
        }
        write!(f, "/{}", encoded(&self.name))?;
        if let Some(version) = &self.version {
            write!(f, "@{}", encoded(version))?;
        }
        self.qualifiers.iter().try_for_each(|qualifiers| write!(f, "?{qualifiers}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_are_read_and_written() {
        let scoped = Purl::parse("pkg:npm/%40acme/widget@1.0.0-rc.1%2Bbuild").unwrap();
        assert_eq!(scoped.namespace.as_deref(), Some("@acme"));
        assert_eq!(scoped.version.as_deref(), Some("1.0.0-rc.1+build"));
        assert_eq!(scoped.to_string(), "pkg:npm/%40acme/widget@1.0.0-rc.1%2Bbuild");
        assert_eq!(Purl::parse("pkg:NPM/@acme/widget").unwrap(), Purl { version: None, ..scoped });
        let file = Purl::parse("pkg:pypi/django@1.11?file=Django-1.11.tar.gz#sub/path").unwrap();
        assert_eq!(file.qualifiers.as_deref(), Some("file=Django-1.11.tar.gz"));
        assert_eq!(file.to_string(), "pkg:pypi/django@1.11?file=Django-1.11.tar.gz");
        assert_eq!(Purl::parse("pkg:npm/left-pad").unwrap().version, None);
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in [
            "",
            "npm/a@1",
            "pkg:npm",
            "pkg:npm/",
            "pkg:/a",
            "pkg:npm/%ff",
            "pkg:n%70m/a",
            "pkg:7z/a",
            "pkg:golang/a//b",
            "pkg:golang/%2fa/b",
        ] {
            assert!(Purl::parse(bad).is_err(), "{bad}");
        }
    }
}
