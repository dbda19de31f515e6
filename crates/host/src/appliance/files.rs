//! Files of the helper's directory: hashing them, and writing them so that they last.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::manifest::FileEntry;

/// How much is read at a time, in bytes.
const BLOCK: usize = 256 * 1024;

/// How many digits of the digest stand in a file's name.
const DIGITS: usize = 12;

/// The SHA-256 of a file from its beginning, in hexadecimal, and its size. The file's own
/// position stays where it is.
pub(super) fn digest(file: &File) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut block = vec![0; BLOCK];
    let mut offset = 0;
    loop {
        let read = match file.read_at(&mut block, offset) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let Some(part) = block.get(..read).filter(|part| !part.is_empty()) else {
            return Ok((hex(&hasher.finalize()), offset));
        };
        hasher.update(part);
        offset += u64::try_from(read).map_err(io::Error::other)?;
    }
}

/// The SHA-256 of bytes, in hexadecimal.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Writes a file that everybody may read, flushed, and describes it under the name that
/// its content gives it: `prefix-` and the beginning of its digest.
pub(super) fn write(
    path: &Path,
    prefix: &str,
    content: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<FileEntry> {
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)?;
    let mut writer = BufWriter::with_capacity(BLOCK, &file);
    content(&mut writer)?;
    writer.flush()?;
    drop(writer);
    file.set_permissions(PermissionsExt::from_mode(0o644))?;
    file.sync_all()?;
    let (sha256, size) = digest(&file)?;
    let short = sha256.get(..DIGITS).unwrap_or(&sha256);
    Ok(FileEntry {
        name: format!("{prefix}-{short}"),
        size,
        sha256,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new");
        let entry = write(&path, "kernel", |to| to.write_all(b"abc")).unwrap();
        // The first test vector of FIPS 180-2.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(entry.name, "kernel-ba7816bf8f01");
        assert_eq!((entry.size, entry.sha256.as_str()), (3, abc));
        assert_eq!(digest_of(b"abc"), abc);
    }
}
