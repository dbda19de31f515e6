//! Why a command ends, and with which exit status.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::{self, Display};

use crate::cancel::SignalsError;

/// What the user reads, and what the caller sees.
#[derive(Debug)]
pub struct Failure {
    text: String,
    input: bool,
    log_tail: Vec<String>,
}

impl Failure {
    /// Wrong usage or input, found before anything was touched: exit status 2.
    #[must_use]
    pub fn input(fault: &dyn Display) -> Self {
        Failure {
            text: fault.to_string(),
            input: true,
            log_tail: Vec::new(),
        }
    }

    /// Everything else: exit status 1.
    #[must_use]
    pub fn failed(fault: &dyn Display) -> Self {
        Failure {
            input: false,
            ..Failure::input(fault)
        }
    }

    /// With the end of the helper's log, for those who asked for it.
    #[must_use]
    pub fn with_log(mut self, log_tail: Vec<String>) -> Self {
        self.log_tail = log_tail;
        self
    }

    /// The end of the helper's log.
    #[must_use]
    pub fn log_tail(&self) -> &[String] {
        &self.log_tail
    }

    /// 1 or 2.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        if self.input { 2 } else { 1 }
    }
}

impl From<SignalsError> for Failure {
    fn from(error: SignalsError) -> Self {
        Failure::failed(&error)
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
