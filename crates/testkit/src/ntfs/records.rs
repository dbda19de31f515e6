//! Records of NTFS' table of files, in a volume as mkntfs(8) makes one.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::bytes::{Block, number, place};

/// The length of a record, in bytes.
pub(super) const RECORD: usize = 1024;
/// The number of the first file that a user has.
pub(super) const FIRST: u64 = 64;

/// An NTFS, its length of a cluster and where its table of files begins, in bytes.
pub(super) struct Volume {
    pub(super) file: File,
    pub(super) cluster: u64,
    pub(super) table: u64,
}

impl Volume {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let mut head = [0; 512];
        file.read_exact_at(&mut head, 0)?;
        let cluster = number(&head, 11, 2)? * number(&head, 13, 1)?;
        let table = number(&head, 48, 8)? * cluster;
        Ok(Volume {
            file,
            cluster,
            table,
        })
    }

    /// A record of the table of files, with the bytes in place that stand elsewhere.
    pub(super) fn record(&self, at: u64) -> Result<Vec<u8>> {
        let mut record = vec![0; RECORD];
        let length = u64::try_from(RECORD)?;
        self.file
            .read_exact_at(&mut record, self.table + at * length)?;
        whole(record)
    }
}

/// Bytes that were read, with those in place that stand elsewhere against torn writes.
pub(super) fn whole(mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    let from = place(&bytes, 4, 2)?;
    for sector in 1..=bytes.len() / 512 {
        let right = bytes.get(from + 2 * sector..from + 2 * sector + 2);
        let right = right.context("a record is damaged")?.to_vec();
        if let Some(place) = bytes.get_mut(sector * 512 - 2..sector * 512) {
            place.copy_from_slice(&right);
        }
    }
    Ok(bytes)
}

/// Puts a sign at the end of each sector against torn writes, and what stood there in front.
pub(super) fn protected(mut page: Vec<u8>) -> Vec<u8> {
    let sign = [7, 0];
    let from = place(&page, 4, 2).unwrap_or_default();
    let mut kept = sign.to_vec();
    for sector in page.chunks_exact_mut(512) {
        if let Some(end) = sector.last_chunk_mut::<2>() {
            kept.extend(*end);
            *end = sign;
        }
    }
    let mut page = Block(page);
    page.bytes(from, &kept);
    page.0
}

/// Where the attribute of a type stands in a record.
pub(super) fn attribute(record: &[u8], wanted: u64) -> Result<Option<usize>> {
    let mut at = place(record, 20, 2)?;
    loop {
        let (kind, length) = (number(record, at, 4)?, place(record, at + 4, 4)?);
        if kind == wanted {
            return Ok(Some(at));
        }
        if kind == u64::from(u32::MAX) || length == 0 {
            return Ok(None);
        }
        at += length;
    }
}

/// The first cluster of an attribute, and how many lie there together.
pub(super) fn run(record: &[u8], at: usize) -> Result<(u64, u64)> {
    let run = at + place(record, at + 32, 2)?;
    let widths = place(record, run, 1)?;
    let (length, offset) = (widths & 0xf, widths >> 4);
    let clusters = number(record, run + 1, length)?;
    Ok((number(record, run + 1 + length, offset)?, clusters))
}
