//! The verification of a deployment's image, under way while other things are done with it.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_sandbox::User;

use super::DeployError;
use crate::cancel::Cancel;
use crate::source::Input;
use crate::verification::{Checks, VerificationError, Verifying};

/// What is not known yet of an image.
#[derive(Debug, Default)]
pub(super) struct Vetting {
    verifying: Option<Verifying>,
}

impl Vetting {
    /// Begins to verify an image, where there is something to verify, and gives what the copy is to read.
    pub(super) fn start(
        input: Option<Input>,
        checks: Checks,
        user: &User,
    ) -> Result<(Option<Input>, Self), DeployError> {
        match input {
            Some(input) if !checks.is_empty() => {
                let (input, verifying) =
                    Verifying::start(input, checks, user).map_err(unverified)?;
                let verifying = Some(verifying);
                Ok((Some(input), Vetting { verifying }))
            }
            input => Ok((input, Vetting::default())),
        }
    }

    /// Knows it as early as that is possible: where all of the image has come before anything was made of it.
    pub(super) fn finish_if(&mut self, is_whole: bool, cancel: &Cancel) -> Result<(), DeployError> {
        if is_whole {
            self.finish(cancel)
        } else {
            Ok(())
        }
    }

    /// Waits until all of the image is known to be right. To be called when it has been read; a second time
    /// it has nothing to do.
    pub(super) fn finish(&mut self, cancel: &Cancel) -> Result<(), DeployError> {
        let Some(verifying) = self.verifying.take() else {
            return Ok(());
        };
        let verified = verifying.finish(cancel).map_err(unverified)?;
        if let Some(signer) = verified.signed_by {
            tracing::info!("the image was signed by {signer}");
        }
        Ok(())
    }
}

fn unverified(error: VerificationError) -> DeployError {
    DeployError::Unverified(error.into())
}
