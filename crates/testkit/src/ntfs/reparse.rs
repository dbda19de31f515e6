//! Reparse points in an NTFS: junctions, links, and what else Windows keeps as one.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;

use super::change;

/// Tags (winnt.h): a mount point or junction, a symbolic link, one of WSL, a file that WOF has
/// compressed.
const MOUNT_POINT: u32 = 0xa000_0003;
const SYMLINK: u32 = 0xa000_000c;
const LX_SYMLINK: u32 = 0xa000_001d;
const WOF: u32 = 0x8000_0017;

/// What a reparse point is.
#[derive(Debug, Clone, Copy)]
pub enum Reparse {
    /// A junction to what stands behind `\??\`.
    Junction(&'static str),
    /// A symbolic link, from where it is.
    Link(&'static str),
    /// A symbolic link of WSL.
    Wsl(&'static str),
    /// A file that `compact /exe` has compressed.
    Compressed,
}

impl Reparse {
    fn data(self) -> Vec<u8> {
        let (tag, body) = match self {
            Reparse::Junction(target) => {
                (MOUNT_POINT, names(&format!("\\??\\{target}"), target, &[]))
            }
            Reparse::Link(target) => (SYMLINK, names(target, target, &[1, 0, 0, 0])),
            Reparse::Wsl(target) => {
                let version = [2, 0, 0, 0];
                (LX_SYMLINK, [&version, target.as_bytes()].concat())
            }
            Reparse::Compressed => {
                let words = [1_u32, 2, 1, 0].map(u32::to_le_bytes);
                (WOF, words.concat())
            }
        };
        let length = u16::try_from(body.len()).unwrap_or_default();
        let mut data = tag.to_le_bytes().to_vec();
        data.extend(length.to_le_bytes());
        data.extend([0, 0]);
        data.extend(body);
        data
    }

    fn is_directory(self) -> bool {
        matches!(self, Reparse::Junction(_) | Reparse::Link(_))
    }
}

/// The two names of a link, where they stand, and flags between.
fn names(real: &str, shown: &str, flags: &[u8]) -> Vec<u8> {
    let bytes =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let (real, shown) = (bytes(real), bytes(shown));
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or_default();
    let fields = [0, length(&real), length(&real) + 2, length(&shown)];
    let mut data: Vec<u8> = fields.into_iter().flat_map(u16::to_le_bytes).collect();
    data.extend(flags);
    for name in [real, shown] {
        data.extend(name);
        data.extend([0, 0]);
    }
    data
}

/// Puts reparse points there, in place of what was there.
///
/// # Errors
/// When one cannot be made.
pub fn put(path: &Path, points: &[(&str, Reparse)]) -> Result<()> {
    let mut commands = String::from("set -e\n");
    for (name, point) in points {
        let made = if point.is_directory() {
            "mkdir"
        } else {
            "touch"
        };
        let hex = point.data().iter().fold(String::new(), |mut hex, byte| {
            // Writing to a String never fails.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let _ = writeln!(
            commands,
            "rm -rf '{name}'; {made} '{name}'; python3 -c 'import os, sys; os.setxattr(sys.argv[1], \
             \"system.ntfs_reparse_data\", bytes.fromhex(sys.argv[2]))' '{name}' {hex}"
        );
    }
    change(path, &commands, Path::new("/"))
}
