//! Where a disk of an instance is.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::environment::Disk;

/// The block device or regular file of the instance's disk number `index`: its path, else
/// what a `file:` URI names.
///
/// # Errors
/// When there is none that the kernel of this node can reach.
pub(super) fn locate(disk: &Disk, index: usize) -> Result<PathBuf, String> {
    if let Some(path) = disk.path.as_ref().filter(|path| is_disk(path)) {
        return Ok(path.clone());
    }
    let file = disk
        .uri
        .as_deref()
        .and_then(|uri| uri.strip_prefix("file:"));
    let file = file.map(|path| PathBuf::from(path.strip_prefix("//").unwrap_or(path)));
    match (file, &disk.path, &disk.uri) {
        (Some(file), _, _) if file.is_absolute() && is_disk(&file) => Ok(file),
        (_, Some(path), None) => Err(format!(
            "disk {index} of the instance, {}, is neither a block device nor a regular file",
            path.display()
        )),
        (_, _, Some(uri)) => Err(format!(
            "disk {index} of the instance is only reachable by {uri:?}: give its disk template \
             access=kernelspace, so that the node has a device for it"
        )),
        (_, None, None) => Err(format!("disk {index} of the instance has no path")),
    }
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
        let passwd = Ok(PathBuf::from("/etc/passwd"));
        assert_eq!(locate(&disk(Some("/etc/passwd"), Some("rbd:x")), 0), passwd);
        assert_eq!(locate(&disk(None, Some("file:/etc/passwd")), 0), passwd);
        assert_eq!(
            locate(&disk(Some("/nonexistent"), Some("file:///etc/passwd")), 0),
            passwd
        );
    }

    #[test]
    fn what_the_kernel_does_not_reach_is_refused() {
        for (path, uri, word) in [
            (Some("/etc"), None, "neither a block device"),
            (Some("/dev/null"), None, "neither a block device"),
            (None, Some("rbd:pool/x"), "kernelspace"),
            (None, Some("file:etc/passwd"), "kernelspace"),
            (None, None, "no path"),
        ] {
            let fault = locate(&disk(path, uri), 1).unwrap_err();
            assert!(fault.contains(word) && fault.contains("disk 1"), "{fault}");
        }
    }
}
