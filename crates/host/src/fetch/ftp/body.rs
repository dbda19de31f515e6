//! A file on its way, which ends well only when the server says so.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read};
use std::time::Duration;

use super::super::download::Trouble;
use super::channel::Channel;
use super::control::Control;

/// The bytes of one transfer.
pub(super) struct Body {
    control: Control,
    /// None once it has ended.
    data: Option<Channel>,
    patience: Duration,
}

impl Body {
    pub(super) fn new(control: Control, data: Channel, patience: Duration) -> Self {
        Body {
            control,
            data: Some(data),
            patience,
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(data) = &mut self.data else {
            return Ok(0);
        };
        data.allow(self.patience);
        match data.read(buffer) {
            Ok(0) => {}
            // Many servers end TLS without a word. Whether it was the end is what they say next.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            read => return read,
        }
        // Closed first: some wait for it.
        self.data = None;
        match self.control.completion() {
            Ok(()) => Ok(0),
            Err(Trouble::Passing(reason) | Trouble::Final(reason)) => Err(io::Error::other(reason)),
        }
    }
}
