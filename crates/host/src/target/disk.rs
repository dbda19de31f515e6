//! The bytes of a target: what the copy needs of it, in whatever process it runs.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::{FallocateFlags, OFlags, fallocate, fcntl_getfl, fcntl_setfl};
use serde::{Deserialize, Serialize};

use super::{AlignedBuffer, ENDS, TargetError};
use crate::exporter::EXPORT;
use crate::nbd::{Client, NbdError};

/// How often an export is asked, a gibibyte at a time, whether there is anything in it.
const QUESTIONS: usize = 4096;

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
    /// Its logical sector size in bytes, 512 to 4096.
    pub sector: u32,
    /// For one that is reached over sockets, by NBD: how long a request may take.
    pub exported: Option<Duration>,
}

/// An open target to write to.
#[derive(Debug)]
pub struct Disk {
    medium: Medium,
    facts: Facts,
}

#[derive(Debug)]
enum Medium {
    File { file: File, direct: AtomicBool },
    Export(Client),
}

impl Disk {
    /// Takes over a target that is open for reading and writing.
    ///
    /// # Errors
    /// When the descriptor's flags cannot be read.
    pub fn new(file: File, facts: Facts) -> io::Result<Self> {
        let direct = AtomicBool::new(fcntl_getfl(&file)?.contains(OFlags::DIRECT));
        Ok(Disk {
            medium: Medium::File { file, direct },
            facts,
        })
    }

    /// Takes over a target that is exported.
    #[must_use]
    pub fn exported(client: Client, facts: Facts) -> Self {
        Disk {
            medium: Medium::Export(client),
            facts,
        }
    }

    /// Takes over a target of which these facts are known from another process, by what that
    /// one has passed (see [`super::Target::for_copy`]).
    ///
    /// # Errors
    /// When it cannot be reached, or a descriptor is missing.
    pub fn passed(descriptors: Vec<OwnedFd>, facts: Facts) -> Result<Self, TargetError> {
        let failed = |error| TargetError::Open {
            path: facts.path.clone(),
            error,
        };
        if let Some(patience) = facts.exported {
            let client = Client::open(descriptors, EXPORT, patience);
            let client = client.map_err(|error| failed(error.into()))?;
            return Ok(Self::exported(client, facts));
        }
        let file = descriptors.into_iter().next();
        let file = file.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        Self::new(file.into(), facts.clone()).map_err(failed)
    }

    /// Finds out, where that takes a question, whether it reads as zeroes already and whether it
    /// zeroes cheaply. Its last mebibyte may be zeroed by that.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn explore(&mut self) -> Result<(), TargetError> {
        let Medium::Export(client) = &self.medium else {
            return Ok(());
        };
        let failed = |offset, error: NbdError| TargetError::Write {
            path: self.facts.path.clone(),
            offset,
            error: error.into(),
        };
        let last = self.facts.capacity.saturating_sub(ENDS);
        let length = self.facts.capacity.saturating_sub(last);
        let fast = client.zero_fast(last, length);
        let cheap = fast.map_err(|error| failed(last, error))?;
        let fresh = is_fresh(client).map_err(|error| failed(0, error))?;
        (self.facts.zeroes_cheaply, self.facts.fresh) = (cheap, fresh);
        Ok(())
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

    /// The open file, where it is one.
    #[must_use]
    pub fn file(&self) -> Option<&File> {
        match &self.medium {
            Medium::File { file, .. } => Some(file),
            Medium::Export(_) => None,
        }
    }

    pub(super) fn set_capacity(&mut self, capacity: u64) {
        self.facts.capacity = capacity;
    }

    /// Has whoever holds the open file, in whatever process, go through the page cache.
    pub(super) fn use_page_cache(&self) -> io::Result<()> {
        match &self.medium {
            Medium::File { file, direct } => leave_direct(file, direct),
            Medium::Export(_) => Ok(()),
        }
    }

    /// Whether writes pass the page cache by (O_DIRECT).
    #[must_use]
    pub fn is_direct(&self) -> bool {
        match &self.medium {
            Medium::File { direct, .. } => direct.load(Ordering::Relaxed),
            Medium::Export(_) => false,
        }
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
        let (file, direct) = match &self.medium {
            Medium::File { file, direct } => (file, direct),
            Medium::Export(client) => {
                let written = client.write(buffer, offset);
                return written.map_err(|error| failed(offset, error.into()));
            }
        };
        while !buffer.is_empty() {
            match file.write_at(buffer, offset) {
                Ok(0) => return Err(failed(offset, io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    buffer = buffer.get(count..).unwrap_or_default();
                    offset = offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidInput && self.is_direct() => {
                    leave_direct(file, direct).map_err(|error| failed(offset, error))?;
                    tracing::debug!(target = %self.path().display(), "direct I/O refused, writing through the page cache");
                }
                Err(error) => return Err(failed(offset, error)),
            }
        }
        Ok(())
    }

    /// Has space allocated for `range`, which is to be written next, where that is worth it, and
    /// says whether it has it.
    pub fn allocate(&self, range: &Range<u64>) -> bool {
        let worth_it = self.facts.allocates_slowly && self.is_direct();
        let length = range.end.saturating_sub(range.start);
        // Whatever is wrong with it, the write will say so.
        self.file().filter(|_| worth_it).is_some_and(|file| {
            fallocate(file, FallocateFlags::KEEP_SIZE, range.start, length).is_ok()
        })
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
        let file = match &self.medium {
            Medium::File { file, .. } => file,
            Medium::Export(client) => {
                return match client.write_zeroes(range.start, length) {
                    Ok(true) => Ok(()),
                    Ok(false) => self.write_zeroes(range),
                    Err(error) => Err(TargetError::Write {
                        path: self.path().into(),
                        offset: range.start,
                        error: error.into(),
                    }),
                };
            }
        };
        // On a block device both are the kernel's "write zeroes" (Linux 4.9): the first only
        // where the device has a command for it and may unmap, the second in any case.
        for way in [FallocateFlags::PUNCH_HOLE, FallocateFlags::ZERO_RANGE] {
            if fallocate(file, way | FallocateFlags::KEEP_SIZE, range.start, length).is_ok() {
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
        let flushed = match &self.medium {
            Medium::File { file, .. } => file.sync_all(),
            Medium::Export(client) => client.flush().map_err(io::Error::from),
        };
        flushed.map_err(|error| TargetError::Flush {
            path: self.path().into(),
            error,
        })
    }
}

/// Goes on through the page cache, for file systems that let a file be opened for direct
/// I/O and then do not take it, or not for a last piece shorter than their block.
fn leave_direct(file: &File, direct: &AtomicBool) -> io::Result<()> {
    let flags = fcntl_getfl(file)?;
    fcntl_setfl(file, flags.difference(OFlags::DIRECT))?;
    direct.store(false, Ordering::Relaxed);
    Ok(())
}

/// Whether all of an export reads as zeroes, as far as that is told within some questions.
fn is_fresh(client: &Client) -> Result<bool, NbdError> {
    let size = client.export().size;
    let mut at = 0;
    for _ in 0..QUESTIONS {
        let extents = client.block_status(at, size.saturating_sub(at))?;
        if extents.is_empty() || !extents.iter().all(|extent| extent.zero) {
            return Ok(false);
        }
        let told: u64 = extents.iter().map(|extent| extent.length).sum();
        at = at.saturating_add(told);
        if at >= size {
            return Ok(true);
        }
    }
    Ok(false)
}
