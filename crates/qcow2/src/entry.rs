//! What an entry of a second-level table says about its cluster.
// SPDX-License-Identifier: BSD-2-Clause

use std::ops::Range;

use crate::Error;
use crate::geometry::{Geometry, SUBCLUSTERS};

/// Bits 9 to 55: where a table or a cluster begins in the file.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

/// Bit 62: the cluster is compressed.
const COMPRESSED: u64 = 1 << 62;

/// Bit 0, in version 3 and without subclusters: the cluster reads as zeroes.
const ZERO: u64 = 1;

/// The unit in which the length of compressed data is counted, and a file normally ends.
const SECTOR: u64 = 512;

/// What a piece of the disk reads as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Zeroes.
    Zero,
    /// The file's bytes from this offset on, and zeroes behind the file's end.
    Data(u64),
    /// A cluster that is unpacked from the file's bytes.
    Compressed(Packed),
}

/// Where a compressed cluster lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Where it begins.
    pub(crate) offset: u64,
    /// Bytes from there on that it may take, all within the file.
    pub(crate) length: u64,
}

/// A piece of the disk that reads as one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Which bytes of the disk.
    pub(crate) range: Range<u64>,
    /// What they read as.
    pub(crate) content: Content,
}

impl Extent {
    /// Takes the piece that follows into this one, if both are of one kind and, where they are
    /// in the file, one behind the other there.
    pub(crate) fn join(&mut self, next: &Extent) -> bool {
        let joins = match (self.content, next.content) {
            (Content::Zero, Content::Zero) => true,
            (Content::Data(one), Content::Data(other)) => {
                let length = self.range.end.saturating_sub(self.range.start);
                one.checked_add(length) == Some(other)
            }
            _ => false,
        };
        if joins {
            self.range.end = next.range.end;
        }
        joins
    }
}

/// Where a second-level table begins, by its entry in the first-level table; nothing where all
/// that it would describe is unallocated.
pub(crate) fn table(entry: u64, geometry: &Geometry) -> Result<Option<u64>, Error> {
    let offset = entry & OFFSET;
    if offset == 0 {
        return Ok(None);
    }
    let table = "L2 table";
    if !offset.is_multiple_of(geometry.cluster) {
        return Err(Error::Unaligned { table, offset });
    }
    let end = offset.checked_add(geometry.cluster);
    if end.is_none_or(|end| end > geometry.file) {
        let file = geometry.file;
        return Err(Error::OutOfFile {
            table,
            offset,
            file,
        });
    }
    Ok(Some(offset))
}

/// What the disk reads as at `at`, and as far as that goes on within a slice of a second-level
/// table, which describes the disk from `start` on.
pub(crate) fn run(slice: &[u8], start: u64, at: u64, geometry: &Geometry) -> Result<Extent, Error> {
    let end = start.saturating_add(geometry.slice_span).min(geometry.size);
    let piece = |at: u64| {
        let place = (at.saturating_sub(start) / geometry.cluster).saturating_mul(geometry.entry);
        Entry::read(slice, place, geometry).extent(at, geometry)
    };
    let mut extent = piece(at)?;
    while extent.range.end < end && extent.join(&piece(extent.range.end)?) {}
    extent.range.end = extent.range.end.min(end);
    Ok(extent)
}

/// An entry, with its second word where entries have two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) word: u64,
    /// Bits 0 to 31: subclusters that are in the file; 32 to 63: subclusters that are zero.
    pub(crate) subclusters: u64,
}

impl Entry {
    /// The entry in the bytes of a table, from `at` on. What is not there is unallocated.
    pub(crate) fn read(table: &[u8], at: u64, geometry: &Geometry) -> Self {
        let word = |at: Option<usize>| {
            let bytes = at
                .and_then(|at| table.get(at..))
                .and_then(<[u8]>::first_chunk);
            bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes))
        };
        let at = usize::try_from(at).ok();
        Entry {
            word: word(at),
            subclusters: if geometry.has_subclusters {
                word(at.and_then(|at| at.checked_add(8)))
            } else {
                0
            },
        }
    }

    /// What the disk reads as from `at` on, up to the end of the cluster, or of the subcluster
    /// where the next one may be something else.
    pub(crate) fn extent(self, at: u64, geometry: &Geometry) -> Result<Extent, Error> {
        let cluster = at - at % geometry.cluster;
        let end = cluster.saturating_add(geometry.cluster);
        if self.word & COMPRESSED != 0 {
            let content = Content::Compressed(self.packed(geometry)?);
            return Ok(Extent {
                range: at..end,
                content,
            });
        }
        let allocated = self.allocated(cluster, geometry)?;
        let (end, content) = if geometry.has_subclusters {
            self.check_subclusters(cluster)?;
            let size = (geometry.cluster / SUBCLUSTERS).max(1);
            let number = (at % geometry.cluster) / size;
            let is_data = u32::try_from(number)
                .ok()
                .and_then(|number| self.subclusters.checked_shr(number))
                .is_some_and(|bits| bits & 1 != 0);
            let next = number.saturating_add(1).saturating_mul(size);
            let end = cluster.saturating_add(next).min(end);
            (end, allocated.filter(|_| is_data))
        } else {
            (end, allocated)
        };
        let content = match content {
            Some(offset) => Content::Data(offset.saturating_add(at - cluster)),
            None => Content::Zero,
        };
        Ok(Extent {
            range: at..end,
            content,
        })
    }

    /// Where a cluster that is not compressed lies, if all or part of it is in the file and
    /// not zero anyway.
    fn allocated(self, cluster: u64, geometry: &Geometry) -> Result<Option<u64>, Error> {
        let is_zero = self.word & ZERO != 0 && !geometry.has_subclusters;
        if is_zero && geometry.version < 3 {
            return Err(Error::ZeroCluster { at: cluster });
        }
        let offset = self.word & OFFSET;
        if offset == 0 || is_zero {
            return Ok(None);
        }
        let table = "cluster";
        if !offset.is_multiple_of(geometry.cluster) {
            return Err(Error::Unaligned { table, offset });
        }
        // A file may end within its last cluster: what was never written there is zero. Its
        // end is one of a sector then, since nobody writes less, or that of the disk.
        let needed = geometry.size.saturating_sub(cluster).min(geometry.cluster);
        let is_whole = offset.saturating_add(needed) <= geometry.file;
        let is_sparse = offset < geometry.file && geometry.file.is_multiple_of(SECTOR);
        if !is_whole && !is_sparse {
            let file = geometry.file;
            return Err(Error::OutOfFile {
                table,
                offset,
                file,
            });
        }
        Ok(Some(offset))
    }

    /// No subcluster is both in the file and zero, and none is in a file that has no cluster.
    fn check_subclusters(self, cluster: u64) -> Result<(), Error> {
        let (zero, data) = (self.subclusters >> 32, self.subclusters & 0xffff_ffff);
        let contradicts = zero & data != 0 || (self.word & OFFSET == 0 && data != 0);
        if contradicts {
            return Err(Error::Subclusters { at: cluster });
        }
        Ok(())
    }

    /// Where a compressed cluster lies. The lower bits of the entry are its offset, and those
    /// above the number of further sectors that it reaches into.
    fn packed(self, geometry: &Geometry) -> Result<Packed, Error> {
        let bits = 62_u32.saturating_sub(geometry.cluster_bits.saturating_sub(8));
        let descriptor = self.word & (COMPRESSED - 1);
        let sectors = descriptor.checked_shr(bits).unwrap_or(0);
        let offset = descriptor & 1_u64.checked_shl(bits).unwrap_or(0).wrapping_sub(1);
        let file = geometry.file;
        if offset >= file {
            return Err(Error::OutOfFile {
                table: "compressed cluster",
                offset,
                file,
            });
        }
        let length = sectors.saturating_add(1).saturating_mul(SECTOR) - offset % SECTOR;
        Ok(Packed {
            offset,
            length: length.min(file - offset),
        })
    }
}
