//! The verifying process: it sees all bytes of an image as they come, and makes nothing of them.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use minisign_verify::{PublicKey, Signature};

use super::report::{Findings, Job, Minisign, Report};
use super::storing::Storing;
use super::taps::Taps;
use crate::digest::Hasher;
use crate::role::{Inside, Role};
use crate::source::Source;

/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// Looks at one image and says what was found.
///
/// # Errors
/// When the host is gone.
pub(crate) fn serve(mut inside: Inside) -> io::Result<()> {
    let reporter = inside.reporter()?;
    let job: Job = inside.job(Role::Verify.calls())?;
    let report = match verify(&job, &mut inside) {
        Ok(findings) => Report::Done(findings),
        Err(reason) => Report::Failed { reason },
    };
    reporter.report(&report)
}

fn verify(job: &Job, inside: &mut Inside) -> Result<Findings, String> {
    let mut file = || {
        let descriptor = inside.descriptor().map_err(|error| error.to_string());
        descriptor.map(File::from)
    };
    let image = file()?;
    let next = job.is_stream.then(&mut file).transpose()?;
    let program = job.has_program.then(&mut file).transpose()?;
    let store = match job.store {
        Some(limit) => Some(Storing::new(file()?, limit)),
        None => None,
    };
    let minisign = job.minisign.as_ref().map(decode).transpose()?;
    let verifier = minisign.as_ref().map(|(key, signature)| {
        let verifier = key.verify_stream(signature);
        verifier.map_err(|error| error.to_string())
    });
    let mut taps = Taps {
        hashers: job.algorithms.iter().copied().map(Hasher::new).collect(),
        minisign: verifier.transpose()?,
        program,
        store,
    };
    match next {
        Some(next) => pass_on(&image, &next, &mut taps).map_err(|error| error.to_string())?,
        None => look_at(image, &job.name, &mut taps)?,
    }
    Ok(taps.finish())
}

fn decode(minisign: &Minisign) -> Result<(PublicKey, Signature), String> {
    let key = PublicKey::decode(&minisign.key.text).map_err(|error| error.to_string())?;
    let signature = Signature::decode(&minisign.signature).map_err(|error| error.to_string())?;
    Ok((key, signature))
}

/// Reads a stream to its end, and gives the copy every byte of it first.
fn pass_on(mut image: &File, mut next: &File, taps: &mut Taps<'_>) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let count = match image.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        next.write_all(bytes)?;
        taps.take(bytes)?;
    }
}

/// Reads a file from its beginning to its end: the copy does so in no order, and leaves out what it does
/// not need.
fn look_at(image: File, name: &str, taps: &mut Taps<'_>) -> Result<(), String> {
    let source = Source::from_file(image, Path::new(name)).map_err(|error| error.to_string())?;
    let mut buffer = vec![0; PIECE];
    let mut at = 0;
    while at < source.length() {
        let left = usize::try_from(source.length().saturating_sub(at)).unwrap_or(PIECE);
        let piece = buffer.get_mut(..left.min(PIECE)).unwrap_or_default();
        let read = source.read_at(piece, at);
        read.map_err(|error| error.to_string())?;
        taps.take(piece).map_err(|error| error.to_string())?;
        at = at.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
    }
    source.check_unchanged().map_err(|error| error.to_string())
}
