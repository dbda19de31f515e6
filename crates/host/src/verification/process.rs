//! The host's side of the verification of an image's bytes.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use snf_image_sandbox::{Limits, User};

use super::checks::Checks;
use super::error::{SignatureError, VerificationError};
use super::openpgp::Gpgv;
use super::report::{Findings, Job, Minisign, Report};
use super::signature::{Kind, Signature};
use crate::cancel::Cancel;
use crate::digest::{Algorithm, Digest};
use crate::role::{Needs, Process, Role};
use crate::source::{Input, Source, Stream};

/// The most memory that looking at an image may take, in bytes.
const MEMORY: u64 = 256 << 20;

/// The most processor time, in seconds: terabytes of several digests.
const PROCESSOR_SECONDS: u64 = 12 * 3600;

/// How much a pipe holds, in bytes: enough for two processes that work in turns.
const PIPE: usize = 1 << 20;

/// A verification under way.
#[derive(Debug)]
pub struct Verifying {
    process: Process,
    /// A file that somebody could change between the two readings of it.
    file: Option<Source>,
    name: String,
    digest: Option<Digest>,
    kept: Option<Digest>,
    signature: Option<(Signature, Option<Gpgv>)>,
}

/// What is known of an image's bytes: it has the digest and the signature that were asked for.
#[derive(Debug)]
pub struct Verified {
    /// Who signed it, where that was asked for.
    pub signed_by: Option<String>,
    /// The digests that were taken.
    pub digests: Vec<Digest>,
    /// Whether it is in the file that it was to be put into beside, or why not.
    pub stored: Option<Result<(), String>>,
}

impl Verifying {
    /// Starts the process that sees all of `input`, and gives what the copy is to read: the same file, or
    /// another pipe that the process passes the stream on to. All that comes is put into the file `store`
    /// too, where there is one, up to so many bytes. The process runs as `user`.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(
        input: Input,
        checks: Checks,
        store: Option<(File, u64)>,
        user: &User,
    ) -> Result<(Input, Self), VerificationError> {
        let name = input.name();
        let mut descriptors = Vec::new();
        let mut file = None;
        let input = match input {
            Input::File(source) => {
                // Nobody but root reaches a file of the cache, and to note its use changes its inode.
                if checks.kept.is_none() {
                    file = Some(source.try_clone()?);
                }
                descriptors.push(source.reader().try_clone()?.into());
                Input::File(source)
            }
            Input::Stream(stream) => {
                let (reader, writer) = io::pipe()?;
                // A smaller one is as right, and a little slower.
                let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE);
                descriptors.push(stream.bytes.into());
                descriptors.push(writer.into());
                Input::Stream(Stream {
                    bytes: File::from(OwnedFd::from(reader)),
                    ..stream
                })
            }
        };
        let mut minisign = None;
        let mut gpgv = None;
        match checks.signature.as_ref().map(|signature| &signature.kind) {
            Some(Kind::Minisign { key, text }) => {
                minisign = Some(Minisign {
                    key: key.clone(),
                    signature: text.clone(),
                });
            }
            Some(Kind::OpenPgp { bytes, keys }) => {
                let started = Gpgv::start(keys, bytes, user);
                let (started, pipe) = started.map_err(|error| VerificationError::Signature {
                    signed: name.clone(),
                    name: (checks.signature.as_ref())
                        .map_or_else(String::new, |signature| signature.name.clone()),
                    error,
                })?;
                descriptors.push(pipe);
                gpgv = Some(started);
            }
            None => {}
        }
        let mut algorithms = Vec::new();
        let digests = [&checks.digest, &checks.kept].into_iter().flatten();
        let for_store = store.as_ref().map(|_| Algorithm::Sha256);
        for algorithm in digests.map(Digest::algorithm).chain(for_store) {
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        let limit = store.as_ref().map(|(_, limit)| *limit);
        descriptors.extend(store.map(|(file, _)| file.into()));
        let job = Job {
            name: name.clone(),
            is_stream: matches!(input, Input::Stream(_)),
            algorithms,
            minisign,
            has_program: gpgv.is_some(),
            store: limit,
        };
        let needs = Needs {
            limits: Limits {
                memory: Some(MEMORY),
                processor_seconds: Some(PROCESSOR_SECONDS),
                ..Limits::default()
            },
            ..Needs::default()
        };
        let process = Process::start(Role::Verify, user, needs, &job, descriptors)?;
        let verifying = Verifying {
            process,
            file,
            name,
            digest: checks.digest,
            kept: checks.kept,
            signature: checks.signature.map(|signature| (signature, gpgv)),
        };
        Ok((input, verifying))
    }

    /// Waits until all of the image was seen, and holds what was found against what must hold. To be
    /// called when the copy has read it too: a file that was touched meanwhile is refused.
    ///
    /// # Errors
    /// When it does not, or `cancel` was called.
    pub fn finish(mut self, cancel: &Cancel) -> Result<Verified, VerificationError> {
        let findings = match self.process.next(cancel, None)? {
            Report::Done(findings) => findings,
            Report::Failed { reason } => return Err(VerificationError::Image(reason)),
        };
        if let Some(file) = &self.file {
            let untouched = file.check_untouched();
            untouched.map_err(|error| VerificationError::Image(error.to_string()))?;
        }
        self.check_kept(&findings)?;
        self.check_digest(&findings)?;
        let signed_by = match self.signature {
            Some((signature, gpgv)) => {
                let signed_by = signer(&signature, gpgv, &findings, cancel);
                Some(signed_by.map_err(|error| VerificationError::Signature {
                    signed: self.name,
                    name: signature.name,
                    error,
                })?)
            }
            None => None,
        };
        Ok(Verified {
            signed_by,
            digests: findings.digests,
            stored: findings.stored,
        })
    }

    /// Whether a file of the cache is still what it was.
    fn check_kept(&self, findings: &Findings) -> Result<(), VerificationError> {
        match &self.kept {
            Some(kept) if !findings.digests.contains(kept) => Err(VerificationError::Kept {
                name: self.name.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn check_digest(&self, findings: &Findings) -> Result<(), VerificationError> {
        let Some(wanted) = &self.digest else {
            return Ok(());
        };
        let mut found = findings.digests.iter();
        match found.find(|found| found.algorithm() == wanted.algorithm()) {
            Some(found) if found == wanted => Ok(()),
            Some(found) => Err(VerificationError::Digest {
                name: self.name.clone(),
                wanted: wanted.clone(),
                found: found.clone(),
            }),
            None => Err(VerificationError::Incomplete),
        }
    }
}

/// Whose signature it is, when it fits.
fn signer(
    signature: &Signature,
    gpgv: Option<Gpgv>,
    findings: &Findings,
    cancel: &Cancel,
) -> Result<String, SignatureError> {
    match (&signature.kind, gpgv, findings.minisign) {
        (Kind::OpenPgp { .. }, Some(gpgv), _) => gpgv.finish(cancel),
        (Kind::Minisign { key, .. }, _, Some(true)) => Ok(key.name.clone()),
        (Kind::Minisign { .. }, _, Some(false)) => Err(SignatureError::Bad),
        _ => Err(SignatureError::Silent("nobody was asked".into())),
    }
}
