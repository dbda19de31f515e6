//! The disk an image is put on: a block device or a regular file, opened and locked once, or a
//! disk behind a URI, which a confined QEMU reaches.
// SPDX-License-Identifier: BSD-2-Clause

mod block;
mod buffer;
mod disk;
mod error;
mod file;
mod location;
mod open;
mod remote;
mod uri;

pub use buffer::{ALIGNMENT, AlignedBuffer};
pub use disk::{Disk, Facts};
pub use error::TargetError;
pub use location::Location;
pub use uri::{ProtocolError, Uri, UriError};

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::fstatvfs;

use crate::cancel::Cancel;
use crate::exporter::Program;
use remote::Remote;

/// What is zeroed at either end of a disk, or of the part of it that an image leaves free, in
/// bytes: room for partition tables and the signatures of file systems, RAID and LVM.
pub(crate) const ENDS: u64 = 1 << 20;

/// How many connections the copy has to a disk that is exported: as many as it has writers.
const CONNECTIONS: usize = 4;

/// A disk that is open for reading and writing, and locked against every other deployment
/// until the last descriptor of it is closed. One that was made by opening it is removed
/// when it is dropped, unless [`Target::keep`] was called.
#[derive(Debug)]
pub struct Target {
    disk: Disk,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    File(file::Regular),
    Block { identity: (u64, u64) },
    Remote(Remote),
}

/// A way to a disk for another process.
#[derive(Debug)]
pub enum Handle {
    /// The open disk itself.
    File(File),
    /// A socket on which it is exported by NBD as [`crate::exporter::EXPORT`].
    Export(OwnedFd),
}

impl Target {
    /// Opens the disk at `path` for an image of `image_length` bytes, where that is known. A
    /// block device must be free. A regular file keeps its size or grows to `size` bytes; a
    /// missing one is made (mode 0600) with `size`, or else with the image's length in whole
    /// sectors.
    ///
    /// # Errors
    /// When it is neither a block device nor a regular file, is in use or locked, has or
    /// would get an impossible size, or is too small for the image. Nothing is made, grown
    /// or written then.
    pub fn open(
        path: &Path,
        size: Option<u64>,
        image_length: Option<u64>,
    ) -> Result<Self, TargetError> {
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

    /// Opens the disk behind `uri`, likewise, by means of `program`. Nothing keeps others from
    /// it: that is for the storage to do.
    ///
    /// # Errors
    /// When it cannot be reached, or not be written unless it is `read_only`, has an impossible
    /// size or another one than was asked for, or is too small for the image.
    pub fn reach(
        uri: &Uri,
        read_only: bool,
        size: Option<u64>,
        image_length: Option<u64>,
        program: &Program,
        cancel: &Cancel,
    ) -> Result<Self, TargetError> {
        let (disk, remote) = remote::open(uri, read_only, program, cancel)?;
        let (path, capacity) = (disk.path(), disk.facts().capacity);
        if let Some(asked) = size.filter(|asked| *asked != capacity) {
            return Err(TargetError::FixedSize {
                path: path.into(),
                present: capacity,
                asked,
            });
        }
        open::fits(path, capacity, image_length.unwrap_or(0))?;
        let kind = Kind::Remote(remote);
        Ok(Target { disk, kind })
    }

    /// The path it was opened by, for messages only.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.disk.path()
    }

    /// Its bytes, for the copy.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Looks whether an image of so many bytes has room, where that is known.
    ///
    /// # Errors
    /// When it has not.
    pub fn check_room(&self, image_length: Option<u64>) -> Result<(), TargetError> {
        open::fits(self.path(), self.capacity(), image_length.unwrap_or(0))
    }

    /// The disk, to be handed to the virtual machine.
    ///
    /// # Errors
    /// When descriptors have run out.
    pub fn handle(&self) -> io::Result<Handle> {
        match (&self.kind, self.disk.file()) {
            (Kind::Remote(remote), _) => Ok(Handle::Export(remote.connect()?)),
            (_, Some(file)) => Ok(Handle::File(file.try_clone()?)),
            (_, None) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// What the copy's process needs to write to it: the open disk, or some sockets on which it is
    /// exported.
    ///
    /// # Errors
    /// When descriptors have run out.
    pub fn for_copy(&self) -> io::Result<Vec<OwnedFd>> {
        let count = self.disk.facts().exported.map_or(1, |_| CONNECTIONS);
        let handles = (0..count).map(|_| {
            Ok(match self.handle()? {
                Handle::File(file) => file.into(),
                Handle::Export(socket) => socket,
            })
        });
        handles.collect()
    }

    /// Its size in bytes, a multiple of [`Target::sector_size`].
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.disk.facts().capacity
    }

    /// Its logical sector size in bytes, 512 to 4096; 512 for a regular file.
    #[must_use]
    pub fn sector_size(&self) -> u32 {
        self.disk.facts().sector
    }

    /// Whether it is a block device.
    #[must_use]
    pub fn is_block_device(&self) -> bool {
        matches!(self.kind, Kind::Block { .. })
    }

    /// Whether writes pass the page cache by (O_DIRECT).
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.disk.is_direct()
    }

    /// Whether all of it reads as zeroes, known without reading: a file that is one hole.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.disk.facts().fresh
    }

    /// Whether zeroing costs next to nothing, whatever the length: true for regular files
    /// and for devices that take the command to write zeroes.
    #[must_use]
    pub fn zeroes_cheaply(&self) -> bool {
        self.disk.facts().zeroes_cheaply
    }

    /// File system and inode, which tell whether two descriptors lead to one file.
    pub(crate) fn identity(&self) -> Option<(u64, u64)> {
        match &self.kind {
            Kind::File(regular) => Some(regular.identity()),
            Kind::Block { identity } => Some(*identity),
            Kind::Remote(_) => None,
        }
    }

    /// How many bytes anybody but root can still add to the file system that holds it; nothing for
    /// a device, which has all its room already.
    pub(crate) fn room(&self) -> Option<u64> {
        match (&self.kind, self.disk.file()) {
            (Kind::File(_), Some(file)) => fstatvfs(file)
                .ok()
                .map(|about| about.f_bavail.saturating_mul(about.f_frsize)),
            _ => None,
        }
    }

    /// Makes the disk outlive this value: the deployment has succeeded.
    pub fn keep(&self) {
        if let Kind::File(regular) = &self.kind {
            regular.keep();
        }
    }

    /// Writes all of `buffer` at `offset`; see [`Disk::write_at`].
    ///
    /// # Errors
    /// When the system cannot write.
    pub fn write_at(&self, buffer: &[u8], offset: u64) -> Result<(), TargetError> {
        self.touch();
        self.disk.write_at(buffer, offset)
    }

    /// Makes `range` read as zeroes; see [`Disk::zero`].
    ///
    /// # Errors
    /// When the system cannot write.
    pub fn zero(&self, range: Range<u64>) -> Result<(), TargetError> {
        self.touch();
        self.disk.zero(range)
    }

    /// Makes its ends, where partition tables and boot code are, read as zeroes, so that
    /// nothing starts from what a copy has left unfinished.
    ///
    /// # Errors
    /// When the system cannot write.
    pub fn wipe_ends(&self) -> Result<(), TargetError> {
        let capacity = self.capacity();
        let head = ENDS.min(capacity);
        self.zero(0..head)?;
        self.zero(capacity.saturating_sub(ENDS).max(head)..capacity)?;
        self.disk.flush()
    }

    /// Notes that its content is no longer what it was.
    pub fn touch(&self) {
        if let Kind::File(regular) = &self.kind {
            regular.touch();
        }
    }

    /// Brings everything written so far to stable storage, and the name of a new file too.
    ///
    /// # Errors
    /// When the system reports that a write has failed.
    pub fn flush(&self) -> Result<(), TargetError> {
        self.disk.flush()?;
        let named = match &self.kind {
            Kind::File(regular) => regular.flush_name(),
            Kind::Block { .. } | Kind::Remote(_) => Ok(()),
        };
        named.map_err(|error| TargetError::Flush {
            path: self.path().into(),
            error,
        })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let (Kind::File(regular), Some(file)) = (&self.kind, self.disk.file()) {
            regular.undo(file, self.path());
        }
    }
}
