//! Memory that direct I/O accepts: its start is aligned to any sector size.
// SPDX-License-Identifier: BSD-2-Clause

/// Alignment in bytes of memory, offsets and lengths in direct I/O: the largest logical
/// sector size in use, and the block size file systems ask for (open(2), "O_DIRECT").
pub const ALIGNMENT: usize = 4096;

/// Bytes, at first zero, whose first lies at a multiple of [`ALIGNMENT`].
#[derive(Debug)]
pub struct AlignedBuffer {
    /// A little longer than asked for, and never resized, so that it never moves.
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    /// A buffer of `length` bytes.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let memory = vec![0; length.saturating_add(ALIGNMENT)];
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        AlignedBuffer {
            memory,
            start,
            length,
        }
    }

    /// Its length in bytes.
    #[must_use]
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The first `length` bytes, or all of them when there are fewer.
    #[must_use]
    pub fn first(&self, length: usize) -> &[u8] {
        let bytes = self.memory.get(self.start..).unwrap_or_default();
        bytes.get(..length.min(self.length)).unwrap_or_default()
    }

    /// The first `length` bytes, or all of them when there are fewer, to be changed.
    pub fn first_mut(&mut self, length: usize) -> &mut [u8] {
        let bytes = self.memory.get_mut(self.start..).unwrap_or_default();
        bytes.get_mut(..length.min(self.length)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_buffer_is_aligned_and_as_long_as_asked_for() {
        for length in [1, 511, 4096, 4097, 1 << 20] {
            let mut buffer = AlignedBuffer::new(length);
            assert_eq!(buffer.first(usize::MAX).len(), length);
            assert_eq!(buffer.first_mut(length).len(), length);
            assert_eq!(buffer.first(length).as_ptr().addr() % ALIGNMENT, 0);
        }
    }
}
