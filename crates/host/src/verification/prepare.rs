//! From what is claimed of an image to what must hold: lists and signatures are read here.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::Write;
use std::path::Path;

use rustix::fs::{MemfdFlags, memfd_create};
use snf_image_sandbox::User;

use super::checks::Checks;
use super::document::Document;
use super::error::{SignatureError, VerificationError};
use super::keys::Keys;
use super::list::{DigestList, LARGEST_LIST, ListError, is_clear_signed};
use super::openpgp;
use super::process::Verifying;
use super::signature::{LARGEST, Signature};
use crate::cancel::Cancel;
use crate::config::Settings;
use crate::digest::Digest;
use crate::source::{Input, Source};

/// What is said of an image that nobody has looked at yet.
#[derive(Debug)]
pub struct Claims<'a> {
    /// The image as messages name it.
    pub image: String,
    /// The name of its file, where it has one: what a list of digests calls it.
    pub file_name: Option<String>,
    /// What the digest of its bytes must be, as they come.
    pub digest: Option<&'a Digest>,
    /// A list that says so instead.
    pub digest_list: Option<&'a Document>,
    /// A signature by one of the node's keys: of the list where there is one, else of the image.
    pub signature: Option<&'a Document>,
}

/// What must hold of an image. A signed list is checked right here, so that nothing is written for the
/// sake of one that nobody vouches for.
///
/// # Errors
/// When the node asks for more than is claimed, or what the claims name cannot be had or does not
/// hold.
pub fn prepare(
    claims: &Claims<'_>,
    settings: &Settings,
    user: &User,
    cancel: &Cancel,
) -> Result<Checks, VerificationError> {
    check_policy(claims, settings)?;
    let preparation = Preparation {
        settings,
        user,
        cancel,
    };
    let image = &claims.image;
    let mut checks = Checks {
        digest: claims.digest.cloned(),
        ..Checks::default()
    };
    if let Some(list) = claims.digest_list {
        let digest = preparation.digest(claims, list)?;
        if let Some(warning) = digest.warning() {
            tracing::warn!("digest list {list}: {warning}");
        }
        tracing::info!("digest list {list} says that {image} is {digest}");
        checks.digest = Some(digest);
    } else if let Some(signature) = claims.signature {
        checks.signature = Some(preparation.signature(signature, image)?);
    }
    check_strength(claims, settings, &checks)?;
    Ok(checks)
}

/// Looks whether as much is claimed as the node wants to know.
fn check_policy(claims: &Claims<'_>, settings: &Settings) -> Result<(), VerificationError> {
    let required = |setting, what| VerificationError::Required {
        setting,
        what,
        image: claims.image.clone(),
    };
    if settings.require_signature && claims.signature.is_none() {
        return Err(required("REQUIRE_SIGNATURE", "a signature"));
    }
    let has_digest = claims.digest.is_some() || claims.digest_list.is_some();
    if settings.require_digest && !has_digest && claims.signature.is_none() {
        return Err(required("REQUIRE_DIGEST", "a digest or a signature"));
    }
    Ok(())
}

/// The same of what a list has said.
fn check_strength(
    claims: &Claims<'_>,
    settings: &Settings,
    checks: &Checks,
) -> Result<(), VerificationError> {
    let setting = match (settings.require_signature, settings.require_digest) {
        (true, _) => "REQUIRE_SIGNATURE",
        (_, true) => "REQUIRE_DIGEST",
        _ => return Ok(()),
    };
    let is_strong = |digest: &Digest| digest.algorithm().is_strong();
    if checks.signature.is_none() && !checks.digest.as_ref().is_some_and(is_strong) {
        return Err(VerificationError::Required {
            setting,
            what: "a sha256 or sha512 digest",
            image: claims.image.clone(),
        });
    }
    Ok(())
}

struct Preparation<'a> {
    settings: &'a Settings,
    user: &'a User,
    cancel: &'a Cancel,
}

impl Preparation<'_> {
    /// What a list says of an image, once its signature, where there is one, is known to be good.
    fn digest(&self, claims: &Claims<'_>, list: &Document) -> Result<Digest, VerificationError> {
        let shown = list.to_string();
        let name = claims.file_name.as_deref();
        let name = name.ok_or_else(|| VerificationError::NoName(claims.image.clone()))?;
        let failed = |error| VerificationError::List {
            name: shown.clone(),
            error,
        };
        let content = list.read(LARGEST_LIST, self.settings, self.user, self.cancel)?;
        if content.is_empty() {
            return Err(failed(ListError::Empty));
        }
        let content = match claims.signature {
            None => content,
            Some(signature) if signature.is(list) => self.clear_signed(&content, &shown)?,
            Some(signature) => {
                let signature = self.signature(signature, &shown)?;
                self.check(&content, &shown, signature)?;
                content
            }
        };
        let list = DigestList::parse(&content).map_err(failed)?;
        list.find(name).map_err(failed)
    }

    /// A signature of what is called `signed`.
    fn signature(
        &self,
        signature: &Document,
        signed: &str,
    ) -> Result<Signature, VerificationError> {
        let name = signature.to_string();
        let bytes = signature.read(LARGEST, self.settings, self.user, self.cancel)?;
        let keys = Keys::read(&self.settings.keys_dir)?;
        let parsed = Signature::parse(name.clone(), bytes, keys);
        parsed.map_err(|error| VerificationError::Signature {
            signed: signed.into(),
            name,
            error,
        })
    }

    /// The text of a list that is its own signature.
    fn clear_signed(&self, content: &[u8], shown: &str) -> Result<Vec<u8>, VerificationError> {
        let failed = |error| VerificationError::Signature {
            signed: shown.into(),
            name: shown.into(),
            error,
        };
        if !is_clear_signed(content) {
            return Err(failed(SignatureError::NotClearSigned));
        }
        let keys = Keys::read(&self.settings.keys_dir)?;
        if keys.openpgp().is_empty() {
            return Err(failed(SignatureError::NoKeys {
                kind: "OpenPGP",
                directory: keys.directory().into(),
            }));
        }
        let read = openpgp::clear_signed(&keys, content, self.user, self.cancel);
        let (text, signer) = read.map_err(failed)?;
        tracing::info!("{shown} was signed by {signer}");
        Ok(text)
    }

    /// Checks a signature of something small, in the way in which that of an image is checked.
    fn check(
        &self,
        content: &[u8],
        shown: &str,
        signature: Signature,
    ) -> Result<(), VerificationError> {
        let mut file = File::from(
            memfd_create("document", MemfdFlags::CLOEXEC).map_err(std::io::Error::from)?,
        );
        file.write_all(content)?;
        let source = Source::from_file(file, Path::new(shown))
            .map_err(|error| VerificationError::Image(error.to_string()))?;
        let checks = Checks {
            signature: Some(signature),
            ..Checks::default()
        };
        let (_, verifying) = Verifying::start(Input::File(source), checks, None, self.user)?;
        let signer = verifying.finish(self.cancel)?.signed_by;
        let signer = signer.ok_or(VerificationError::Incomplete)?;
        tracing::info!("{shown} was signed by {signer}");
        Ok(())
    }
}
