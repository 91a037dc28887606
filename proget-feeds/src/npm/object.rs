//! Writing a JSON object member by member, some of them copied as they are.

use serde::Serialize;
use serde_json::value::RawValue;

/// An object being written; closed by [`ObjectWriter::end`].
#[derive(Debug)]
pub(super) struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> ObjectWriter<'a> {
    /// Opens an object.
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Copies all members of an object.
    pub(super) fn members_of(&mut self, object: &RawValue) {
        let inner = object.get().trim();
        let inner =
            inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or_default().trim();
        if !inner.is_empty() {
            self.comma();
            self.out.extend_from_slice(inner.as_bytes());
        }
    }

    /// Writes a member.
    pub(super) fn member(&mut self, key: &str, value: &(impl Serialize + ?Sized)) {
        // Texts, numbers and maps of them always serialize; null keeps the document whole if not.
        let text = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
        self.key(key);
        self.out.extend_from_slice(&text);
    }

    /// Opens an object within this one.
    pub(super) fn object(&mut self, key: &str) -> ObjectWriter<'_> {
        self.key(key);
        ObjectWriter::begin(self.out)
    }

    /// Closes the object.
    pub(super) fn end(self) {
        self.out.push(b'}');
    }

    fn key(&mut self, key: &str) {
        self.comma();
        let key = serde_json::to_vec(key).unwrap_or_default();
        self.out.extend_from_slice(&key);
        self.out.push(b':');
    }

    fn comma(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
    }
}
