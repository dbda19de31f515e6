//! A regular file as target: made, grown, and put back as it was when nothing came of it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, SeekFrom, fstatfs, seek};
use rustix::io::Errno;

use super::{ALIGNMENT, Disk, Facts, Kind, Target, TargetError, open};

/// Sector size in bytes of the disk that a virtual machine sees in a regular file.
pub(super) const SECTOR: u32 = 512;

/// [`ALIGNMENT`] as a length of files, in bytes.
const BLOCK: u64 = 4096;
const _: () = assert!(ALIGNMENT == 4096);

/// The magic number of ext2, ext3 and ext4 (statfs(2)).
const EXT4: rustix::fs::FsWord = 0xef53;

/// What is known of a regular file, and how to undo what opening it has done.
#[derive(Debug)]
pub(super) struct Regular {
    identity: (u64, u64),
    origin: Origin,
    touched: AtomicBool,
    kept: AtomicBool,
}

#[derive(Debug)]
enum Origin {
    /// It was there, with this size.
    Present(u64),
    /// It was made, in this folder.
    Made(PathBuf),
}

/// Opens a file that is there, and grows it to `size` when everything else is right.
pub(super) fn open(
    path: &Path,
    size: Option<u64>,
    image_length: Option<u64>,
) -> Result<Target, TargetError> {
    if let Some(size) = size {
        whole_sectors(path, size)?;
    }
    let file =
        open::open(path, OFlags::empty(), Mode::empty()).map_err(|errno| TargetError::Open {
            path: path.into(),
            error: errno.into(),
        })?;
    let target = claim(file, path)?;
    let present = target.capacity();
    match size {
        None => whole_sectors(path, present)?,
        Some(asked) if asked < present => {
            return Err(TargetError::Shrink {
                path: path.into(),
                present,
                asked,
            });
        }
        Some(_) => {}
    }
    let capacity = size.unwrap_or(present);
    open::fits(path, capacity, image_length.unwrap_or(0))?;
    resize(target, capacity)
}

/// Makes a file with `size` bytes, or with the image's length in whole blocks of direct I/O.
pub(super) fn create(
    path: &Path,
    size: Option<u64>,
    image_length: Option<u64>,
) -> Result<Target, TargetError> {
    let capacity = match (size, image_length) {
        (Some(size), _) => size,
        (None, Some(length)) => length.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX),
        (None, None) => return Err(TargetError::SizeNeeded { path: path.into() }),
    };
    whole_sectors(path, capacity)?;
    open::fits(path, capacity, image_length.unwrap_or(0))?;
    let failed = |error| TargetError::Open {
        path: path.into(),
        error,
    };
    // Absolute, so that it can be removed whatever the working directory is by then.
    let path = std::path::absolute(path).map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new("/")).to_path_buf();
    let made = OFlags::CREATE | OFlags::EXCL;
    let file = open::open(&path, made, Mode::RUSR | Mode::WUSR);
    let file = file.map_err(|errno| match errno {
        Errno::NOENT => TargetError::NoFolder {
            path: path.clone(),
            folder: folder.clone(),
        },
        errno => failed(errno.into()),
    })?;
    let mut target = claim(file, &path)?;
    if let Kind::File(regular) = &mut target.kind {
        regular.origin = Origin::Made(folder);
    }
    resize(target, capacity)
}

/// Locks the file and learns what is in it. Nothing about it is changed.
fn claim(file: File, path: &Path) -> Result<Target, TargetError> {
    let failed = |error| TargetError::Open {
        path: path.into(),
        error,
    };
    let identity = file
        .metadata()
        .map(|found| (found.dev(), found.ino()))
        .map_err(failed)?;
    open::lock(&file, path, Duration::ZERO)?;
    open::still_there(path, identity)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(TargetError::Replaced { path: path.into() });
    }
    let fresh = match seek(&file, SeekFrom::Data(0)) {
        Err(Errno::NXIO) => true,
        Ok(_) | Err(_) => false,
    };
    let regular = Regular {
        identity,
        origin: Origin::Present(metadata.len()),
        touched: AtomicBool::new(false),
        kept: AtomicBool::new(false),
    };
    let facts = Facts {
        path: path.into(),
        capacity: metadata.len(),
        fresh,
        zeroes_cheaply: true,
        allocates_slowly: fresh && fstatfs(&file).is_ok_and(|about| about.f_type == EXT4),
        sector: SECTOR,
        exported: None,
    };
    Ok(Target {
        disk: Disk::new(file, facts).map_err(failed)?,
        kind: Kind::File(regular),
    })
}

fn resize(mut target: Target, capacity: u64) -> Result<Target, TargetError> {
    if target.capacity() != capacity {
        let grown = target
            .disk
            .file()
            .map_or(Ok(()), |file| file.set_len(capacity));
        grown.map_err(|error| TargetError::Grow {
            path: target.path().into(),
            size: capacity,
            error,
        })?;
        target.disk.set_capacity(capacity);
    }
    // QEMU gives nobody a disk to write whose end is no end of a block of direct I/O. It takes
    // the open file as it is, so this is said here and holds for the copy too.
    if !capacity.is_multiple_of(BLOCK) {
        let indirect = target.disk.use_page_cache();
        indirect.map_err(|error| TargetError::Open {
            path: target.path().into(),
            error,
        })?;
    }
    Ok(target)
}

fn whole_sectors(path: &Path, size: u64) -> Result<(), TargetError> {
    if !size.is_multiple_of(u64::from(SECTOR)) {
        return Err(TargetError::OddSize {
            path: path.into(),
            size,
        });
    }
    Ok(())
}

impl Regular {
    /// File system and inode.
    pub(super) fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// Notes that the content is no longer what it was.
    pub(super) fn touch(&self) {
        self.touched.store(true, Ordering::Relaxed);
    }

    /// Notes that the file is to stay as it is.
    pub(super) fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    /// Brings the name of a new file to stable storage.
    pub(super) fn flush_name(&self) -> io::Result<()> {
        match &self.origin {
            Origin::Made(folder) => File::open(folder)?.sync_all(),
            Origin::Present(_) => Ok(()),
        }
    }

    /// Removes the file when it was made, and takes back its growth when nothing was written.
    /// Failures are only logged: this runs when the deployment has failed already.
    pub(super) fn undo(&self, file: &File, path: &Path) {
        if self.kept.load(Ordering::Relaxed) {
            return;
        }
        let undone = match &self.origin {
            // Somebody may have put another file in its place.
            Origin::Made(_) if open::still_there(path, self.identity).is_ok() => {
                std::fs::remove_file(path)
            }
            Origin::Present(size) if !self.touched.load(Ordering::Relaxed) => {
                match file.metadata() {
                    Ok(metadata) if metadata.len() > *size => file.set_len(*size),
                    other => other.map(drop),
                }
            }
            Origin::Made(_) | Origin::Present(_) => Ok(()),
        };
        if let Err(error) = undone {
            tracing::warn!(target = %path.display(), %error, "cannot undo what opening the target did");
        }
    }
}
