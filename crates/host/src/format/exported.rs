//! An exported disk as an image to copy.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::{Image, ImageError};
use crate::nbd::{Client, Known};

/// How much is best read in one go, in bytes.
const GRAIN: usize = 2 << 20;

/// What a server makes of an image.
#[derive(Debug)]
pub struct Exported {
    client: Client,
    known: Mutex<Known>,
}

impl Exported {
    /// All of the export is the disk.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Exported {
            client,
            known: Mutex::default(),
        }
    }
}

impl Image for Exported {
    fn length(&self) -> u64 {
        self.client.export().size
    }

    fn next_data(&self, from: u64) -> Result<Option<Range<u64>>, ImageError> {
        let end = self.length();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .next_data(from, end, |at| {
                self.client.block_status(at, end.saturating_sub(at))
            })
            .map_err(|error| ImageError::Stream(error.into()))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ImageError> {
        self.client.read(buffer, offset).map_err(|error| {
            let error = io::Error::from(error);
            ImageError::Stream(io::Error::new(
                error.kind(),
                format!("at byte {offset} of the disk: {error}"),
            ))
        })
    }

    fn grain(&self) -> usize {
        GRAIN
    }
}
