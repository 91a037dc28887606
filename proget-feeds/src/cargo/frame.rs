//! The body of a publish, taken apart while it arrives: a length, a document, a length, a crate.
//!
//! Both lengths are 32 bits, little-endian. The document is kept, up to a limit; of the crate
//! nothing is kept here, its bytes are handed on as they come. The announced lengths must be those
//! of what is sent. See <https://doc.rust-lang.org/cargo/reference/registry-web-api.html#publish>.

use bytes::{Buf as _, Bytes};
use proget_core::refusal::Refusal;

/// Largest document in bytes, its README included: 4 MiB.
pub const DOCUMENT_LIMIT: u32 = 4 << 20;

/// Takes the body of one publish apart.
#[derive(Debug, Default)]
pub struct Frame {
    document_length: Length,
    document: Vec<u8>,
    crate_length: Length,
    crate_seen: u64,
}

impl Frame {
    /// Takes what arrived next and gives the part of it that belongs to the crate.
    ///
    /// # Errors
    /// A refusal of a document above the limit, and of bytes behind the crate's announced end.
    pub fn push(&mut self, mut chunk: Bytes) -> Result<Bytes, Refusal> {
        let Some(wanted) = self.document_length.read(&mut chunk) else { return Ok(Bytes::new()) };
        if wanted > DOCUMENT_LIMIT {
            let rule = format!("must have at most {DOCUMENT_LIMIT} bytes, and {wanted} are announced");
            return Err(Refusal::new("publish document", rule));
        }
        let missing = (wanted as usize).saturating_sub(self.document.len()).min(chunk.len());
        self.document.extend_from_slice(&chunk.split_to(missing));
        if self.document.len() < wanted as usize {
            return Ok(Bytes::new());
        }
        let Some(announced) = self.crate_length.read(&mut chunk) else { return Ok(Bytes::new()) };
        self.crate_seen += chunk.len() as u64;
        if self.crate_seen > u64::from(announced) {
            let rule =
                format!("goes on behind the end of the crate, for which {announced} bytes are announced");
            return Err(Refusal::new("body", rule));
        }
        Ok(chunk)
    }

    /// The document, once all of it and the crate's length have arrived.
    #[must_use]
    pub fn document(&self) -> Option<&[u8]> {
        self.crate_length.value().map(|_| self.document.as_slice())
    }

    /// Closes the frame when the body has ended, and gives the document.
    ///
    /// # Errors
    /// A refusal if less has arrived than was announced.
    pub fn finish(self) -> Result<Vec<u8>, Refusal> {
        match self.crate_length.value() {
            Some(announced) if u64::from(announced) == self.crate_seen => Ok(self.document),
            Some(announced) => {
                let rule = format!(
                    "ended after {} bytes of the crate, for which {announced} are announced",
                    self.crate_seen
                );
                Err(Refusal::new("body", rule))
            }
            None => Err(Refusal::new("body", "ended before the document and the crate's length had arrived")),
        }
    }
}

/// A length that may arrive in pieces.
#[derive(Debug, Default)]
struct Length {
    bytes: [u8; 4],
    have: usize,
}

impl Length {
    fn read(&mut self, chunk: &mut Bytes) -> Option<u32> {
        while self.have < self.bytes.len() && chunk.has_remaining() {
            self.bytes[self.have] = chunk.get_u8();
            self.have += 1;
        }
        self.value()
    }

    fn value(&self) -> Option<u32> {
        (self.have == self.bytes.len()).then(|| u32::from_le_bytes(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(document: &[u8], content: &[u8]) -> Vec<u8> {
        let mut body = u32::try_from(document.len()).unwrap().to_le_bytes().to_vec();
        body.extend_from_slice(document);
        body.extend_from_slice(&u32::try_from(content.len()).unwrap().to_le_bytes());
        body.extend_from_slice(content);
        body
    }

    fn read(body: &[u8], size: usize) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
        let (mut frame, mut content) = (Frame::default(), Vec::new());
        for piece in body.chunks(size) {
            content.extend_from_slice(&frame.push(Bytes::copy_from_slice(piece))?);
            assert!(content.is_empty() || frame.document().is_some());
        }
        Ok((frame.finish()?, content))
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_what_was_framed(
            document in prop::collection::vec(any::<u8>(), 0..40),
            content in prop::collection::vec(any::<u8>(), 0..40),
            size in 1_usize..100,
        ) {
            prop_assert_eq!(read(&framed(&document, &content), size).unwrap(), (document, content));
        }

        #[test]
        fn a_body_cut_short_or_drawn_out_is_refused(content in prop::collection::vec(any::<u8>(), 1..40), size in 1_usize..100, cut in 1_usize..20) {
            let body = framed(b"{}", &content);
            prop_assert!(read(&body[..body.len().saturating_sub(cut)], size).is_err());
            prop_assert!(read(&[&body[..], &[0]].concat(), size).is_err());
        }
    }

    #[test]
    fn a_document_above_the_limit_is_refused_by_its_length_alone() {
        let refusal = Frame::default().push(Bytes::from_static(&[0xff; 4])).unwrap_err();
        assert!(refusal.rule.contains("4294967295 are announced"), "{refusal}");
    }

    #[test]
    fn nothing_at_all_is_refused() {
        assert!(Frame::default().finish().is_err());
        assert!(read(&framed(b"", b""), 1).is_ok(), "whether it means something is not asked here");
    }
}
