//! Takes the digest of a blob while it goes by.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Write};

use crate::digest::{Digest, Hasher};

/// Where a blob goes.
pub(in crate::fetch) struct Hashed<W> {
    sink: W,
    hasher: Hasher,
    wanted: Digest,
}

impl<W: Write> Hashed<W> {
    pub(in crate::fetch) fn new(sink: W, wanted: Digest) -> Self {
        Hashed {
            sink,
            hasher: Hasher::new(wanted.algorithm()),
            wanted,
        }
    }

    /// Whether it was the blob that it should be.
    pub(in crate::fetch) fn check(self) -> Result<(), String> {
        let found = self.hasher.finish();
        if found == self.wanted {
            return Ok(());
        }
        Err(format!(
            "the registry sends another image than its manifest says: the digest is {found} and not {}",
            self.wanted
        ))
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
