//! The bytes of a target: what the copy needs of it, in whatever process it runs.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FallocateFlags, OFlags, fallocate, fcntl_getfl, fcntl_setfl};
use serde::{Deserialize, Serialize};

use super::{AlignedBuffer, TargetError};

/// What is known of an open target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The path it was opened by, for messages only.
    pub path: PathBuf,
    /// Its size in bytes.
    pub capacity: u64,
    /// Whether all of it reads as zeroes, known without reading: a file that is one hole.
    pub fresh: bool,
    /// Whether zeroing costs next to nothing, whatever the length: true for regular files
    /// and for devices that take the command to write zeroes.
    pub zeroes_cheaply: bool,
    /// Whether direct writes go faster to space that was allocated before: on ext4, where one
    /// that allocates keeps all others to the file waiting until it has ended.
    pub allocates_slowly: bool,
}

/// An open target to write to.
#[derive(Debug)]
pub struct Disk {
    file: File,
    facts: Facts,
    direct: AtomicBool,
}

impl Disk {
    /// Takes over a target that is open for reading and writing.
    ///
    /// # Errors
    /// When the descriptor's flags cannot be read.
    pub fn new(file: File, facts: Facts) -> io::Result<Self> {
        let direct = AtomicBool::new(fcntl_getfl(&file)?.contains(OFlags::DIRECT));
        Ok(Disk {
            file,
            facts,
            direct,
        })
    }

    /// What is known of it.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The path it was opened by, for messages only.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.facts.path
    }

    /// The open file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn set_capacity(&mut self, capacity: u64) {
        self.facts.capacity = capacity;
    }

    /// Whether writes pass the page cache by (O_DIRECT).
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.direct.load(Ordering::Relaxed)
    }

    /// Writes all of `buffer` at `offset`. While [`Disk::is_direct`], memory, offset and
    /// length are multiples of [`super::ALIGNMENT`], except for a length that ends at the
    /// capacity.
    ///
    /// # Errors
    /// When the system cannot write; the error names the place of the failure.
    pub fn write_at(&self, mut buffer: &[u8], mut offset: u64) -> Result<(), TargetError> {
        let failed = |offset, error| TargetError::Write {
            path: self.path().into(),
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

    /// Has space allocated for `range`, which is to be written next, where that is worth it.
    pub fn allocate(&self, range: &Range<u64>) {
        if self.facts.allocates_slowly && self.is_direct() {
            let length = range.end.saturating_sub(range.start);
            // Whatever is wrong with it, the write will say so.
            let _ = fallocate(&self.file, FallocateFlags::KEEP_SIZE, range.start, length);
        }
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

    /// Brings everything written so far to stable storage.
    ///
    /// # Errors
    /// When the system reports that a write has failed.
    pub fn flush(&self) -> Result<(), TargetError> {
        self.file.sync_all().map_err(|error| TargetError::Flush {
            path: self.path().into(),
            error,
        })
    }

    /// Goes on through the page cache, for file systems that let a file be opened for direct
    /// I/O and then do not take it, or not for a last piece shorter than their block.
    fn leave_direct(&self) -> io::Result<()> {
        let flags = fcntl_getfl(&self.file)?;
        fcntl_setfl(&self.file, flags.difference(OFlags::DIRECT))?;
        self.direct.store(false, Ordering::Relaxed);
        tracing::debug!(target = %self.path().display(), "direct I/O refused, writing through the page cache");
        Ok(())
    }
}
