//! Puts the bytes of an image into a file of the cache, holes where zeroes are.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How finely zeroes are looked for, in bytes: what file systems give space by, or a few times that.
const GRAIN: usize = 64 << 10;

static ZEROES: [u8; GRAIN] = [0; GRAIN];

/// A file in the making. What goes wrong with it is no fault of the image.
#[derive(Debug)]
pub(super) struct Storing {
    file: File,
    /// How many bytes it may have.
    limit: u64,
    at: u64,
    failure: Option<String>,
}

impl Storing {
    pub(super) fn new(file: File, limit: u64) -> Self {
        Storing {
            file,
            limit,
            at: 0,
            failure: None,
        }
    }

    /// Takes the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        if let Err(error) = self.write(bytes) {
            self.failure = Some(error.to_string());
            // Room for others; the host removes the file.
            let _ = self.file.set_len(0);
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for block in bytes.chunks(GRAIN) {
            let length = u64::try_from(block.len()).unwrap_or(u64::MAX);
            let end = self.at.saturating_add(length);
            if end > self.limit {
                return Err(io::Error::other("it has no room there"));
            }
            if ZEROES.get(..block.len()) != Some(block) {
                self.file.write_all_at(block, self.at)?;
            }
            self.at = end;
        }
        Ok(())
    }

    /// Whether all of it is in the file now.
    pub(super) fn finish(self) -> Result<(), String> {
        match self.failure {
            Some(failure) => Err(failure),
            None => (self.file.set_len(self.at)).map_err(|error| error.to_string()),
        }
    }
}
