//! Mounts file systems of the image and unmounts them again.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::syncfs;
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, unmount};

use crate::disk::probe::Kind;
use crate::disk::{btrfs, modules, ntfs};
use crate::error::{Doing, Error, Result};

/// What is mounted, as the kernel tells it (proc_pid_mountinfo(5)).
pub(super) const MOUNTS: &str = "/proc/thread-self/mountinfo";

/// Whether a file system may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only to look.
    Read,
    /// To change it.
    Write,
}

/// Mounts a file system of the image. Its devices, set-user-ID bits and programs have no
/// effect; an ext file system that turns out to be broken becomes read-only. Of a btrfs an option
/// chooses the subvolume: `subvol=` or `subvolid=`.
///
/// # Errors
/// When the helper does not know the file system or the kernel refuses it.
pub fn mount(
    device: &Path,
    kind: Kind,
    target: &Path,
    access: Access,
    subvolume: Option<&str>,
) -> Result<()> {
    if kind == Kind::Ntfs {
        return ntfs::driver::mount(device, target, access);
    }
    let Some(driver) = kind.driver() else {
        return Err(Error::image(format!(
            "{} holds {kind}, which this helper cannot mount",
            device.display()
        )));
    };
    modules::load(driver)?;
    let options = match kind {
        Kind::Ext(_) => "errors=remount-ro".to_owned(),
        Kind::Btrfs => btrfs_options(device, subvolume)?,
        _ => String::new(),
    };
    let doing = || format!("mounting the {kind} file system of {}", device.display());
    let options = CString::new(options)
        .map_err(std::io::Error::from)
        .doing(doing)?;
    let flags = MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
    let flags = match access {
        Access::Read => flags | MountFlags::RDONLY,
        Access::Write => flags,
    };
    match rustix::mount::mount(device, target, driver, flags, options.as_c_str()) {
        Err(Errno::NODEV) => Err(Error::image(format!(
            "{} holds {kind}, which the kernel of this helper does not know: build the helper \
             with HELPER_KERNEL=\"linux-image-amd64\"",
            device.display()
        ))),
        result => result.doing(doing),
    }
}

fn btrfs_options(device: &Path, subvolume: Option<&str>) -> Result<String> {
    let devices = btrfs::others(device)?;
    let mut options: Vec<_> = devices
        .iter()
        .map(|other| format!("device={}", other.display()))
        .collect();
    options.extend(subvolume.map(str::to_owned));
    Ok(options.join(","))
}

/// The mount point of a device, wherever below a directory it is mounted. Of a btrfs with
/// several devices any of them counts.
///
/// # Errors
/// When the kernel's list cannot be read.
pub fn point_of(device: &Path, kind: Kind, target: &Path) -> Result<Option<PathBuf>> {
    let mounts = fs::read(MOUNTS).doing(|| format!("reading {MOUNTS}"))?;
    let mut devices = vec![device.to_path_buf()];
    if kind == Kind::Btrfs {
        devices.extend(btrfs::others(device)?);
    }
    Ok(mounted(&mounts, target)
        .into_iter()
        .find(|(_, source)| devices.contains(source))
        .map(|(point, _)| point))
}

/// Whether something is mounted exactly here.
///
/// # Errors
/// When the kernel's list cannot be read.
pub(super) fn is_mounted(target: &Path) -> Result<bool> {
    let mounts = fs::read(MOUNTS).doing(|| format!("reading {MOUNTS}"))?;
    Ok(points(&mounts, target).iter().any(|point| point == target))
}

/// Flushes and unmounts everything at and below a directory, the latest mount first.
///
/// # Errors
/// The first failure, after all were tried.
pub fn unmount_all(target: &Path) -> Result<()> {
    let mounts = fs::read(MOUNTS).doing(|| format!("reading {MOUNTS}"))?;
    let mut result = Ok(());
    for point in points(&mounts, target).iter().rev() {
        result = result.and(flush_and_unmount(point));
    }
    result
}

fn flush_and_unmount(point: &Path) -> Result<()> {
    let flushed = File::open(point)
        .and_then(|directory| Ok(syncfs(&directory)?))
        .doing(|| format!("flushing the file system at {}", point.display()));
    let unmounted =
        unmount(point, UnmountFlags::NOFOLLOW).doing(|| format!("unmounting {}", point.display()));
    flushed
        .and(unmounted)
        .and_then(|()| ntfs::driver::ended(point))
}

/// The mount points at and below a directory in the order in which they were mounted.
fn points(mounts: &[u8], target: &Path) -> Vec<PathBuf> {
    let mounted = mounted(mounts, target);
    mounted.into_iter().map(|(point, _)| point).collect()
}

/// The same with what is mounted there.
fn mounted(mounts: &[u8], target: &Path) -> Vec<(PathBuf, PathBuf)> {
    let path = |field: &[u8]| PathBuf::from(OsString::from_vec(unescaped(field)));
    mounts
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b' ');
            let point = path(fields.nth(4)?);
            // Behind a hyphen: the type, then the source.
            let source = fields.skip_while(|field| *field != b"-").nth(2);
            Some((point, path(source.unwrap_or_default())))
        })
        .filter(|(point, _)| point.starts_with(target))
        .collect()
}

/// The kernel writes blanks and backslashes as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| *first == b'\\');
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() {
            after.get(3..).unwrap_or_default()
        } else {
            after
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_mounted_below_the_target_is_found_in_order() {
        let mounts = b"22 1 0:21 / / rw - rootfs none rw\n\
            30 22 254:1 / /run/target rw,nosuid - ext4 /dev/vda1 rw\n\
            31 30 254:2 / /run/target/srv/a\\040b\\134 rw - vfat /dev/vda2 rw\n\
            32 22 0:30 / /run/targets rw - tmpfs none rw\n\n";
        assert_eq!(
            points(mounts, Path::new("/run/target")),
            [Path::new("/run/target"), Path::new("/run/target/srv/a b\\")]
        );
        let sources: Vec<_> = mounted(mounts, Path::new("/run/target"))
            .into_iter()
            .map(|(_, source)| source)
            .collect();
        assert_eq!(sources, [Path::new("/dev/vda1"), Path::new("/dev/vda2")]);
    }
}
