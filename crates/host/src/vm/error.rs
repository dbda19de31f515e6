//! Why the helper VM did not do its work.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;

use snf_image_sandbox::{StartError, UserError};

/// One line for a person; the console's last lines are kept apart (`Running::tail`).
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// No emulator on this node.
    #[error("QEMU ({0}) was not found: install the package qemu-system-x86 or set QEMU")]
    NoEmulator(String),
    /// HELPER_ACCEL asks for KVM and there is none.
    #[error("HELPER_ACCEL=kvm, but KVM cannot be used: {0}; HELPER_ACCEL=auto takes what works")]
    NoKvm(String),
    /// The user of HELPER_USER is unfit.
    #[error(transparent)]
    User(#[from] UserError),
    /// QEMU could not be started behind its barriers.
    #[error("cannot start the helper VM: {0}")]
    Start(#[from] StartError),
    /// It did not come up in time.
    #[error(
        "the helper VM did not come up within {seconds} s with {accelerator}; its last line: {last}"
    )]
    NotReady {
        /// The time limit.
        seconds: u64,
        /// Its name, and why it was taken.
        accelerator: String,
        /// The last line of its console.
        last: String,
    },
    /// It went away before it had said anything about its work.
    #[error("the helper VM ended early ({status}); its last line: {last}")]
    EndedEarly {
        /// How QEMU ended.
        status: String,
        /// The last line of QEMU's standard error, or of the console.
        last: String,
    },
    /// It speaks another version of the protocol.
    #[error(
        "the helper (release {release}) speaks protocol {found}, not {expected}: \
         rebuild it with `snf-image helper build`"
    )]
    Protocol {
        /// The helper's release.
        release: String,
        /// The version that it speaks.
        found: u32,
        /// The version that is spoken here.
        expected: u32,
    },
    /// It took longer than HELPER_SOFT_TIMEOUT.
    #[error(
        "the helper did not finish within {seconds} s (HELPER_SOFT_TIMEOUT); its last line: {last}"
    )]
    TimedOut {
        /// The time limit.
        seconds: u64,
        /// The last line of its console.
        last: String,
    },
    /// Somebody asked to stop.
    #[error("cancelled while the helper VM was running")]
    Cancelled,
    /// A task failed.
    #[error("the helper failed: {reason}")]
    HelperFailed {
        /// In the helper's words.
        reason: String,
    },
    /// It claims success without the proof of it.
    #[error("the helper's success cannot be believed: {why}")]
    Inconsistent {
        /// What does not fit.
        why: String,
    },
    /// A system call of the supervision failed.
    #[error("{doing}: {error}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

/// Names what was being done when a system call failed.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, VmError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T, VmError> {
        self.map_err(|error| VmError::System {
            doing,
            error: error.into(),
        })
    }
}
