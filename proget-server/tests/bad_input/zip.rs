//! Zip archives byte by byte, because libraries refuse to write what is wrong. The layout is that of
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::io::Write as _;

/// One file, which says of itself what it is told to say.
#[derive(Clone)]
pub(crate) struct ZipFile {
    pub(crate) name: Vec<u8>,
    /// The name before the file, if it is another than in the directory.
    pub(crate) name_before: Option<Vec<u8>>,
    packed: Vec<u8>,
    pub(crate) size: u32,
    pub(crate) crc: u32,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    /// What Unix makes of it: a file, a folder, a link.
    pub(crate) mode: u32,
}

impl ZipFile {
    /// A file as it should be, compressed.
    pub(crate) fn new(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        deflate.write_all(content).unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(content);
        Self {
            name: name.as_ref().to_vec(),
            name_before: None,
            packed: deflate.finish().unwrap(),
            size: content.len() as u32,
            crc: crc.sum(),
            method: 8,
            flags: 0,
            mode: 0o100_644,
        }
    }

    pub(crate) fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// A bit of the compressed bytes turned.
    pub(crate) fn spoilt(self) -> Self {
        self.but(|file| {
            let middle = file.packed.len() / 2;
            file.packed[middle] ^= 0x10;
        })
    }

    fn common(&self, out: &mut Vec<u8>) {
        for short in [20, self.flags, self.method, 0, 33] {
            out.extend_from_slice(&short.to_le_bytes());
        }
        for long in [self.crc, self.packed.len() as u32, self.size] {
            out.extend_from_slice(&long.to_le_bytes());
        }
    }
}

/// The archive of these files.
pub(crate) fn zip(files: &[ZipFile]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        let start = out.len() as u32;
        let name = file.name_before.as_ref().unwrap_or(&file.name);
        out.extend_from_slice(b"PK\x03\x04");
        file.common(&mut out);
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(name);
        out.extend_from_slice(&file.packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\x03");
        file.common(&mut directory);
        directory.extend_from_slice(&(file.name.len() as u16).to_le_bytes());
        directory.extend_from_slice(&[0; 8]);
        directory.extend_from_slice(&(file.mode << 16).to_le_bytes());
        directory.extend_from_slice(&start.to_le_bytes());
        directory.extend_from_slice(&file.name);
    }
    let start = out.len() as u32;
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    for _ in 0..2 {
        out.extend_from_slice(&(files.len() as u16).to_le_bytes());
    }
    out.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out
}
