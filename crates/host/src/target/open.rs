//! The steps of opening that files and block devices share: direct I/O, lock, size checks.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, fcntl_setfl, flock};
use rustix::io::Errno;

use super::TargetError;

/// Opens for reading and writing, with direct I/O where the file system has it. It is asked for afterwards: some file systems make the file first and
/// refuse direct I/O then.
pub(super) fn open(path: &Path, extra: OFlags, mode: Mode) -> Result<File, Errno> {
    // NONBLOCK: should the path lead to a pipe by now, the open returns all the same.
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK | extra;
    let descriptor = rustix::fs::open(path, flags, mode)?;
    if fcntl_setfl(&descriptor, OFlags::DIRECT).is_err() {
        fcntl_setfl(&descriptor, OFlags::empty())?;
    }
    Ok(descriptor.into())
}

/// Takes the lock that one deployment at a time holds on a target; it lasts as long as any
/// descriptor of this opening. udev probes no block device that is locked so.
///
/// udev itself locks a device for the moment it probes it, hence `patience`.
pub(super) fn lock(file: &File, path: &Path, patience: Duration) -> Result<(), TargetError> {
    let deadline = Instant::now() + patience;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(Errno::WOULDBLOCK) => return Err(TargetError::Locked { path: path.into() }),
            Err(errno) => {
                return Err(TargetError::Lock {
                    path: path.into(),
                    error: errno.into(),
                });
            }
        }
    }
}

/// Looks whether `path` still leads to the file that is open: the one who held the lock
/// before may have removed it, and what is written to a removed file is lost.
pub(super) fn still_there(path: &Path, identity: (u64, u64)) -> Result<(), TargetError> {
    match std::fs::metadata(path) {
        Ok(metadata) if (metadata.dev(), metadata.ino()) == identity => Ok(()),
        Ok(_) => Err(TargetError::Replaced { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(TargetError::Replaced { path: path.into() })
        }
        Err(error) => Err(TargetError::Open {
            path: path.into(),
            error,
        }),
    }
}

/// Refuses a disk that the image does not fit on.
pub(super) fn fits(path: &Path, capacity: u64, image: u64) -> Result<(), TargetError> {
    if image > capacity {
        return Err(TargetError::TooSmall {
            path: path.into(),
            capacity,
            image,
        });
    }
    Ok(())
}
