//! What an upload form says about the file in it, and whether the file agrees.
//!
//! The form repeats most of the metadata; what it says is never stored, because the file itself
//! says it better. It is held against the file where a difference would show that something went
//! wrong on the way: name, version, kind, required Python, and every digest. See
//! <https://github.com/pypi/warehouse/blob/main/docs/user/api/upload.md> for the fields.

use super::file_name::Kind;
use super::metadata::Metadata;
use super::{name, version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use proget_core::digest::{Blake2b256, Digests, Md5, Sha256};
use proget_core::package::{PackageName, Version};
use proget_core::refusal::Refusal;
use std::collections::BTreeMap;

/// So many values one form may have.
pub const MOST_VALUES: usize = 4000;

/// Digits of an MD5 in base64 without padding; no other digest has as many.
const MD5_BASE64: usize = 22;

/// The text fields of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    fields: BTreeMap<String, Vec<String>>,
    values: usize,
}

impl Form {
    /// Takes a field in.
    ///
    /// # Errors
    /// A refusal when there are too many.
    pub fn add(&mut self, field: &str, value: String) -> Result<(), Refusal> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(Refusal::new("form", format!("must have at most {MOST_VALUES} fields")));
        }
        self.fields.entry(field.to_owned()).or_default().push(value);
        Ok(())
    }

    /// The value of a field that may be there once.
    ///
    /// # Errors
    /// A refusal if it is there with different values.
    pub fn one(&self, field: &'static str) -> Result<Option<&str>, Refusal> {
        let values = self.fields.get(field).map(Vec::as_slice).unwrap_or_default();
        let Some(first) = values.first() else { return Ok(None) };
        if values.iter().any(|value| value != first) {
            return Err(Refusal::new(field, "must be in the form once, not with several values"));
        }
        Ok(Some(first.trim()).filter(|value| !value.is_empty()))
    }

    /// The form as an offer's document: an object of lists of texts.
    #[must_use]
    pub fn document(&self) -> Bytes {
        // Texts always serialize.
        serde_json::to_vec(&self.fields).unwrap_or_default().into()
    }

    /// Reads what [`Form::document`] wrote.
    ///
    /// # Errors
    /// A refusal of any other document.
    pub fn from_document(document: &[u8]) -> Result<Self, Refusal> {
        let fields: BTreeMap<String, Vec<String>> = serde_json::from_slice(document)
            .map_err(|error| Refusal::new("form", format!("must be an object of lists of texts: {error}")))?;
        let values = fields.values().map(Vec::len).sum();
        Ok(Self { fields, values })
    }

    /// Holds the digests in the form against what was received.
    ///
    /// # Errors
    /// A refusal that names the digest, what the form says and what was received.
    pub fn check_digests(&self, measured: &Digests) -> Result<(), Refusal> {
        self.check_digest::<Sha256>("sha256_digest", Some(measured.sha256))?;
        self.check_digest::<Md5>("md5_digest", measured.md5)?;
        self.check_digest::<Blake2b256>("blake2_256_digest", measured.blake2b)
    }

    fn check_digest<D: std::str::FromStr + PartialEq + std::fmt::Display>(
        &self,
        field: &'static str,
        measured: Option<D>,
    ) -> Result<(), Refusal> {
        let Some(said) = self.one(field)? else { return Ok(()) };
        // The MD5 may come in base64, which is how it was sent long ago.
        let decoded = (said.len() == MD5_BASE64).then(|| URL_SAFE_NO_PAD.decode(said).ok()).flatten();
        let hex = decoded.map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let parsed = hex.as_deref().unwrap_or(said).parse::<D>().ok();
        let said = said.escape_debug();
        match (parsed, measured) {
            (None, _) => Err(Refusal::new(field, format!("'{said}' is no such digest in hexadecimal"))),
            (Some(parsed), Some(measured)) if parsed != measured => {
                Err(Refusal::new(field, format!("is {said}, but the file that arrived has {measured}")))
            }
            _ => Ok(()),
        }
    }

    /// Holds the form against the metadata in the file.
    ///
    /// # Errors
    /// A refusal that names the field and both values.
    pub fn check_metadata(
        &self,
        kind: Kind,
        metadata: &Metadata,
        name: &PackageName,
        version: &Version,
    ) -> Result<(), Refusal> {
        let differs = |field: &'static str, said: &str, found: &str| {
            Err(Refusal::new(
                field,
                format!("is '{}' in the form, but '{found}' in the file", said.escape_debug()),
            ))
        };
        if let Some(said) = self.one("name")?
            && name::normalized(said) != name.key().as_str()
        {
            return differs("name", said, name.as_str());
        }
        if let Some(said) = self.one("version")?
            && version::parse(said)?.key() != version.key()
        {
            return differs("version", said, version.as_str());
        }
        if let Some(said) = self.one("filetype")?
            && said != kind.filetype()
        {
            return differs("filetype", said, kind.filetype());
        }
        if let Some(said) = self.one("metadata_version")?
            && said != metadata.metadata_version()
        {
            return differs("metadata_version", said, metadata.metadata_version());
        }
        if let Some(said) = self.one("requires_python")? {
            let found = metadata.requires_python().unwrap_or_default();
            if version::requires_python(said)? != found {
                return differs("requires_python", said, found);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proget_core::digest::DigestSet;

    fn form(fields: &[(&str, &str)]) -> Form {
        let mut form = Form::default();
        for (field, value) in fields {
            form.add(field, (*value).to_owned()).unwrap();
        }
        form
    }

    #[test]
    fn a_form_survives_its_document() {
        let sent = form(&[("name", "a"), ("classifiers", "x"), ("classifiers", "y")]);
        assert_eq!(Form::from_document(&sent.document()).unwrap(), sent);
        assert!(Form::from_document(b"{\"name\": \"a\"}").is_err());
    }

    #[test]
    fn each_digest_is_held_against_the_bytes() {
        let all = DigestSet { md5: true, blake2b: true, ..DigestSet::default() };
        let measured = Digests::of(b"abc", all);
        let (md5, blake) = (measured.md5.unwrap().to_string(), measured.blake2b.unwrap().to_string());
        let right = [
            ("sha256_digest", measured.sha256.to_string()),
            ("md5_digest", md5),
            ("blake2_256_digest", blake),
        ];
        for (field, value) in &right {
            form(&[(field, &value.to_uppercase())]).check_digests(&measured).unwrap();
            let wrong = format!("{}{}", if value.starts_with('0') { '1' } else { '0' }, &value[1..]);
            let refusal = form(&[(field, &wrong)]).check_digests(&measured).unwrap_err();
            assert!(refusal.field == *field && refusal.rule.contains(value), "{refusal}");
            assert!(form(&[(field, "zz")]).check_digests(&measured).is_err());
        }
    }

    #[test]
    fn an_md5_may_come_in_base64() {
        let measured = Digests::of(b"abc", DigestSet { md5: true, ..DigestSet::default() });
        form(&[("md5_digest", "kAFQmDzST7DWlj99KOF_cg")]).check_digests(&measured).unwrap();
        assert!(form(&[("md5_digest", "kAFQmDzST7DWlj99KOF_cQ")]).check_digests(&measured).is_err());
        assert!(form(&[("sha256_digest", "kAFQmDzST7DWlj99KOF_cg")]).check_digests(&measured).is_err());
    }

    #[test]
    fn contradictions_within_a_form_are_refused() {
        assert!(form(&[("name", "a"), ("name", "b")]).one("name").is_err());
        assert_eq!(form(&[("name", " a "), ("name", " a ")]).one("name").unwrap(), Some("a"));
        let mut many = Form::default();
        assert!((0..=MOST_VALUES).any(|_| many.add("x", String::new()).is_err()));
    }
}
