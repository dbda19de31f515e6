//! Draws the new machine's SSH host keys while the helper boots.
//!
//! In the helper a 3072-bit RSA key would cost many seconds of emulated processor; here it is
//! ready before the copy is.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::io;
use std::process::{Command, Stdio};

use snf_image_protocol::{HostKey, Secret};
use snf_image_sandbox::die_with_caller;

use crate::private_dir::PrivateDir;

/// The key types that OpenSSH's sshd uses by default, with their sizes in bits and their format
/// (ssh-keygen(1)). OpenSSH before 6.5 (RHEL 6, Debian 7) reads PEM alone, and every later one does
/// too; `ed25519` came with the newer format and has no other.
const ALGORITHMS: [(&str, &str, &str); 3] = [
    ("rsa", "3072", "PEM"),
    ("ecdsa", "256", "PEM"),
    ("ed25519", "256", "RFC4716"),
];

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// No place in memory for them.
    #[error("making a directory in memory for the SSH host keys: {0}")]
    Directory(io::Error),
    /// The program does not run.
    #[error(
        "running ssh-keygen, which draws the SSH host keys: {0}; install openssh-client or set property EXCLUDE_TASK_DELETESSHKEYS=yes"
    )]
    Start(io::Error),
    /// The program failed.
    #[error("ssh-keygen could not draw an SSH host key of type {algorithm}: {reason}")]
    Failed {
        /// The type.
        algorithm: &'static str,
        /// What it said.
        reason: String,
    },
    /// Its output cannot be read.
    #[error("reading a new SSH host key: {0}")]
    Read(io::Error),
}

/// One new key of each type.
///
/// # Errors
/// See [`HostKeyError`].
pub fn generate() -> Result<Vec<HostKey>, HostKeyError> {
    let directory = PrivateDir::new(1 << 20).map_err(HostKeyError::Directory)?;
    ALGORITHMS
        .into_iter()
        .map(|(algorithm, bits, format)| {
            let path = directory.path().join(algorithm);
            let mut command = Command::new("ssh-keygen");
            command
                .args(["-q", "-t", algorithm, "-b", bits, "-m", format])
                .args(["-N", "", "-C", "", "-f"])
                .arg(&path)
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .stdin(Stdio::null());
            let output = die_with_caller(&mut command)
                .output()
                .map_err(HostKeyError::Start)?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(HostKeyError::Failed {
                    algorithm,
                    reason: said.lines().next().unwrap_or("it gave no reason").into(),
                });
            }
            let private = fs::read_to_string(&path).map_err(HostKeyError::Read)?;
            let public =
                fs::read_to_string(path.with_extension("pub")).map_err(HostKeyError::Read)?;
            Ok(HostKey {
                algorithm: algorithm.into(),
                private: Secret::new(private),
                public: public.trim_end().to_owned() + "\n",
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_of_the_types_asked_for_and_never_the_same() {
        let first = generate().unwrap();
        let second = generate().unwrap();
        let types: Vec<_> = first.iter().map(|key| key.algorithm.as_str()).collect();
        assert_eq!(types, ["rsa", "ecdsa", "ed25519"]);
        assert!(first[0].public.starts_with("ssh-rsa "));
        assert!(first[1].public.starts_with("ecdsa-sha2-nistp256 "));
        assert!(first[2].public.starts_with("ssh-ed25519 "));
        for (one, other) in first.iter().zip(&second) {
            assert_ne!(one.public, other.public);
        }
    }

    #[test]
    fn each_key_is_in_the_oldest_format_that_its_type_has() {
        let keys = generate().unwrap();
        let begins = |key: &HostKey| key.private.expose().lines().next().map(str::to_owned);
        let begins: Vec<_> = keys.iter().filter_map(begins).collect();
        assert_eq!(
            begins,
            [
                "-----BEGIN RSA PRIVATE KEY-----",
                "-----BEGIN EC PRIVATE KEY-----",
                "-----BEGIN OPENSSH PRIVATE KEY-----"
            ]
        );
    }
}
