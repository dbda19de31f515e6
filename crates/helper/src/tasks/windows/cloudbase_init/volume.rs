//! A volume over a whole disk, for what Administrators alone may read.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use crate::disk::device;
use crate::disk::mount::{Access, unmount_all};
use crate::disk::ntfs::driver::mount;
use crate::error::{Doing, Result};
use crate::guest::root::{Attributes, Root};
use crate::run::program;

/// One partition over the whole disk, of type NTFS.
const TABLE: &[u8] = b"label: dos\nstart=1MiB, type=7\n";

/// What a volume is made of.
pub(super) struct Volume<'a> {
    /// Its label.
    pub(super) label: &'a str,
    /// Files and their content.
    pub(super) files: &'a [(&'a str, Vec<u8>)],
}

/// Makes an NTFS over the whole disk and fills it. `point` is where it is mounted meanwhile.
pub(super) fn make(disk: &Path, point: &Path, volume: &Volume<'_>) -> Result<()> {
    let quiet = [
        "--quiet",
        "--no-reread",
        "--no-tell-kernel",
        "--wipe=always",
    ];
    program::tool("sfdisk", &quiet, disk, TABLE)?.success()?;
    device::reread_table(disk)?;
    let partition = device::partition(disk, 1);
    let arguments = ["--quiet", "--fast", "--label", volume.label];
    program::succeed("mkntfs", &arguments, &partition)?;
    fs::create_dir_all(point).doing(|| format!("making {}", point.display()))?;
    mount(&partition, point, Access::Write)?;
    let filled = Root::of_windows(point).and_then(|root| fill(&root, volume));
    let unmounted = unmount_all(point);
    filled.and(unmounted)
}

/// A new NTFS lets every user read and write.
fn fill(root: &Root, volume: &Volume<'_>) -> Result<()> {
    root.make_private_directory("/")?;
    for (path, content) in volume.files {
        if let Some(parent) = Path::new(path).parent() {
            root.make_directories(parent, Attributes::of_root(0o700))?;
        }
        root.install(path, content, Attributes::of_root(0o600))?;
    }
    Ok(())
}
