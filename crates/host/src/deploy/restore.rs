//! Puts the bytes of a stream onto a target: what an export has sent comes back.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use crate::target::{ALIGNMENT, AlignedBuffer, Target, TargetError};

/// Bytes read and written at a time.
const CHUNK: usize = 4 << 20;

/// Buffers in circulation: while one is written others are filled.
const BUFFERS: usize = 4;

/// What is zeroed at both ends of a rest that cannot be zeroed cheaply.
const ENDS: u64 = 1 << 20;

/// Why a stream is not on the target.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The stream broke.
    #[error("reading the data to import: {0}")]
    Read(io::Error),
    /// Nothing came.
    #[error("there was no data to import: the sender failed before its first byte")]
    Empty,
    /// A disk consists of whole sectors.
    #[error(
        "the data to import ended after {0} bytes, in the middle of a sector: the sender failed"
    )]
    Short(u64),
    /// More than the target holds.
    #[error(
        "the data to import is larger than target {path}, which has {capacity} bytes: give the new disk at least the size of the old one"
    )]
    TooLong {
        /// The target.
        path: String,
        /// Its size, in bytes.
        capacity: u64,
    },
    /// The target could not be written.
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// Reads `input` to its end onto `target`, flushes, and says how many bytes came. What the
/// target held before is not left within them, nor where a partition table could be behind.
///
/// # Errors
/// See [`RestoreError`]. The target's content is undefined then.
pub fn restore(input: &File, target: &Target) -> Result<u64, RestoreError> {
    let fresh = target.is_fresh();
    let (filled, to_write) = sync_channel(BUFFERS);
    let (used, free) = channel();
    for _ in 0..BUFFERS {
        // Its other end is right here.
        let _ = used.send(AlignedBuffer::new(CHUNK));
    }
    let length = thread::scope(|scope| {
        let writer = scope.spawn(move || write_all(target, fresh, &to_write, &used));
        let read = read_all(input, target, &free, filled);
        // The writer's failure is why the reader stopped, when both have one.
        match writer.join() {
            Ok(written) => written.map_err(RestoreError::from).and(read),
            Err(_) => Err(RestoreError::Read(io::Error::other("a thread broke down"))),
        }
    })?;
    if !fresh {
        zero_rest(target, length)?;
    }
    target.flush()?;
    target.keep();
    Ok(length)
}

/// Some bytes and where they go.
struct Piece {
    buffer: AlignedBuffer,
    length: usize,
    offset: u64,
}

/// Reads everything. It ends early, without an error of its own, when the writer has.
fn read_all(
    mut input: &File,
    target: &Target,
    free: &Receiver<AlignedBuffer>,
    filled: SyncSender<Piece>,
) -> Result<u64, RestoreError> {
    let mut offset = 0_u64;
    while let Ok(mut buffer) = free.recv() {
        let length = fill(&mut input, buffer.first_mut(CHUNK)).map_err(RestoreError::Read)?;
        let end = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if end > target.capacity() {
            return Err(RestoreError::TooLong {
                path: target.path().display().to_string(),
                capacity: target.capacity(),
            });
        }
        let padded = length.next_multiple_of(ALIGNMENT).min(CHUNK);
        if let Some(padding) = buffer.first_mut(padded).get_mut(length..) {
            padding.fill(0);
        }
        let room = usize::try_from(target.capacity() - offset).unwrap_or(usize::MAX);
        let piece = Piece {
            buffer,
            length: padded.min(room),
            offset,
        };
        offset = end;
        if filled.send(piece).is_err() || length < CHUNK {
            break;
        }
    }
    match offset {
        0 => Err(RestoreError::Empty),
        length if !length.is_multiple_of(512) => Err(RestoreError::Short(length)),
        length => Ok(length),
    }
}

fn fill(input: &mut &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn write_all(
    target: &Target,
    fresh: bool,
    to_write: &Receiver<Piece>,
    used: &Sender<AlignedBuffer>,
) -> Result<(), TargetError> {
    for piece in to_write {
        let bytes = piece.buffer.first(piece.length);
        // A file system's own words for "is all of it zero", as fast as memory.
        let is_zero = bytes.iter().all(|byte| *byte == 0);
        let end = piece
            .offset
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if !is_zero {
            target.write_at(bytes, piece.offset)?;
        } else if !fresh {
            target.zero(piece.offset..end)?;
        }
        // Nobody takes it when the reader has gone.
        let _ = used.send(piece.buffer);
    }
    Ok(())
}

fn zero_rest(target: &Target, length: u64) -> Result<(), TargetError> {
    let capacity = target.capacity();
    let block = u64::try_from(ALIGNMENT).unwrap_or(u64::MAX);
    let start = length
        .checked_next_multiple_of(block)
        .unwrap_or(capacity)
        .min(capacity);
    if target.zeroes_cheaply() || capacity - start <= 2 * ENDS {
        target.zero(start..capacity)
    } else {
        target.zero(start..start + ENDS)?;
        target.zero(capacity - ENDS..capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    struct Stage {
        directory: tempfile::TempDir,
    }

    impl Stage {
        /// A target that is full of something else.
        fn new(capacity: usize) -> Self {
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join("target"), vec![0xaa; capacity]).unwrap();
            Stage { directory }
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("target")
        }

        fn restore(&self, data: &[u8]) -> Result<u64, RestoreError> {
            let input = self.directory.path().join("input");
            std::fs::write(&input, data).unwrap();
            let target = Target::open(&self.path(), None, None).unwrap();
            restore(&File::open(input).unwrap(), &target)
        }
    }

    fn data(length: usize) -> Vec<u8> {
        let byte = |at: usize| {
            if (at >> 20).is_multiple_of(2) {
                0
            } else {
                u8::try_from(at % 251).unwrap()
            }
        };
        (0..length).map(byte).collect()
    }

    #[test]
    fn every_byte_comes_back_and_nothing_old_is_left() {
        for (length, capacity) in [
            (9 << 20, 9 << 20),
            ((5 << 20) + 512, 12 << 20),
            (512, 4096),
            (4 << 20, 4 << 20),
        ] {
            let stage = Stage::new(capacity);
            let data = data(length);
            assert_eq!(
                stage.restore(&data).unwrap(),
                u64::try_from(length).unwrap()
            );
            let mut expected = data;
            expected.resize(capacity, 0);
            assert!(
                std::fs::read(stage.path()).unwrap() == expected,
                "{length} onto {capacity}"
            );
        }
    }

    #[test]
    fn what_is_too_long_or_short_is_refused() {
        for (length, capacity, words) in [
            (0, 1 << 20, "no data"),
            (513, 1 << 20, "middle of a sector"),
            ((1 << 20) + 512, 1 << 20, "is larger than"),
            (20 << 20, 1 << 20, "is larger than"),
        ] {
            let fault = Stage::new(capacity)
                .restore(&data(length))
                .unwrap_err()
                .to_string();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
