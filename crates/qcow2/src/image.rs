//! An image whose disk can be read at any place, by several threads at once.
// SPDX-License-Identifier: BSD-2-Clause

use std::ops::Range;
use std::sync::Arc;

use crate::cache::Cache;
use crate::entry::{Content, Extent, Packed, run, table};
use crate::geometry::Geometry;
use crate::survey::{first_level, survey};
use crate::unpack::{Cluster, Unpackers};
use crate::{Bytes, Error, Header, Limits, ReadError};

/// An image that is open for reading. Internal snapshots are passed over: the disk is as it
/// was last.
///
/// Its memory is bounded whatever the header says: the first-level table (32 MiB at most, and
/// never more than the file holds), 4 MiB of second-level tables, and for each thread that reads
/// compressed clusters three times a cluster, of 2 MiB at most.
#[derive(Debug)]
pub struct Image<B> {
    bytes: B,
    geometry: Geometry,
    first_level: Vec<u64>,
    cache: Cache,
    unpackers: Unpackers,
}

impl<B: Bytes> Image<B> {
    /// Opens an image whose disk has at most `most` bytes, and looks at all of its tables.
    ///
    /// # Errors
    /// When it is no qcow2 image, cannot be read whole and from its own bytes alone, or leads
    /// out of its file anywhere; when the bytes cannot be read.
    pub fn open(bytes: B, most: u64) -> Result<Self, ReadError<B::Error>> {
        let file = bytes.length();
        let mut head = [0; Header::LENGTH];
        let length = usize::try_from(file).unwrap_or(Header::LENGTH);
        let head = head
            .get_mut(..length.min(Header::LENGTH))
            .unwrap_or_default();
        bytes.read_at(head, 0).map_err(ReadError::Bytes)?;
        let header = Header::parse(head)?;
        header.check(&Limits {
            file,
            virtual_size: most,
        })?;
        let geometry = Geometry::new(&header, file);
        let first_level = first_level(&bytes, &header)?;
        survey(&bytes, &first_level, &geometry)?;
        Ok(Image {
            bytes,
            geometry,
            first_level,
            cache: Cache::default(),
            unpackers: Unpackers::new(header.compression()?),
        })
    }

    /// Bytes of the disk.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.geometry.size
    }

    /// Bytes of a cluster, a power of two: who reads in multiples of it has no compressed
    /// cluster unpacked twice.
    #[must_use]
    pub fn cluster_size(&self) -> u64 {
        self.geometry.cluster
    }

    /// What the image's bytes are read from.
    #[must_use]
    pub fn bytes(&self) -> &B {
        &self.bytes
    }

    /// The next range at or after `from` that may hold data; the bytes of the disk before it are
    /// zeroes. `None` when there are only zeroes up to the end. A range may end where data goes
    /// on, and zeroes that take less than `gap` bytes may be part of one.
    ///
    /// # Errors
    /// When a table cannot be read, or has been changed meanwhile.
    pub fn next_data(
        &self,
        from: u64,
        gap: u64,
    ) -> Result<Option<Range<u64>>, ReadError<B::Error>> {
        let mut reader = Reader::new(self);
        let mut found: Option<Range<u64>> = None;
        let mut at = from;
        while at < self.geometry.size {
            let extent = reader.extent(at)?;
            at = extent.range.end;
            match (&mut found, extent.content) {
                (None, Content::Zero) => {}
                (None, _) => found = Some(extent.range),
                (Some(data), Content::Zero) => {
                    if at.saturating_sub(data.end) >= gap {
                        break;
                    }
                }
                (Some(data), _) => data.end = extent.range.end,
            }
            // What was found so far is handed out before the rest of the disk is gone through.
            if found
                .as_ref()
                .is_some_and(|data| at / LONGEST > data.start / LONGEST)
            {
                break;
            }
        }
        Ok(found)
    }

    /// Fills `buffer` with the bytes of the disk at `offset`; behind its end there are zeroes.
    ///
    /// # Errors
    /// When the image cannot be read, or a compressed cluster is damaged.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ReadError<B::Error>> {
        let mut reader = Reader::new(self);
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            if at >= self.geometry.size {
                rest.fill(0);
                break;
            }
            let extent = reader.extent(at)?;
            let length = usize::try_from(extent.range.end.saturating_sub(at));
            let length = length.unwrap_or(usize::MAX).min(rest.len());
            let (piece, behind) = rest.split_at_mut_checked(length).unwrap_or_default();
            match extent.content {
                Content::Zero => piece.fill(0),
                Content::Data(offset) => self.read_data(piece, offset)?,
                Content::Compressed(packed) => self.read_packed(piece, at, packed)?,
            }
            at = extent.range.end;
            rest = behind;
        }
        Ok(())
    }

    /// Bytes that lie in the file as they are. Behind the file's end there are zeroes.
    fn read_data(&self, piece: &mut [u8], offset: u64) -> Result<(), ReadError<B::Error>> {
        let present = self.geometry.file.saturating_sub(offset);
        let present = usize::try_from(present).unwrap_or(usize::MAX);
        let (piece, missing) = piece.split_at_mut(present.min(piece.len()));
        missing.fill(0);
        if piece.is_empty() {
            return Ok(());
        }
        self.bytes.read_at(piece, offset).map_err(ReadError::Bytes)
    }

    /// Bytes of the disk from `at` on, which are in a compressed cluster.
    fn read_packed(
        &self,
        piece: &mut [u8],
        at: u64,
        packed: Packed,
    ) -> Result<(), ReadError<B::Error>> {
        let within = usize::try_from(at % self.geometry.cluster).unwrap_or(usize::MAX);
        let cluster = at - at % self.geometry.cluster;
        let damaged = ReadError::Image(Error::Compressed { at: cluster });
        let Some(mut unpacker) = self.unpackers.take() else {
            return Err(damaged);
        };
        unpacker
            .packed
            .resize(usize::try_from(packed.length).unwrap_or(0), 0);
        (self.bytes.read_at(&mut unpacker.packed, packed.offset)).map_err(ReadError::Bytes)?;
        let length = usize::try_from(self.geometry.cluster).unwrap_or(0);
        let done = if piece.len() == length {
            unpacker.unpack(Cluster::Into(piece))
        } else {
            unpacker.unpack(Cluster::Own(length)).and_then(|()| {
                let bytes = unpacker.cluster.get(within..)?.get(..piece.len())?;
                piece.copy_from_slice(bytes);
                Some(())
            })
        };
        self.unpackers.give_back(unpacker);
        done.ok_or(damaged)
    }
}

/// At the multiples of so many bytes a range of data ends, whatever follows.
const LONGEST: u64 = 64 << 20;

/// Goes through the disk, and holds on to the slice of a table that it is at.
struct Reader<'a, B> {
    image: &'a Image<B>,
    slice: Option<(u64, Arc<[u8]>)>,
}

impl<'a, B: Bytes> Reader<'a, B> {
    fn new(image: &'a Image<B>) -> Self {
        Reader { image, slice: None }
    }

    /// What the disk reads as at `at`, which is before its end, and as far as that goes on.
    fn extent(&mut self, at: u64) -> Result<Extent, ReadError<B::Error>> {
        let geometry = &self.image.geometry;
        let index = usize::try_from(at / geometry.table_span).unwrap_or(usize::MAX);
        let entry = self.image.first_level.get(index).copied().unwrap_or(0);
        let start = at - at % geometry.table_span;
        let Some(offset) = table(entry, geometry)? else {
            let end = start.saturating_add(geometry.table_span);
            return Ok(Extent {
                range: at..end.min(geometry.size),
                content: Content::Zero,
            });
        };
        let number = (at - start) / geometry.slice_span;
        let offset = offset.saturating_add(number.saturating_mul(geometry.slice));
        let slice = self.slice(offset)?;
        let start = start.saturating_add(number.saturating_mul(geometry.slice_span));
        Ok(run(&slice, start, at, geometry)?)
    }

    fn slice(&mut self, offset: u64) -> Result<Arc<[u8]>, ReadError<B::Error>> {
        if let Some((at, slice)) = &self.slice
            && *at == offset
        {
            return Ok(Arc::clone(slice));
        }
        let length = self.image.geometry.slice;
        let slice = self.image.cache.get(&self.image.bytes, offset, length);
        let slice = slice.map_err(ReadError::Bytes)?;
        self.slice = Some((offset, Arc::clone(&slice)));
        Ok(slice)
    }
}
