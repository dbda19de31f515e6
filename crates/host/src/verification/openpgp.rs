//! OpenPGP signatures, checked by `gpgv` in a process that holds nothing else.
//!
//! It gets the keys, the signature and the signed bytes as open descriptors, runs behind the
//! same barriers as the helper VM, and says what it found in the lines that GnuPG documents in
//! doc/DETAILS, "Format of the --status-fd output".
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use snf_image_sandbox::{Confined, Descriptors, Limits, Spec, Streams, User};

use super::error::SignatureError;
use super::keys::Keys;
use super::list::LARGEST_LIST;
use super::waiting::{ReadError, read_all};
use crate::cancel::Cancel;
use crate::role;
use crate::text::escaped;

/// The program, of Debian's package gpgv.
const PROGRAM: &str = "/usr/bin/gpgv";

/// What it may take: address space in bytes, and the time to hash terabytes, in seconds.
const MEMORY: u64 = 256 << 20;
const PROCESSOR_SECONDS: u64 = 12 * 3600;

/// How long it may take once it has got all.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most that it has to say, in bytes.
const LARGEST_STATUS: usize = 64 << 10;

/// A check under way.
#[derive(Debug)]
pub(super) struct Gpgv {
    confined: Confined,
    status: File,
    directory: PathBuf,
}

impl Gpgv {
    /// Starts to check a signature of what is to be written to the descriptor that comes back.
    pub(super) fn start(
        keys: &Keys,
        signature: &[u8],
        user: &User,
    ) -> Result<(Self, OwnedFd), SignatureError> {
        let (data, writer) = io::pipe()?;
        let gpgv = Self::launch(keys, signature, Some(data.into()), Stdio::null(), user)?;
        Ok((gpgv, writer.into()))
    }

    fn launch(
        keys: &Keys,
        signature: &[u8],
        data: Option<OwnedFd>,
        stdout: Stdio,
        user: &User,
    ) -> Result<Self, SignatureError> {
        let (status, status_end) = io::pipe()?;
        let mut passed = Descriptors::default();
        let status_number = passed.add(status_end.into());
        let keyring = passed.add(in_memory("keyring", keys.openpgp())?);
        let signature = passed.add(in_memory("signature", signature)?);
        let mut arguments = vec![
            // A place for options and keys of a user, which has none.
            "--homedir=/nonexistent".into(),
            "--enable-special-filenames".into(),
            // Who can make two messages with one digest can move a signature.
            "--weak-digest=SHA1".into(),
            format!("--status-fd={status_number}"),
            format!("--keyring=/proc/self/fd/{keyring}"),
            "--output=-".into(),
            "--".into(),
            format!("-&{signature}"),
        ];
        if let Some(data) = data {
            arguments.push(format!("-&{}", passed.add(data)));
        }
        let mut readable: Vec<PathBuf> = role::LIBRARIES.map(PathBuf::from).into();
        readable.push(PROGRAM.into());
        let spec = Spec {
            user: user.clone(),
            program: PROGRAM.into(),
            name: None,
            arguments,
            readable,
            writable: Vec::new(),
            network: false,
            own_places: false,
            limits: Limits {
                file_size: Some(0),
                memory: Some(MEMORY),
                processor_seconds: Some(PROCESSOR_SECONDS),
            },
        };
        let streams = Streams {
            stdout,
            stderr: Stdio::null(),
        };
        let confined = Confined::start(&role::launcher(), &spec, &passed, streams)?;
        for note in confined.notes() {
            tracing::warn!("gpgv runs with a barrier less: {note}");
        }
        Ok(Gpgv {
            confined,
            status: File::from(OwnedFd::from(status)),
            directory: keys.directory().into(),
        })
    }

    /// Who signed it. To be asked when all that is signed was written.
    pub(super) fn finish(self, cancel: &Cancel) -> Result<String, SignatureError> {
        let status = read(&self.status, LARGEST_STATUS, cancel)?;
        drop(self.confined);
        judge(&String::from_utf8_lossy(&status), &self.directory)
    }
}

/// The text of a clear-signed message, and who signed it.
pub(super) fn clear_signed(
    keys: &Keys,
    message: &[u8],
    user: &User,
    cancel: &Cancel,
) -> Result<(Vec<u8>, String), SignatureError> {
    let (text, output) = io::pipe()?;
    let stdout = OwnedFd::from(output).into();
    let gpgv = Gpgv::launch(keys, message, None, stdout, user)?;
    let text = File::from(OwnedFd::from(text));
    let text = read(&text, LARGEST_LIST, cancel)?;
    Ok((text, gpgv.finish(cancel)?))
}

fn read(pipe: &File, limit: usize, cancel: &Cancel) -> Result<Vec<u8>, SignatureError> {
    read_all(pipe, limit, Some(PATIENCE), cancel).map_err(|error| match error {
        ReadError::Cancelled => SignatureError::Cancelled,
        ReadError::Io(error) => SignatureError::Io(error),
        error => SignatureError::Silent(error.to_string()),
    })
}

/// A file in memory that is read from its beginning.
fn in_memory(name: &str, content: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create(name, MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file.into())
}

/// What the lines say. A signature that does not fit makes all the others worthless; one by a key that
/// is not here makes no difference where another is good.
fn judge(status: &str, directory: &Path) -> Result<String, SignatureError> {
    let lines = || {
        (status.lines())
            .filter_map(|line| line.strip_prefix("[GNUPG:] "))
            .map(|line| line.split_once(' ').unwrap_or((line, "")))
    };
    let find = |wanted: &str| {
        let mut found = lines().filter(|(word, _)| *word == wanted);
        found.next().map(|(_, rest)| rest)
    };
    let key = |rest: &str| rest.split(' ').next().unwrap_or_default().to_owned();
    if find("BADSIG").is_some() {
        return Err(SignatureError::Bad);
    }
    // Behind a GOODSIG comes the VALIDSIG of the same signature; bad ones may have one too.
    let mut good = lines().skip_while(|(word, _)| *word != "GOODSIG");
    if let Some((_, owner)) = good.next() {
        let valid = good
            .take_while(|(word, _)| *word != "NEWSIG")
            .find(|(word, _)| *word == "VALIDSIG");
        if let Some((_, rest)) = valid {
            // The last of its ten fields is the fingerprint of the primary key.
            let fingerprint = rest.split(' ').nth(9).unwrap_or_default();
            let owner = owner.split_once(' ').map_or("", |(_, owner)| owner);
            return Ok(escaped(&format!("{fingerprint} ({owner})")));
        }
    }
    Err(if let Some(rest) = find("EXPKEYSIG") {
        SignatureError::KeyExpired(key(rest))
    } else if let Some(rest) = find("REVKEYSIG") {
        SignatureError::KeyRevoked(key(rest))
    } else if let Some(rest) = find("EXPSIG") {
        SignatureError::Expired(key(rest))
    } else if let Some(rest) = find("NO_PUBKEY") {
        SignatureError::UnknownKey {
            key: key(rest),
            directory: directory.into(),
        }
    } else {
        SignatureError::Silent(match find("ERRSIG") {
            Some(_) => "of a kind that it does not take".into(),
            None => "no detached signature".into(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(lines: &[&str]) -> String {
        let status: String = lines
            .iter()
            .map(|line| format!("[GNUPG:] {line}\n"))
            .collect();
        match judge(&status, Path::new("/keys")) {
            Ok(signer) => signer,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn one_good_signature_is_enough_unless_another_does_not_fit() {
        let good = "GOODSIG 12 A Person <a@example.org>";
        let valid = "VALIDSIG AB12 2026-01-01 1 0 4 0 22 8 00 CD34";
        let unknown = ["NEWSIG", "ERRSIG 99 1 8 00 1 9", "NO_PUBKEY 99"];
        let signer = "CD34 (A Person <a@example.org>)";
        assert_eq!(verdict(&["NEWSIG", good, valid]), signer);
        assert_eq!(
            verdict(&[&unknown[..], &["NEWSIG", good, valid]].concat()),
            signer
        );
        for (lines, words) in [
            (
                &["NEWSIG", good, valid, "NEWSIG", "BADSIG 12 x"][..],
                "does not fit",
            ),
            (&["NEWSIG", good, "NEWSIG", valid], "gave no answer"),
            (
                &["NEWSIG", "EXPKEYSIG 12 x", valid],
                "by key 12, which has expired",
            ),
            (&["NEWSIG", "REVKEYSIG 12 x", valid], "was revoked"),
            (&["NEWSIG", "EXPSIG 12 x", valid], "has expired"),
            (&unknown, "by key 99, which is not in /keys"),
            (&["NODATA 4"], "no detached signature"),
            (&[], "gave no answer"),
        ] {
            let verdict = verdict(lines);
            assert!(verdict.contains(words), "{lines:?}: {verdict}");
        }
    }
}
