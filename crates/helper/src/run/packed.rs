//! Files that few images need: they lie packed in the helper system until they are wanted.
//!
//! What the kernel unpacks before the helper starts costs every deployment time, needed or not.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Doing, Error, Result};

/// Which files a program needs, one program a line: `lvm: /usr/sbin/lvm /lib/libaio.so.1`. A
/// helper system without this list has its programs where they belong.
const LIST: &str = "/usr/lib/snf-image-helper/packed.list";
/// What the name of a packed file ends with: LZ4, the length before it.
const SUFFIX: &str = ".lz4";
/// The largest file, packed or not, in bytes.
const MAX_FILE: u32 = 64 << 20;

/// Puts a program and its libraries in place, if they lie packed.
///
/// # Errors
/// When one cannot be unpacked.
pub fn provide(program: &str) -> Result<()> {
    match fs::read_to_string(LIST) {
        Ok(list) => files(&list, program)
            .iter()
            .try_for_each(|path| unpack(Path::new(path))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).doing(|| format!("reading {LIST}")),
    }
}

/// The files that a program needs.
fn files<'list>(list: &'list str, program: &str) -> Vec<&'list str> {
    list.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| *name == program)
        .map(|(_, files)| files.split_whitespace().collect())
        .unwrap_or_default()
}

/// Puts one file in place, unless it is there or is not packed.
///
/// # Errors
/// When it cannot be unpacked.
pub fn unpack(path: &Path) -> Result<()> {
    let doing = || format!("unpacking {}", path.display());
    let mut packed = path.as_os_str().to_owned();
    packed.push(SUFFIX);
    if path.exists() {
        return Ok(());
    }
    let file = match File::open(PathBuf::from(packed)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.doing(doing)?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE.into())
        .read_to_end(&mut bytes)
        .doing(doing)?;
    let content = content(&bytes).ok_or_else(|| {
        Error::image(format!(
            "{} is damaged: build the helper again with: snf-image helper build",
            path.display()
        ))
    })?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o755)
        .open(path)
        .and_then(|mut file| file.write_all(&content))
        .doing(doing)
}

fn content(packed: &[u8]) -> Option<Vec<u8>> {
    let length = u32::from_le_bytes(*packed.first_chunk()?);
    (length <= MAX_FILE).then_some(())?;
    lz4_flex::block::decompress_size_prepended(packed).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packed_file_comes_to_its_place_once_and_can_be_run() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tool");
        unpack(&path).unwrap();
        assert!(!path.exists());
        let packed = lz4_flex::block::compress_prepend_size(b"#!/bin/sh\n");
        fs::write(directory.path().join("tool.lz4"), packed).unwrap();
        for _ in 0..2 {
            unpack(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"#!/bin/sh\n");
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o700, 0o700);
    }

    #[test]
    fn the_list_names_what_a_program_needs() {
        let list = "lvm: /usr/sbin/lvm /lib/a.so\nlvmdump: /x\n";
        assert_eq!(files(list, "lvm"), ["/usr/sbin/lvm", "/lib/a.so"]);
        assert!(files(list, "sfdisk").is_empty());
    }

    proptest! {
        #[test]
        fn no_packed_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = content(&bytes);
        }
    }
}
