//! What all bytes of an image go through while it is looked at.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Write};

use minisign_verify::StreamVerifier;

use super::report::Findings;
use super::storing::Storing;
use crate::digest::Hasher;

/// Everything that wants to see the bytes.
pub(super) struct Taps<'job> {
    pub(super) hashers: Vec<Hasher>,
    pub(super) minisign: Option<StreamVerifier<'job>>,
    /// The pipe of a program.
    pub(super) program: Option<File>,
    pub(super) store: Option<Storing>,
}

impl Taps<'_> {
    /// Takes the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        for hasher in &mut self.hashers {
            hasher.update(bytes);
        }
        if let Some(minisign) = &mut self.minisign {
            minisign.update(bytes);
        }
        if let Some(mut program) = self.program.as_ref() {
            match program.write_all(bytes) {
                // It has made up its mind already; the host hears from it.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.program = None,
                written => written?,
            }
        }
        if let Some(store) = &mut self.store {
            store.take(bytes);
        }
        Ok(())
    }

    /// What they found. The program learns by it that no more will come.
    pub(super) fn finish(self) -> Findings {
        Findings {
            digests: self.hashers.into_iter().map(Hasher::finish).collect(),
            stored: self.store.map(Storing::finish),
            minisign: (self.minisign).map(|mut minisign| minisign.finalize().is_ok()),
        }
    }
}
