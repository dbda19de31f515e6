//! Tells the algorithm of an SSH host key, so that a key of the same kind can replace it.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The beginnings of private keys in the older formats, with the algorithm each stands for.
const OLD_FORMATS: [(&str, &str); 3] = [
    ("-----BEGIN RSA PRIVATE KEY-----", "rsa"),
    ("-----BEGIN EC PRIVATE KEY-----", "ecdsa"),
    ("-----BEGIN DSA PRIVATE KEY-----", "dsa"),
];

const OPENSSH_BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const OPENSSH_END: &str = "-----END OPENSSH PRIVATE KEY-----";

/// The first bytes of OpenSSH's own format (PROTOCOL.key of OpenSSH).
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";

/// The algorithm of a private key, as in the usual name of its file: by what the key says,
/// else by the name of its file.
#[must_use]
pub fn algorithm(path: &Path, private: Option<&[u8]>) -> Option<&'static str> {
    let text = private.and_then(|private| std::str::from_utf8(private).ok());
    text.and_then(by_content).or_else(|| by_name(path))
}

/// The algorithm that the name of a key's file tells: `ssh_host_ed25519_key`.
#[must_use]
pub fn by_name(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_str()?;
    // The order matters: `ecdsa` holds `dsa`.
    ["ed25519", "ecdsa", "rsa", "dsa"]
        .into_iter()
        .find(|algorithm| name.contains(algorithm))
}

fn by_content(key: &str) -> Option<&'static str> {
    let key = key.trim_start();
    let old = OLD_FORMATS
        .into_iter()
        .find_map(|(begin, algorithm)| key.starts_with(begin).then_some(algorithm));
    old.or_else(|| by_openssh(key))
}

fn by_openssh(key: &str) -> Option<&'static str> {
    let (base64, _) = key.strip_prefix(OPENSSH_BEGIN)?.split_once(OPENSSH_END)?;
    let base64: String = base64.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(base64).ok()?;
    let rest = bytes.strip_prefix(OPENSSH_MAGIC)?;
    let (_cipher, rest) = string(rest)?;
    let (_derivation, rest) = string(rest)?;
    let (_options, rest) = string(rest)?;
    let (_count, rest) = rest.split_at_checked(4)?;
    let (public, _) = string(rest)?;
    match string(public)?.0 {
        b"ssh-ed25519" => Some("ed25519"),
        b"ssh-rsa" => Some("rsa"),
        b"ssh-dss" => Some("dsa"),
        other => other.starts_with(b"ecdsa-sha2-").then_some("ecdsa"),
    }
}

/// Takes a string of RFC 4251 off: its length as 32 bits, then its bytes.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_of_ssh_keygen_tell_their_algorithm() {
        let directory = tempfile::tempdir().unwrap();
        for (kind, format, expected) in [
            ("ed25519", "RFC4716", "ed25519"),
            ("rsa", "RFC4716", "rsa"),
            ("rsa", "PEM", "rsa"),
            ("ecdsa", "RFC4716", "ecdsa"),
            ("ecdsa", "PEM", "ecdsa"),
        ] {
            let path = directory.path().join(format!("{kind}-{format}"));
            let made = Command::new("ssh-keygen")
                .args(["-q", "-N", "", "-m", format, "-t", kind, "-f"])
                .arg(&path)
                .status()
                .unwrap();
            assert!(made.success());
            let key = std::fs::read(&path).unwrap();
            assert_eq!(algorithm(Path::new("/k"), Some(&key)), Some(expected));
        }
    }

    #[test]
    fn without_a_key_the_name_tells() {
        for (name, expected) in [
            ("/etc/ssh/ssh_host_ecdsa_key", Some("ecdsa")),
            ("/etc/ssh/ssh_host_dsa_key", Some("dsa")),
            ("/etc/ssh/ssh_host_key", None),
        ] {
            assert_eq!(algorithm(Path::new(name), Some(b"\xff")), expected);
            assert_eq!(algorithm(Path::new(name), None), expected);
        }
    }

    proptest! {
        #[test]
        fn no_key_makes_it_panic(tail: Vec<u8>) {
            let bytes = [OPENSSH_MAGIC, &tail].concat();
            let key = format!("{OPENSSH_BEGIN}\n{}\n{OPENSSH_END}", STANDARD.encode(bytes));
            let _ = algorithm(Path::new("/k"), Some(key.as_bytes()));
        }
    }
}
