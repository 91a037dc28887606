//! Tar archives byte by byte, because libraries refuse to write what is wrong.

use crate::bytes::gzip;

const BLOCK: usize = 512;

/// An archive being written. The layout of a header is that of
/// <https://www.gnu.org/software/tar/manual/html_node/Standard.html>.
#[derive(Default, Clone)]
pub(crate) struct Tar(Vec<u8>);

impl Tar {
    /// A file with its content.
    pub(crate) fn file(self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.entry(path, b'0', "", content)
    }

    /// An entry of any kind: `0` file, `1` hard link, `2` symbolic link, `3` device, `5` folder …
    pub(crate) fn entry(
        self,
        path: impl AsRef<[u8]>,
        kind: u8,
        link: &str,
        content: impl AsRef<[u8]>,
    ) -> Self {
        let content = content.as_ref();
        self.header(path.as_ref(), kind, link, &format!("{:011o}", content.len())).content(content)
    }

    /// An extension header of the newer kind, with these records.
    pub(crate) fn pax(self, kind: u8, records: &[(&str, &str)]) -> Self {
        let mut text = String::new();
        for (key, value) in records {
            let rest = format!(" {key}={value}\n");
            let length =
                (rest.len()..).find(|length| length.to_string().len() + rest.len() == *length).unwrap();
            text += &format!("{length}{rest}");
        }
        self.entry("PaxHeader", kind, "", text)
    }

    /// A header alone, its size written as given.
    pub(crate) fn header(mut self, path: &[u8], kind: u8, link: &str, size: &str) -> Self {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, field: &[u8]| block[at..at + field.len()].copy_from_slice(field);
        put(0, &path[..path.len().min(100)]);
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, size.as_bytes());
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[kind]);
        put(157, link.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&block);
        self
    }

    fn content(mut self, content: &[u8]) -> Self {
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        self
    }

    /// Changes the bytes so far.
    pub(crate) fn but(mut self, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        change(&mut self.0);
        self
    }

    /// The archive with its end.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }

    /// The same, compressed.
    pub(crate) fn tgz(self) -> Vec<u8> {
        gzip(&self.end())
    }
}

impl Tar {
    /// The bytes so far, without an end.
    pub(crate) fn open(self) -> Vec<u8> {
        self.0
    }
}
