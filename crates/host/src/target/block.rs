//! A block device as target.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, SeekFrom, ioctl_blksszget, major, minor, seek};
use rustix::io::Errno;

use super::{ALIGNMENT, Disk, Facts, Kind, Target, TargetError, open};

/// How long udev may hold its own short lock before the device counts as taken.
const UDEV_PATIENCE: Duration = Duration::from_secs(1);

/// Opens the device for itself alone: the kernel refuses one that is mounted, a member of
/// another device, or opened in this way by somebody else (open(2), "O_EXCL").
pub(super) fn open(
    path: &Path,
    size: Option<u64>,
    image_length: Option<u64>,
) -> Result<Target, TargetError> {
    let failed = |errno: Errno| match errno {
        Errno::ACCESS | Errno::ROFS if is_read_only_at(path) => {
            TargetError::ReadOnly { path: path.into() }
        }
        Errno::BUSY => TargetError::InUse { path: path.into() },
        errno => TargetError::Open {
            path: path.into(),
            error: errno.into(),
        },
    };
    let file = open::open(path, OFlags::EXCL, Mode::empty()).map_err(failed)?;
    let metadata = file.metadata().map_err(|error| TargetError::Open {
        path: path.into(),
        error,
    })?;
    if !metadata.file_type().is_block_device() {
        return Err(TargetError::Replaced { path: path.into() });
    }
    open::lock(&file, path, UDEV_PATIENCE)?;
    if is_read_only(metadata.rdev()) {
        return Err(TargetError::ReadOnly { path: path.into() });
    }
    let sector = ioctl_blksszget(&file).map_err(failed)?;
    if !sector.is_power_of_two()
        || sector < 512
        || usize::try_from(sector).is_ok_and(|sector| sector > ALIGNMENT)
    {
        return Err(TargetError::Sector {
            path: path.into(),
            sector,
        });
    }
    let end = seek(&file, SeekFrom::End(0)).map_err(failed)?;
    let capacity = end - end % u64::from(sector);
    if let Some(asked) = size.filter(|asked| *asked != capacity) {
        return Err(TargetError::FixedSize {
            path: path.into(),
            present: capacity,
            asked,
        });
    }
    open::fits(path, capacity, image_length.unwrap_or(0))?;
    let facts = Facts {
        path: path.into(),
        capacity,
        fresh: false,
        zeroes_cheaply: writes_zeroes(metadata.rdev()),
        allocates_slowly: false,
        sector,
        exported: None,
    };
    Ok(Target {
        disk: Disk::new(file, facts).map_err(|error| TargetError::Open {
            path: path.into(),
            error,
        })?,
        kind: Kind::Block {
            identity: (metadata.dev(), metadata.ino()),
        },
    })
}

/// Asks sysfs whether the device takes the command to write zeroes
/// (Documentation/ABI/stable/sysfs-block); the queue of a partition is its disk's.
fn writes_zeroes(device: u64) -> bool {
    let folder = format!("/sys/dev/block/{}:{}", major(device), minor(device));
    ["queue", "../queue"]
        .iter()
        .find_map(|queue| read_number(&format!("{folder}/{queue}/write_zeroes_max_bytes")).ok())
        .is_some_and(|bytes| bytes > 0)
}

/// Asks sysfs whether the device is set to be read alone. Some kernels let it be opened for writing
/// all the same.
fn is_read_only(device: u64) -> bool {
    let path = format!("/sys/dev/block/{}:{}/ro", major(device), minor(device));
    read_number(&path).is_ok_and(|flag| flag != 0)
}

fn is_read_only_at(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| is_read_only(found.rdev()))
}

fn read_number(path: &str) -> io::Result<u64> {
    let text = std::fs::read_to_string(path)?;
    text.trim()
        .parse()
        .map_err(|_| io::ErrorKind::InvalidData.into())
}
