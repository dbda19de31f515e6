//! Unpacks compressed clusters.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::sync::{Mutex, PoisonError};

use flate2::{Decompress, FlushDecompress};
use zstd::bulk::Decompressor;
use zstd::zstd_safe::find_frame_compressed_size;

use crate::Compression;

/// What unpacks one cluster at a time, with the memory that it takes: at most two clusters'
/// length of compressed data, and a cluster.
pub(crate) struct Unpacker {
    method: Method,
    /// Compressed data, as read.
    pub(crate) packed: Vec<u8>,
    /// A whole cluster, where not all of it is asked for.
    pub(crate) cluster: Vec<u8>,
}

enum Method {
    Deflate(Decompress),
    Zstd(Decompressor<'static>),
}

impl Unpacker {
    fn new(compression: Compression) -> Option<Self> {
        let method = match compression {
            Compression::Deflate => Method::Deflate(Decompress::new(false)),
            Compression::Zstd => Method::Zstd(Decompressor::new().ok()?),
        };
        Some(Unpacker {
            method,
            packed: Vec::new(),
            cluster: Vec::new(),
        })
    }
}

impl Unpacker {
    /// Fills `cluster` with what `packed` unpacks to; bytes behind its end, which belong to
    /// the next cluster, do not matter. Nothing when it is damaged, or unpacks to less.
    pub(crate) fn unpack(&mut self, cluster: Cluster<'_>) -> Option<()> {
        let Unpacker {
            method,
            packed,
            cluster: own,
        } = self;
        let into = match cluster {
            Cluster::Into(buffer) => buffer,
            Cluster::Own(length) => {
                own.resize(length, 0);
                own.as_mut_slice()
            }
        };
        match method {
            Method::Deflate(decoder) => inflate(decoder, packed, into),
            Method::Zstd(decoder) => all_frames(decoder, packed, into),
        }
    }
}

/// Where an unpacked cluster goes.
pub(crate) enum Cluster<'a> {
    /// To whoever asked for all of it.
    Into(&'a mut [u8]),
    /// Into the unpacker's own memory, for that has so many bytes.
    Own(usize),
}

fn inflate(decoder: &mut Decompress, packed: &[u8], cluster: &mut [u8]) -> Option<()> {
    decoder.reset(false);
    let finish = FlushDecompress::Finish;
    decoder.decompress(packed, cluster, finish).ok()?;
    let length = u64::try_from(cluster.len()).ok()?;
    (decoder.total_out() == length).then_some(())
}

/// Each frame goes straight to where it belongs, so that no window is allocated, whatever
/// the frame says.
fn all_frames(
    decoder: &mut Decompressor<'_>,
    mut packed: &[u8],
    mut cluster: &mut [u8],
) -> Option<()> {
    while !cluster.is_empty() {
        let length = find_frame_compressed_size(packed).ok()?;
        let (frame, rest) = packed.split_at_checked(length)?;
        let count = decoder.decompress_to_buffer(frame, cluster).ok()?;
        cluster = cluster.get_mut(count..)?;
        packed = rest;
    }
    Some(())
}

/// Unpackers that are not at work: as many are made as there are threads that need one.
pub(crate) struct Unpackers {
    compression: Compression,
    idle: Mutex<Vec<Unpacker>>,
}

impl Unpackers {
    pub(crate) fn new(compression: Compression) -> Self {
        Unpackers {
            compression,
            idle: Mutex::default(),
        }
    }

    /// One that is not at work; nothing when there is no memory for it.
    pub(crate) fn take(&self) -> Option<Unpacker> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.or_else(|| Unpacker::new(self.compression))
    }

    pub(crate) fn give_back(&self, unpacker: Unpacker) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(unpacker);
    }
}

impl fmt::Debug for Unpackers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.compression.fmt(formatter)
    }
}
