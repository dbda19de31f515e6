//! What is not known yet of a deployment's image, and what becomes of it in the cache.
// SPDX-License-Identifier: BSD-2-Clause

use std::thread::{self, JoinHandle};

use snf_image_sandbox::User;

use super::DeployError;
use crate::cache::{Cache, Claim, Hit};
use crate::cancel::Cancel;
use crate::digest::Digest;
use crate::source::Input;
use crate::verification::{Checks, VerificationError, Verified, Verifying};

/// An image whose bytes are about to come.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) input: Input,
    /// Where in the cache it goes.
    pub(super) claim: Option<Claim>,
    /// Where in the cache it is.
    pub(super) hit: Option<(Cache, Hit)>,
}

impl From<Input> for Opened {
    fn from(input: Input) -> Self {
        Opened {
            input,
            claim: None,
            hit: None,
        }
    }
}

/// The verification of an image, under way while other things are done with it. Dropped, it waits until
/// the cache has the image.
#[derive(Debug, Default)]
pub(super) struct Vetting {
    verifying: Option<Verifying>,
    claim: Option<Claim>,
    hit: Option<(Cache, Hit)>,
    keeping: Option<JoinHandle<()>>,
}

impl Vetting {
    /// Begins to verify an image, where there is something to verify, and gives what the copy is to read.
    pub(super) fn start(
        opened: Option<Opened>,
        mut checks: Checks,
        user: &User,
    ) -> Result<(Option<Input>, Self), DeployError> {
        let Some(Opened { input, claim, hit }) = opened else {
            return Ok((None, Vetting::default()));
        };
        checks.kept = hit.as_ref().map(|(_, hit)| hit.sha256.clone());
        let store = claim.as_ref().map(Claim::file).transpose();
        let store = store.map_err(DeployError::Descriptor)?;
        let (input, verifying) = if checks.is_empty() && store.is_none() {
            (input, None)
        } else {
            let started = Verifying::start(input, checks, store, user);
            let (input, verifying) = started.map_err(unverified)?;
            (input, Some(verifying))
        };
        let vetting = Vetting {
            verifying,
            claim,
            hit,
            keeping: None,
        };
        Ok((Some(input), vetting))
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
        let verified = verifying.finish(cancel).map_err(|error| {
            if let (VerificationError::Kept { .. }, Some((cache, hit))) = (&error, &self.hit)
                && let Err(error) = cache.discard(hit)
            {
                tracing::warn!("a damaged image stays in the cache: {error}");
            }
            unverified(error)
        })?;
        if let Some(signer) = &verified.signed_by {
            tracing::info!("the image was signed by {signer}");
        }
        self.keep(verified);
        Ok(())
    }

    /// What an error is due to: a file of the cache that was damaged may look like anything else.
    pub(super) fn cause(&mut self, error: DeployError, cancel: &Cancel) -> DeployError {
        if self.hit.is_none() || error.is_consequence() {
            return error;
        }
        match self.finish(cancel) {
            Err(cause @ DeployError::Unverified(_)) if !cause.is_consequence() => cause,
            _ => error,
        }
    }

    /// Lets the cache have an image that is right, while the helper VM works: it takes a flush.
    fn keep(&mut self, verified: Verified) {
        match (self.claim.take(), verified.stored) {
            (Some(claim), Some(Ok(()))) => {
                let keep = move || keep(claim, &verified.digests);
                self.keeping = (thread::Builder::new().name("cache".into()).spawn(keep))
                    .inspect_err(|error| tracing::warn!("{WARNING}: {error}"))
                    .ok();
            }
            (Some(_), Some(Err(reason))) => tracing::warn!("{WARNING}: {reason}"),
            _ => {}
        }
    }
}

/// How a warning begins.
const WARNING: &str = "the image is not put into the cache (IMAGE_CACHE_DIR)";

fn keep(claim: Claim, digests: &[Digest]) {
    if let Err(error) = claim.keep(digests) {
        tracing::warn!("{WARNING}: {error}");
    }
}

impl Drop for Vetting {
    fn drop(&mut self) {
        // It has said by itself what went wrong.
        let _ = self.keeping.take().map(JoinHandle::join);
    }
}

fn unverified(error: VerificationError) -> DeployError {
    DeployError::Unverified(error.into())
}
