//! A directory of NTFS that leads into itself: who looks for a name in it does not come out.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::records::{FIRST, Volume, attribute, protected, run, whole};
use crate::bytes::{Block, number, place};

/// The attribute with the blocks of a directory, their length in bytes, and where the head of
/// their entries stands.
const BLOCKS: u64 = 0xa0;
const BLOCK: usize = 4096;
const HEAD: usize = 24;
/// Fields of an entry: its length and flags, of which one says that it is the last.
const LENGTH: usize = 8;
const FLAGS: usize = 12;
const LAST: u64 = 2;

/// How many records are looked at.
const LOOKED_AT: u64 = 1024;

/// Has the first directory that holds some hundred names lead from the last of them to where they
/// began.
///
/// # Errors
/// When there is no such directory, or no NTFS as mkntfs(8) makes one with clusters of 4096 bytes.
pub fn close(path: &Path) -> Result<()> {
    let volume = Volume::open(path)?;
    let mut blocks = None;
    for number in FIRST..FIRST + LOOKED_AT {
        let record = volume.record(number)?;
        if let Some(at) = attribute(&record, BLOCKS)? {
            blocks = Some(run(&record, at)?);
            break;
        }
    }
    let (first, count) = blocks.context("there is no large directory")?;
    for number_of in 0..count {
        let position = (first + number_of) * volume.cluster;
        let mut bytes = vec![0; BLOCK];
        volume.file.read_exact_at(&mut bytes, position)?;
        let has_blocks_below = bytes.starts_with(b"INDX") && number(&bytes, HEAD + 12, 1)? == 1;
        if !has_blocks_below {
            continue;
        }
        let mut block = Block(whole(bytes)?);
        let mut entry = HEAD + place(&block.0, HEAD, 4)?;
        while number(&block.0, entry + FLAGS, 2)? & LAST == 0 {
            entry += place(&block.0, entry + LENGTH, 2)?;
        }
        let end = entry + place(&block.0, entry + LENGTH, 2)?;
        block.longs(end - 8, &[number_of]);
        return Ok(volume.file.write_all_at(&protected(block.0), position)?);
    }
    anyhow::bail!("no block of it has others below")
}
