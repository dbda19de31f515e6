//! The disk an image is put on: a block device or a regular file, opened and locked once.
// SPDX-License-Identifier: BSD-2-Clause

mod block;
mod buffer;
mod error;
mod file;
mod open;

pub use buffer::{ALIGNMENT, AlignedBuffer};
pub use error::TargetError;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FallocateFlags, OFlags, fallocate, fcntl_getfl, fcntl_setfl};

/// A disk that is open for reading and writing, and locked against every other deployment
/// until the last descriptor of it is closed. One that was made by opening it is removed
/// when it is dropped, unless [`Target::keep`] was called.
#[derive(Debug)]
pub struct Target {
    file: File,
    path: PathBuf,
    capacity: u64,
    identity: (u64, u64),
    kind: Kind,
    direct: AtomicBool,
}

#[derive(Debug)]
enum Kind {
    File(file::Regular),
    Block(block::Device),
}

impl Target {
    /// Opens the disk at `path` for an image of `image_length` bytes. A block device must be
    /// free. A regular file keeps its size or grows to `size` bytes; a missing one is made
    /// (mode 0600) with `size`, or else with the image's length in whole sectors.
    ///
    /// # Errors
    /// When it is neither a block device nor a regular file, is in use or locked, has or
    /// would get an impossible size, or is too small for the image. Nothing is made, grown
    /// or written then.
    pub fn open(path: &Path, size: Option<u64>, image_length: u64) -> Result<Self, TargetError> {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return file::create(path, size, image_length);
            }
            Err(error) => {
                return Err(TargetError::Open {
                    path: path.into(),
                    error,
                });
            }
        };
        let kind = metadata.file_type();
        if let Some(what) = crate::source::unfit(kind) {
            return Err(TargetError::Unfit {
                path: path.into(),
                what,
            });
        }
        if kind.is_file() {
            file::open(path, size, image_length)
        } else {
            block::open(path, size, image_length)
        }
    }

    /// The path it was opened by, for messages only.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open disk, to be handed to the virtual machine too.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its size in bytes, a multiple of [`Target::sector_size`].
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Looks whether an image of `length` bytes has room.
    ///
    /// # Errors
    /// When it has not.
    pub fn check_room(&self, length: u64) -> Result<(), TargetError> {
        open::fits(&self.path, self.capacity, length)
    }

    /// Its logical sector size in bytes, 512 to 4096; 512 for a regular file.
    #[must_use]
    pub fn sector_size(&self) -> u32 {
        match &self.kind {
            Kind::File(_) => file::SECTOR,
            Kind::Block(device) => device.sector,
        }
    }

    /// Whether it is a block device.
    #[must_use]
    pub fn is_block_device(&self) -> bool {
        matches!(self.kind, Kind::Block(_))
    }

    /// Whether writes pass the page cache by (O_DIRECT).
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.direct.load(Ordering::Relaxed)
    }

    /// Whether all of it reads as zeroes, known without reading: a file that is one hole.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        matches!(&self.kind, Kind::File(regular) if regular.fresh)
    }

    /// Whether zeroing costs next to nothing, whatever the length: true for regular files
    /// and for devices that take the command to write zeroes.
    #[must_use]
    pub fn zeroes_cheaply(&self) -> bool {
        match &self.kind {
            Kind::File(_) => true,
            Kind::Block(device) => device.writes_zeroes,
        }
    }

    /// File system and inode, which tell whether two descriptors lead to one file.
    pub(crate) fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// Makes the disk outlive this value: the deployment has succeeded.
    pub fn keep(&self) {
        if let Kind::File(regular) = &self.kind {
            regular.keep();
        }
    }

    /// Writes all of `buffer` at `offset`. While [`Target::is_direct`], memory, offset and
    /// length are multiples of [`ALIGNMENT`], except for a length that ends at the capacity.
    ///
    /// # Errors
    /// When the system cannot write; the error names the place of the failure.
    pub fn write_at(&self, mut buffer: &[u8], mut offset: u64) -> Result<(), TargetError> {
        if let Kind::File(regular) = &self.kind {
            regular.touch();
        }
        let failed = |offset, error| TargetError::Write {
            path: self.path.clone(),
            offset,
            error,
        };
        while !buffer.is_empty() {
            match self.file.write_at(buffer, offset) {
                Ok(0) => return Err(failed(offset, io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    buffer = buffer.get(count..).unwrap_or_default();
                    offset = offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidInput && self.is_direct() => {
                    self.leave_direct().map_err(|error| failed(offset, error))?;
                }
                Err(error) => return Err(failed(offset, error)),
            }
        }
        Ok(())
    }

    /// Makes `range` read as zeroes by the cheapest way there is: giving the space back,
    /// the device's own command, or writing. Its ends are multiples of the sector size.
    ///
    /// # Errors
    /// When the system cannot write.
    pub fn zero(&self, range: Range<u64>) -> Result<(), TargetError> {
        let length = range.end.saturating_sub(range.start);
        if length == 0 {
            return Ok(());
        }
        if let Kind::File(regular) = &self.kind {
            regular.touch();
        }
        // On a block device both are the kernel's "write zeroes" (Linux 4.9): the first only
        // where the device has a command for it and may unmap, the second in any case.
        for way in [FallocateFlags::PUNCH_HOLE, FallocateFlags::ZERO_RANGE] {
            if fallocate(
                &self.file,
                way | FallocateFlags::KEEP_SIZE,
                range.start,
                length,
            )
            .is_ok()
            {
                return Ok(());
            }
        }
        self.write_zeroes(range)
    }

    fn write_zeroes(&self, range: Range<u64>) -> Result<(), TargetError> {
        let zeroes = AlignedBuffer::new(1 << 20);
        let mut offset = range.start;
        while offset < range.end {
            let length = usize::try_from(range.end - offset).unwrap_or(usize::MAX);
            let bytes = zeroes.first(length);
            self.write_at(bytes, offset)?;
            offset = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// Brings everything written so far to stable storage, and the name of a new file too.
    ///
    /// # Errors
    /// When the system reports that a write has failed.
    pub fn flush(&self) -> Result<(), TargetError> {
        let flushed = self.file.sync_all().and_then(|()| match &self.kind {
            Kind::File(regular) => regular.flush_name(),
            Kind::Block(_) => Ok(()),
        });
        flushed.map_err(|error| TargetError::Flush {
            path: self.path.clone(),
            error,
        })
    }

    /// Goes on through the page cache, for file systems that let a file be opened for direct
    /// I/O and then do not take it, or not for a last piece shorter than their block.
    fn leave_direct(&self) -> io::Result<()> {
        let flags = fcntl_getfl(&self.file)?;
        fcntl_setfl(&self.file, flags.difference(OFlags::DIRECT))?;
        self.direct.store(false, Ordering::Relaxed);
        tracing::debug!(target = %self.path.display(), "direct I/O refused, writing through the page cache");
        Ok(())
    }
}

impl AsFd for Target {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Kind::File(regular) = &self.kind {
            regular.undo(&self.file, &self.path, self.identity);
        }
    }
}
