//! What lies under a directory: a disk of this machine, a share of another, or memory.
//!
//! The kernel tells it by a number per file system type; see the table of constants in
//! <https://man7.org/linux/man-pages/man2/statfs.2.html>. An unknown number counts as a disk of
//! this machine: then several nodes are refused rather than trusted.

use std::path::Path;

/// Kinds of media that differ in what a store on them can promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    /// Seen by this machine only, survives a power cut.
    Disk,
    /// Seen by several machines.
    Share,
    /// Gone with the power.
    Memory,
}

const SHARES: [(u64, &str); 9] = [
    (0x6969, "nfs"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x517B, "smb"),
    (0x00C3_6400, "ceph"),
    (0x0BD0_0BD0, "lustre"),
    (0x7461_636F, "ocfs2"),
    (0x0116_1970, "gfs2"),
    (0x4750_4653, "gpfs"),
];
const MEMORY: [(u64, &str); 2] = [(0x0102_1994, "tmpfs"), (0x8584_58F6, "ramfs")];

impl Medium {
    /// Asks the kernel; a kernel that does not answer counts as an ordinary disk.
    pub(crate) fn of(path: &Path) -> Self {
        let Ok(found) = rustix::fs::statfs(path) else { return Self::Disk };
        // Some architectures give the number as a signed 32-bit value; only its low half counts.
        #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)]
        let number = (found.f_type as u64) & 0xFFFF_FFFF;
        let is_in = |table: &[(u64, &str)]| table.iter().any(|(known, _)| *known == number);
        if is_in(&SHARES) {
            Self::Share
        } else if is_in(&MEMORY) {
            Self::Memory
        } else {
            Self::Disk
        }
    }
}
