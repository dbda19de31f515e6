//! Where a disk of an instance is.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::environment::Disk;
use crate::target::Location;

/// The instance's disk number `index`: its path where that is a block device or regular file, else
/// what its URI leads to.
///
/// # Errors
/// When there is neither.
pub(super) fn locate(disk: &Disk, index: usize) -> Result<Location, String> {
    if let Some(path) = disk.path.as_ref().filter(|path| is_disk(path)) {
        return Ok(path.clone().into());
    }
    let Some(uri) = &disk.uri else {
        return Err(match &disk.path {
            Some(path) => format!(
                "disk {index} of the instance, {}, is neither a block device nor a regular file",
                path.display()
            ),
            None => format!("disk {index} of the instance has no path"),
        });
    };
    if let Some(file) = uri.strip_prefix("file:") {
        let file = PathBuf::from(file.strip_prefix("//").unwrap_or(file));
        return if file.is_absolute() && is_disk(&file) {
            Ok(file.into())
        } else {
            Err(format!(
                "disk {index} of the instance, {uri:?}, is neither a block device nor a regular file"
            ))
        };
    }
    uri.parse().map(Location::Uri).map_err(|fault| {
        format!(
            "disk {index} of the instance: {fault}; or give its disk template access=kernelspace, \
             so that the node has a device for it"
        )
    })
}

fn is_disk(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() || found.file_type().is_block_device())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(path: Option<&str>, uri: Option<&str>) -> Disk {
        Disk {
            path: path.map(PathBuf::from),
            uri: uri.map(str::to_owned),
            read_only: false,
        }
    }

    #[test]
    fn a_path_comes_first_and_a_file_uri_second() {
        let passwd = Ok(PathBuf::from("/etc/passwd").into());
        assert_eq!(locate(&disk(Some("/etc/passwd"), Some("rbd:x")), 0), passwd);
        assert_eq!(locate(&disk(None, Some("file:/etc/passwd")), 0), passwd);
        assert_eq!(
            locate(&disk(Some("/nonexistent"), Some("file:///etc/passwd")), 0),
            passwd
        );
    }

    #[test]
    fn what_has_no_device_is_reached_by_its_uri() {
        for path in [None, Some("/nonexistent")] {
            let found = locate(&disk(path, Some("rbd:pool/x")), 0).unwrap();
            assert!(matches!(found, Location::Uri(_)), "{found}");
        }
    }

    #[test]
    fn what_is_no_disk_is_refused() {
        for (path, uri, word) in [
            (Some("/etc"), None, "neither a block device"),
            (Some("/dev/null"), None, "neither a block device"),
            (None, Some("json:{}"), "kernelspace"),
            (None, Some("file:etc/passwd"), "neither a block device"),
            (None, None, "no path"),
        ] {
            let fault = locate(&disk(path, uri), 1).unwrap_err();
            assert!(fault.contains(word) && fault.contains("disk 1"), "{fault}");
        }
    }
}
