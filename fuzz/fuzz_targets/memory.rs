//! An image in memory; a read beyond its end is a fault of the reader.
// SPDX-License-Identifier: BSD-2-Clause

use std::convert::Infallible;

use snf_image_qcow2::{Bytes, Image};

pub(crate) struct Memory(pub(crate) Vec<u8>);

impl Bytes for Memory {
    type Error = Infallible;

    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), Infallible> {
        let start = usize::try_from(offset).unwrap();
        buffer.copy_from_slice(&self.0[start..start + buffer.len()]);
        Ok(())
    }
}

/// Goes through an image's disk as a copy does, for some of it, and reads askew too.
pub(crate) fn go_through(image: &Image<Memory>) {
    let mut buffer = vec![0x55; 1 << 17];
    let mut at = 0;
    for _ in 0..8 {
        let Ok(Some(data)) = image.next_data(at, 4096) else {
            break;
        };
        assert!(data.start >= at && data.start < data.end && data.end <= image.size());
        let length = usize::try_from((data.end - data.start).min(1 << 17)).unwrap();
        let _ = image.read_at(&mut buffer[..length], data.start);
        let _ = image.read_at(&mut buffer[..length.min(1000)], data.start + 7);
        at = data.end;
    }
}

/// Writes a number in the byte order of the format.
#[allow(dead_code, reason = "not every target makes up an image")]
pub(crate) fn put(image: &mut [u8], at: usize, value: u64) {
    image[at..at + 8].copy_from_slice(&value.to_be_bytes());
}
