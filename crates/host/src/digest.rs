//! Digests as people write them, and how they are taken.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::{self, Display};
use std::str::FromStr;

use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha512};

/// The form of a digest, for messages.
const FORM: &str =
    "a digest is ALGORITHM:HEX, with sha256 or sha512, and 64 or 128 hexadecimal digits";

/// How a digest is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1, for which two files with one digest can be made.
    Sha1,
    /// MD5, likewise.
    Md5,
}

/// A digest of some bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest {
    algorithm: Algorithm,
    /// In lower case, as long as the algorithm makes it.
    hex: String,
}

/// Why a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// It is not an algorithm, a colon and a value.
    #[error("{FORM}")]
    Form,
    /// The algorithm is not known.
    #[error("there is no digest {0:?}; {FORM}")]
    Algorithm(String),
    /// The value is not one of the algorithm's.
    #[error("a {algorithm} digest has {length} hexadecimal digits")]
    Value {
        /// The algorithm.
        algorithm: Algorithm,
        /// How many digits it has.
        length: usize,
    },
}

impl Algorithm {
    const ALL: [Algorithm; 4] = [
        Algorithm::Sha256,
        Algorithm::Sha512,
        Algorithm::Sha1,
        Algorithm::Md5,
    ];

    /// Its name in lower case, without a hyphen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
            Algorithm::Sha1 => "sha1",
            Algorithm::Md5 => "md5",
        }
    }

    /// How many hexadecimal digits its digests have.
    #[must_use]
    pub fn digits(self) -> usize {
        match self {
            Algorithm::Sha256 => 64,
            Algorithm::Sha512 => 128,
            Algorithm::Sha1 => 40,
            Algorithm::Md5 => 32,
        }
    }

    /// Whether nobody can make another image with the same digest.
    #[must_use]
    pub fn is_strong(self) -> bool {
        matches!(self, Algorithm::Sha256 | Algorithm::Sha512)
    }

    /// The one whose digests have so many hexadecimal digits.
    pub(crate) fn of_length(digits: usize) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.digits() == digits)
    }

    /// The one of this name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| name.eq_ignore_ascii_case(algorithm.name()))
    }
}

impl Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Digest {
    /// The digest with this value.
    ///
    /// # Errors
    /// When the value has another length, or is not hexadecimal.
    pub fn new(algorithm: Algorithm, hex: &str) -> Result<Self, DigestError> {
        let length = algorithm.digits();
        if hex.len() != length || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(DigestError::Value { algorithm, length });
        }
        Ok(Digest {
            algorithm,
            hex: hex.to_ascii_lowercase(),
        })
    }

    /// How it is taken.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its value in lower case.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// What is to be said of a digest that protects from accidents only.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let name = self.algorithm;
        (!name.is_strong()).then(|| {
            format!("a {name} digest finds damage, but no forgery: use sha256 or sha512 where there is one")
        })
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    /// Reads `ALGORITHM:HEX`.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, hex) = text.split_once(':').ok_or(DigestError::Form)?;
        let algorithm = Algorithm::named(name)
            .ok_or_else(|| DigestError::Algorithm(name.chars().take(20).collect()))?;
        Digest::new(algorithm, hex)
    }
}

impl Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm, self.hex)
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// Takes a digest of bytes that come piece by piece.
pub struct Hasher {
    algorithm: Algorithm,
    state: Box<dyn DynDigest + Send>,
}

impl Hasher {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        let state: Box<dyn DynDigest + Send> = match algorithm {
            Algorithm::Sha256 => Box::new(Sha256::default()),
            Algorithm::Sha512 => Box::new(Sha512::default()),
            Algorithm::Sha1 => Box::new(Sha1::default()),
            Algorithm::Md5 => Box::new(Md5::default()),
        };
        Hasher { algorithm, state }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
    }

    /// The digest of all that came.
    #[must_use]
    pub fn finish(self) -> Digest {
        let value = self.state.finalize();
        Digest {
            algorithm: self.algorithm,
            hex: value.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Hasher")
            .field(&self.algorithm)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn digests_are_those_of_coreutils() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        std::fs::write(file.path(), &bytes).unwrap();
        for algorithm in Algorithm::ALL {
            let output = Command::new(format!("{algorithm}sum"))
                .arg(file.path())
                .output()
                .unwrap();
            let expected = String::from_utf8(output.stdout).unwrap();
            let mut hasher = Hasher::new(algorithm);
            for piece in bytes.chunks(777) {
                hasher.update(piece);
            }
            let digest = hasher.finish();
            assert!(expected.starts_with(&format!("{} ", digest.hex())));
            assert_eq!(digest.to_string().parse(), Ok(digest));
        }
    }

    #[test]
    fn a_digest_is_read_in_any_case_and_only_whole() {
        let hex = "AB".repeat(32);
        let digest: Digest = format!("SHA256:{hex}").parse().unwrap();
        assert_eq!(digest.to_string(), format!("sha256:{}", hex.to_lowercase()));
        assert_eq!(digest.warning(), None);
        for (text, words) in [
            (hex.as_str(), "ALGORITHM:HEX"),
            ("", "ALGORITHM:HEX"),
            ("crc32:00000000", "no digest \"crc32\""),
            ("sha256:abcd", "64 hexadecimal digits"),
            (&format!("sha512:{hex}"), "128 hexadecimal digits"),
            (&format!("sha256:{}", "xy".repeat(32)), "64 hexadecimal"),
            (&format!("sha256: {}", "ab".repeat(32)), "64 hexadecimal"),
        ] {
            let fault = text.parse::<Digest>().unwrap_err().to_string();
            assert!(fault.contains(words), "{text}: {fault}");
        }
    }

    #[test]
    fn a_digest_that_can_be_forged_is_warned_of() {
        for text in [
            format!("md5:{}", "0".repeat(32)),
            format!("sha1:{}", "0".repeat(40)),
        ] {
            let digest: Digest = text.parse().unwrap();
            assert!(digest.warning().unwrap().contains("no forgery"));
        }
    }
}
