//! The keys whose signatures count on this node: the files of KEYS_DIR.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::PublicKey;
use serde::{Deserialize, Serialize};

/// The most files of keys.
const MOST_FILES: usize = 256;

/// The most that they hold together, in bytes: some hundred keys with all that others have
/// signed about them.
const MOST_BYTES: u64 = 4 << 20;

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// All keys of a directory.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    directory: PathBuf,
    minisign: Vec<MinisignKey>,
    /// Transferable public keys (RFC 9580, 10.1), one after the other.
    openpgp: Vec<u8>,
}

/// A key of minisign.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MinisignKey {
    /// Its file's name.
    pub(super) name: String,
    /// What the file holds.
    pub(super) text: String,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The directory, or a file in it, cannot be read.
    #[error("reading the keys in KEYS_DIR: {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Somebody other than its owner could have written it.
    #[error(
        "{} (KEYS_DIR) could be changed by others: it must belong to root or to you and be writable by its owner alone (chmod go-w)",
        .0.display()
    )]
    Writable(PathBuf),
    /// It is not what its name says.
    #[error("{} in KEYS_DIR holds no public key of {kind}", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// Of what.
        kind: &'static str,
    },
    /// Too much.
    #[error("KEYS_DIR {} holds more than {MOST_FILES} keys or 4 MiB", .0.display())]
    TooMuch(PathBuf),
}

impl Keys {
    /// Reads the files of a directory: `*.pub` are keys of minisign, `*.asc`, `*.gpg` and `*.pgp`
    /// those of OpenPGP, armoured or not. A directory that does not exist has none.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn read(directory: &Path) -> Result<Self, KeysError> {
        let mut keys = Keys {
            directory: directory.into(),
            ..Keys::default()
        };
        let failed = |error| KeysError::Read {
            path: directory.into(),
            error,
        };
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(keys),
            entries => entries.map_err(failed)?,
        };
        check_owner(directory, &fs::metadata(directory).map_err(failed)?)?;
        let mut paths = Vec::new();
        for entry in entries.take(MOST_FILES.saturating_mul(2)) {
            paths.push(entry.map_err(failed)?.path());
        }
        // The same order, and the same first fault, every time.
        paths.sort();
        let mut left = MOST_BYTES;
        for path in paths {
            keys.add(&path, &mut left)?;
        }
        Ok(keys)
    }

    fn add(&mut self, path: &Path, left: &mut u64) -> Result<(), KeysError> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        let no_key = |kind| KeysError::NoKey {
            path: path.into(),
            kind,
        };
        match extension {
            Some("pub") => {
                let text = String::from_utf8(self.content(path, left)?).ok();
                let text = text.filter(|text| PublicKey::decode(text).is_ok());
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                self.minisign.push(MinisignKey {
                    name: name.into_owned(),
                    text: text.ok_or_else(|| no_key("minisign"))?,
                });
            }
            Some("asc" | "gpg" | "pgp") => {
                let content = self.content(path, left)?;
                let binary = binary(content).ok_or_else(|| no_key("OpenPGP"))?;
                self.openpgp.extend(binary);
            }
            _ => {}
        }
        Ok(())
    }

    fn content(&self, path: &Path, left: &mut u64) -> Result<Vec<u8>, KeysError> {
        let failed = |error| KeysError::Read {
            path: path.into(),
            error,
        };
        let file = File::open(path).map_err(failed)?;
        check_owner(path, &file.metadata().map_err(failed)?)?;
        let mut content = Vec::new();
        let read = file.take(left.saturating_add(1)).read_to_end(&mut content);
        let read = u64::try_from(read.map_err(failed)?).unwrap_or(u64::MAX);
        *left = left
            .checked_sub(read)
            .ok_or_else(|| KeysError::TooMuch(self.directory.clone()))?;
        Ok(content)
    }

    /// Where they are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn minisign(&self) -> &[MinisignKey] {
        &self.minisign
    }

    /// What `gpgv` takes as a keyring; empty without keys.
    pub(super) fn openpgp(&self) -> &[u8] {
        &self.openpgp
    }
}

fn check_owner(path: &Path, metadata: &fs::Metadata) -> Result<(), KeysError> {
    let me = rustix::process::geteuid().as_raw();
    if metadata.mode() & 0o022 != 0 || ![0, me].contains(&metadata.uid()) {
        return Err(KeysError::Writable(path.into()));
    }
    Ok(())
}

/// Public keys of OpenPGP without armour (RFC 9580, 6.2).
fn binary(content: Vec<u8>) -> Option<Vec<u8>> {
    // Old and new form of the header of a public-key packet (RFC 9580, 4.2).
    if matches!(content.first()?, 0x98..=0x9b | 0xc6) {
        return Some(content);
    }
    let text = String::from_utf8(content).ok()?;
    let mut keys = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    while lines.any(|line| line == BEGIN) {
        // Behind the headers is an empty line; the line with the checksum begins with a sign that
        // is none of base64, and gpgv checks each packet anyway.
        let body = lines.by_ref().skip_while(|line| !line.is_empty());
        let body: String = body
            .take_while(|line| *line != END)
            .filter(|line| !line.starts_with('='))
            .collect();
        keys.extend(STANDARD.decode(body).ok()?);
    }
    Some(keys).filter(|keys| matches!(keys.first(), Some(0x98..=0x9b | 0xc6)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn fault(directory: &Path) -> String {
        Keys::read(directory).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_key_is_refused_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for (name, content) in [
            ("a.pub", "ssh-ed25519 AAAA me"),
            ("b.asc", ""),
            ("c.gpg", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n????\n"),
            ("d.pgp", "KBXf"),
        ] {
            fs::write(path(name), content).unwrap();
            let fault = fault(directory.path());
            assert!(
                fault.contains(name) && fault.contains("no public key"),
                "{fault}"
            );
            fs::remove_file(path(name)).unwrap();
        }
        fs::write(path("README"), "not looked at").unwrap();
        assert!(Keys::read(directory.path()).unwrap().openpgp().is_empty());
        assert!(Keys::read(&path("nothing")).unwrap().minisign().is_empty());
    }

    #[test]
    fn keys_that_others_could_have_put_there_do_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("a.pub");
        fs::write(&key, "x").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(fault(directory.path()).contains("could be changed by others"));
        fs::remove_file(&key).unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(fault(directory.path()).contains("could be changed by others"));
    }

    #[test]
    fn keys_of_any_size_are_not() {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..3 {
            let mut content = vec![0; 2 << 20];
            content[0] = 0xc6;
            fs::write(directory.path().join(format!("{number}.gpg")), content).unwrap();
        }
        assert!(fault(directory.path()).contains("4 MiB"));
    }
}
