//! Sharing: where image and target lie on one file system that can, no data moves at all.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;

use crate::format::Image;
use crate::target::Disk;

/// Lets the target share the image's blocks (FICLONE of ioctl_ficlone(2)), and says how many
/// bytes from the beginning it has then: all of the image, or none where the file system, or
/// the pair of files, cannot.
pub(super) fn share(image: &dyn Image, disk: &Disk) -> u64 {
    let shared = image.as_file().zip(disk.file()).is_some_and(|(from, to)| {
        are_files(from, to) && rustix::fs::ioctl_ficlone(to, from).is_ok()
    });
    if shared { image.length() } else { 0 }
}

fn are_files(one: &File, other: &File) -> bool {
    [one, other]
        .into_iter()
        .all(|file| file.metadata().is_ok_and(|found| found.is_file()))
}
