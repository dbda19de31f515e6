//! A disk that is an ISO 9660 image.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::{Doing, Result};
use crate::run::program;

/// How much is cleared at both ends, in bytes: more than any partition table has there.
const ENDS: usize = 1 << 20;

/// Writes the files onto the whole disk. They lie in the directory `staging` meanwhile, which is in memory.
pub(super) fn write(
    disk: &Path,
    label: &str,
    files: &[(&str, Vec<u8>)],
    staging: &Path,
) -> Result<()> {
    clear_ends(disk).doing(|| format!("clearing {}", disk.display()))?;
    let writing = || format!("writing to {}", staging.display());
    for (name, content) in files {
        let path = staging.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).doing(writing)?;
        }
        fs::write(path, content).doing(writing)?;
    }
    // What writes discs takes a device for a burner unless it is told.
    let output = format!("stdio:{}", disk.display());
    let arguments = [
        "-no_rc",
        "-as",
        "mkisofs",
        "-quiet",
        "-rational-rock",
        "-joliet",
        "-V",
        label,
        "-o",
        &output,
    ];
    program::succeed("xorriso", &arguments, staging)?;
    fs::remove_dir_all(staging).doing(writing)
}

/// Takes what was on the disk away as far as anything would find it.
fn clear_ends(disk: &Path) -> std::io::Result<()> {
    let mut disk = File::options().write(true).open(disk)?;
    let zeroes = vec![0; ENDS];
    let size = disk.seek(SeekFrom::End(0))?;
    let end = size.saturating_sub(u64::try_from(ENDS).unwrap_or(u64::MAX));
    for place in [end, 0] {
        disk.seek(SeekFrom::Start(place))?;
        disk.write_all(&zeroes)?;
    }
    disk.sync_all()
}
