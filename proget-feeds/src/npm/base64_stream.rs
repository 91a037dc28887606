//! Base64 that arrives in pieces cut anywhere, decoded without keeping it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, DecodeSliceError};
use proget_core::refusal::Refusal;

/// Decodes the standard alphabet with padding; keeps at most three characters between pieces.
#[derive(Debug, Default)]
pub(super) struct Base64Stream {
    pending: [u8; 4],
    filled: usize,
    position: u64,
    ended: bool,
}

impl Base64Stream {
    /// Takes the next characters and appends what they decode to.
    pub(super) fn push(&mut self, mut text: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        if self.filled > 0 {
            let (head, rest) = text.split_at(text.len().min(4 - self.filled));
            self.pending[self.filled..self.filled + head.len()].copy_from_slice(head);
            self.filled += head.len();
            text = rest;
            if self.filled < 4 {
                return Ok(());
            }
            self.filled = 0;
            self.quads(&self.pending.clone(), out)?;
        }
        let (quads, rest) = text.split_at(text.len() - text.len() % 4);
        self.quads(quads, out)?;
        self.pending[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
        Ok(())
    }

    /// No more will come.
    pub(super) fn finish(&self) -> Result<(), Refusal> {
        if self.filled == 0 {
            Ok(())
        } else {
            Err(broken(self.position, "it ends within a group of four characters"))
        }
    }

    fn quads(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        if text.is_empty() {
            return Ok(());
        }
        if self.ended {
            return Err(broken(self.position, "something follows the padding"));
        }
        let start = out.len();
        out.resize(start + text.len() / 4 * 3, 0);
        let Ok(written) = STANDARD.decode_slice(text, &mut out[start..]) else {
            return Err(self.first_error(text));
        };
        out.truncate(start + written);
        self.ended = text.ends_with(b"=");
        self.position += text.len() as u64;
        Ok(())
    }

    /// What is wrong first, found group by group, so that it is the same wherever pieces are cut.
    fn first_error(&self, text: &[u8]) -> Refusal {
        let (mut position, mut ended) = (self.position, false);
        for quad in text.chunks(4) {
            if ended {
                return broken(position, "something follows the padding");
            }
            if let Err(DecodeSliceError::DecodeError(error)) = STANDARD.decode_slice(quad, &mut [0; 3]) {
                return refusal(position, error);
            }
            ended = quad.ends_with(b"=");
            position += 4;
        }
        broken(position, "it is not base64")
    }
}

fn refusal(position: u64, error: DecodeError) -> Refusal {
    let at = match error {
        DecodeError::InvalidByte(at, _) => at,
        DecodeError::InvalidLastSymbol { offset, .. } => offset,
        _ => 0,
    };
    broken(position + at as u64, "there is a character that does not belong there")
}

fn broken(position: u64, why: &str) -> Refusal {
    let rule = format!("must be base64, but at character {position} {why}");
    Refusal::new("_attachments.data", rule).see("https://www.rfc-editor.org/rfc/rfc4648#section-4")
}
