//! Why a deployment failed.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::PathBuf;

use super::drivers::DriversError;
use super::host_keys::HostKeyError;
use crate::appliance::ApplianceError;
use crate::backend::BackendError;
use crate::cancel::Cancel;
use crate::copy::CopyFailure;
use crate::fetch::{FetchError, OptionsError};
use crate::role::RoleError;
use crate::source::{ProducerError, SourceError};
use crate::spool::SpoolError;
use crate::store::StoreError;
use crate::target::{Target, TargetError};
use crate::verification::VerificationError;
use crate::vm::{ParamsError, VmError};

/// What is so little room, in bytes, that a write of the helper VM may have failed for it: some of
/// its largest requests.
const LITTLE: u64 = 4 << 20;

/// Why, and the end of the helper's log where there is one.
#[derive(Debug)]
pub struct Failure {
    /// Why, in one line.
    pub error: DeployError,
    /// The last lines of the helper's console.
    pub log_tail: Vec<String>,
}

/// Why a deployment failed. The text is what the administrator reads.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The image cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The image cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// No back-end gives the image.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The settings do not say how to fetch it.
    #[error(transparent)]
    FetchOptions(#[from] OptionsError),
    /// There is no temporary file for the image.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// It is not known where the image is.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The target cannot be written.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Image and target are one.
    #[error("image and target are the same file, {}", .0.display())]
    SameFile(PathBuf),
    /// The copy failed.
    #[error(transparent)]
    Copy(#[from] CopyFailure),
    /// It is not known beforehand what the image must be.
    #[error(transparent)]
    Verification(Box<VerificationError>),
    /// The image is not what it must be.
    #[error(transparent)]
    Unverified(Box<VerificationError>),
    /// There is no answer file for Windows Setup.
    #[error("the answer file: {0}")]
    AnswerFile(Box<VerificationError>),
    /// There are no drivers for Windows.
    #[error(transparent)]
    Drivers(#[from] DriversError),
    /// The helper VM's files cannot be used.
    #[error(transparent)]
    Appliance(#[from] ApplianceError),
    /// The parameters cannot be handed over.
    #[error(transparent)]
    Parameters(#[from] ParamsError),
    /// There are no SSH host keys.
    #[error(transparent)]
    HostKeys(#[from] HostKeyError),
    /// The helper VM failed, or the helper in it.
    #[error(transparent)]
    Vm(#[from] VmError),
    /// The helper failed, and what it wrote may have had no room.
    #[error(
        "{error}; the file system that holds target {path} has only {left} bytes left: make room on it and try again"
    )]
    NoRoom {
        /// What the helper VM says.
        error: VmError,
        /// The target.
        path: String,
        /// What is left for the helper VM, in bytes.
        left: u64,
    },
    /// The system gave no random bytes.
    #[error("drawing random bytes: {0}")]
    Random(getrandom::Error),
    /// A descriptor could not be duplicated.
    #[error("duplicating a descriptor: {0}")]
    Descriptor(std::io::Error),
    /// Somebody asked to stop.
    #[error("interrupted by {0}: the target is not usable")]
    Interrupted(&'static str),
    /// A fault of this program.
    #[error("a part of snf-image broke down; please report this as a bug")]
    Panic,
}

impl DeployError {
    /// Whether the input was at fault and nothing was touched.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            DeployError::Source(_)
                | DeployError::Fetch(FetchError::Failed { .. })
                | DeployError::Backend(BackendError::None { .. } | BackendError::Failed { .. })
                | DeployError::Verification(_)
                | DeployError::AnswerFile(_)
                | DeployError::Drivers(_)
                | DeployError::Store(_)
                | DeployError::Target(_)
                | DeployError::SameFile(_)
                | DeployError::Copy(CopyFailure::Failed {
                    untouched: true,
                    ..
                })
        )
    }

    /// Whether this part only stopped because another one had failed.
    pub(super) fn is_consequence(&self) -> bool {
        match self {
            DeployError::Verification(error)
            | DeployError::Unverified(error)
            | DeployError::AnswerFile(error) => error.is_cancelled(),
            DeployError::Copy(
                CopyFailure::Role(RoleError::Cancelled)
                | CopyFailure::Producer(ProducerError::Cancelled),
            )
            | DeployError::Fetch(FetchError::Role(RoleError::Cancelled))
            | DeployError::Backend(BackendError::Cancelled)
            | DeployError::Vm(VmError::Cancelled)
            | DeployError::Target(TargetError::Cancelled) => true,
            _ => false,
        }
    }

    /// With what the helper VM cannot know: that there is hardly any room left for the target.
    pub(super) fn or_no_room(self, target: &Target) -> Self {
        match (self, target.room()) {
            (DeployError::Vm(error), Some(left)) if left < LITTLE => DeployError::NoRoom {
                error,
                path: target.path().display().to_string(),
                left,
            },
            (other, _) => other,
        }
    }

    /// The signal, where one was the reason.
    pub(super) fn or_signal(self, cancel: &Cancel) -> Self {
        match cancel.signal().filter(|_| self.is_consequence()) {
            Some(signal) => DeployError::Interrupted(name(signal)),
            None => self,
        }
    }
}

impl From<DeployError> for Failure {
    fn from(error: DeployError) -> Self {
        Failure {
            error,
            log_tail: Vec::new(),
        }
    }
}

fn name(signal: i32) -> &'static str {
    signal_hook::low_level::signal_name(signal).unwrap_or("a signal")
}
