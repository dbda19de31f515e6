//! An image from afar, from the cache where it is there, else from its server and into the cache.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use snf_image_sandbox::User;

use super::blob::Hit;
use super::claim::Claim;
use super::directory::Cache;
use super::identity::Identity;
use super::reference::Reference;
use crate::cancel::Cancel;
use crate::digest::Digest;
use crate::fetch::{self, FetchError, Found, Location, Options};
use crate::role::RoleError;
use crate::source::Stream;

/// How long another process may fetch the same image without writing any of it.
const STALLED: Duration = Duration::from_secs(600);

/// How often it is looked whether it has ended: there is no waiting for a lock that can be broken off.
const PAUSE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// What part of the cache is cleared for an image of unknown length: a quarter.
const UNKNOWN: u64 = 4;

/// Where the bytes come from.
#[derive(Debug)]
pub enum Fetched {
    /// The cache.
    Hit(Hit),
    /// The server.
    Stream {
        /// The bytes.
        stream: Stream,
        /// Where to put them beside, if anywhere.
        claim: Option<Claim>,
    },
}

/// Finds an image whose strong digest is given in the cache, or one whose server says that it has not
/// changed. Otherwise starts the download; while another process fetches the same image from there, waits for
/// it.
///
/// # Errors
/// When the image cannot be fetched, or `cancel` is called. What is wrong with the cache is only a
/// warning.
pub fn fetch(
    cache: &Cache,
    location: Location,
    digest: Option<&Digest>,
    options: &Options,
    user: &User,
    cancel: &Cancel,
) -> Result<Fetched, FetchError> {
    let digest = digest.filter(|digest| digest.algorithm().is_strong());
    let identity = digest.map_or_else(|| Identity::of_location(&location), Identity::of_digest);
    let download = digest.map_or_else(
        || identity.clone(),
        |digest| Identity::of_download(digest, &location),
    );
    let ready = match prepare(cache, &download, &identity, digest, cancel) {
        Ok(ready) => ready,
        Err(error) => {
            let directory = cache.directory().display();
            tracing::warn!("the cache of images in {directory} (IMAGE_CACHE_DIR): {error}");
            Ready::Without
        }
    };
    let (claim, known) = match ready {
        Ready::Hit(hit) => return Ok(Fetched::Hit(hit)),
        Ready::Claim(found) => (Some(found.0), found.1),
        Ready::Cancelled => return Err(FetchError::Role(RoleError::Cancelled)),
        Ready::Without => (None, None),
    };
    let validator = (known.as_ref()).and_then(|(_, reference)| reference.validator.as_deref());
    match (
        fetch::start_unless(validator, location, options, user, cancel)?,
        known,
    ) {
        (Found::Unchanged, Some((hit, _))) => Ok(Fetched::Hit(hit)),
        // Nobody has asked for that.
        (Found::Unchanged, None) => Err(FetchError::Failed {
            url: identity.to_string(),
            reason: "the server says that nothing has changed".into(),
        }),
        (Found::Stream { stream, validator }, _) => {
            let is_known = digest.is_some() || validator.is_some();
            let claim = claim.filter(|_| is_known).and_then(|claim| {
                let reserved = reserve(cache, claim, validator, stream.length);
                reserved.unwrap_or_else(|error| {
                    tracing::warn!("the image is not put into the cache: {error}");
                    None
                })
            });
            Ok(Fetched::Stream { stream, claim })
        }
    }
}

enum Ready {
    Hit(Hit),
    /// The right to fetch it, and what is there of the same URL.
    Claim(Box<(Claim, Option<(Hit, Reference)>)>),
    Cancelled,
    Without,
}

/// Waits until the image is there, or until it is for this process to fetch it.
fn prepare(
    cache: &Cache,
    download: &Identity,
    identity: &Identity,
    digest: Option<&Digest>,
    cancel: &Cancel,
) -> io::Result<Ready> {
    let mut alive = (Instant::now(), 0);
    let mut is_told = false;
    loop {
        let claim = match digest.map(|digest| cache.find_digest(digest)) {
            Some(found) => match found? {
                Some(hit) => return Ok(Ready::Hit(hit)),
                None => cache.claim(download, identity)?,
            },
            None => cache.claim(download, identity)?,
        };
        if let Some(claim) = claim {
            // Somebody may have finished it since it was looked for, and still be writing down what it is.
            let _lock = cache.lock()?;
            if let Some(digest) = digest
                && let Some(hit) = cache.find_digest(digest)?
            {
                return Ok(Ready::Hit(hit));
            }
            let known = match digest {
                Some(_) => None,
                None => cache.find(identity)?,
            };
            return Ok(Ready::Claim(Box::new((claim, known))));
        }
        if !is_told {
            tracing::info!("{identity} is being fetched by another process: waiting for it");
            is_told = true;
        }
        let written = cache.written(download);
        if written != alive.1 {
            alive = (Instant::now(), written);
        }
        if alive.0.elapsed() > STALLED {
            tracing::warn!("{identity} has been fetched by another process in vain");
            return Ok(Ready::Without);
        }
        if is_cancelled_meanwhile(cancel)? {
            return Ok(Ready::Cancelled);
        }
    }
}

/// Waits for a moment, or until somebody wants to stop.
fn is_cancelled_meanwhile(cancel: &Cancel) -> io::Result<bool> {
    let mut watched = [PollFd::new(cancel, PollFlags::IN)];
    match poll(&mut watched, Some(&PAUSE)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(cancel.is_cancelled()),
        Err(errno) => Err(errno.into()),
    }
}

/// Clears room for an image, where it may be put.
fn reserve(
    cache: &Cache,
    mut claim: Claim,
    validator: Option<String>,
    length: Option<u64>,
) -> io::Result<Option<Claim>> {
    claim.validator = validator;
    let wanted = length.unwrap_or(cache.size / UNKNOWN);
    if wanted > cache.size {
        tracing::info!("the image is larger than the cache (IMAGE_CACHE_SIZE)");
        return Ok(None);
    }
    let room = cache.make_room(wanted)?;
    if room < wanted {
        tracing::warn!(
            "the image is not put into the cache: {wanted} bytes are wanted, and all but {room} are in use"
        );
        return Ok(None);
    }
    claim.reserve(length.unwrap_or(room))?;
    Ok(Some(claim))
}
