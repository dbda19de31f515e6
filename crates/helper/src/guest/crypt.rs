//! Hashes a password as crypt(5) describes it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Display;

use rand::{CryptoRng, Rng};
use sha_crypt::{Algorithm, PasswordHasher, ShaCrypt};
use snf_image_protocol::{HashMethod, Secret};
use yescrypt::Yescrypt;

use super::hashing::Hashing;
use super::md5_crypt;
use crate::error::{Error, Result};

/// How much salt sha-crypt gets, in bytes: 16 characters of salt, the most that crypt(5)
/// takes for `$5$` and `$6$`. Of a longer one crypt(3) would drop the rest.
const SHA_SALT: usize = 12;

/// The rounds that sha-crypt may take: crypt(5)'s least, and half a second on today's machines.
const SHA_ROUNDS: (u32, u32) = (1000, 500_000);

/// Work factor of bcrypt, as a power of two: a tenth of a second on today's machines.
const BCRYPT_COST: u32 = 10;

/// The work factors that it may take: crypt(5)'s least, and half a second.
const BCRYPT_COSTS: (u32, u32) = (4, 12);

/// The cost factor of yescrypt, crypt(5)'s own: 16 MiB of memory.
const YESCRYPT_COST: u32 = 5;

/// The cost factors that it may take: crypt(5)'s least, and 64 MiB, which the helper has.
const YESCRYPT_COSTS: (u32, u32) = (1, 7);

/// The longest password that bcrypt looks at as a whole, in bytes.
const BCRYPT_MAX: usize = 71;

/// Hashes a password with fresh salt. A cost beyond what is reasonable becomes the nearest that
/// is: an image may say anything.
///
/// # Errors
/// When the password holds a NUL or is too long for the method. The empty one is hashed like any
/// other.
pub fn hash(password: &Secret, hashing: Hashing, random: &mut impl CryptoRng) -> Result<Secret> {
    let password = password.expose();
    if password.contains('\0') {
        return Err(Error::image(
            "the password holds a NUL character: give another one",
        ));
    }
    let cost = hashing.cost;
    let hash = match hashing.method {
        HashMethod::Md5 => md5_crypt::hash(password, random),
        HashMethod::Sha256 => sha(Algorithm::Sha256Crypt, cost, password, random)?,
        HashMethod::Sha512 => sha(Algorithm::Sha512Crypt, cost, password, random)?,
        HashMethod::Blowfish => blowfish(cost, password, random)?,
        HashMethod::Yescrypt => yescrypt(cost, password, random)?,
    };
    Ok(Secret::new(hash))
}

/// Whether a hash that came from outside can stand in shadow(5): printable ASCII without
/// blanks and colons (crypt(5)).
#[must_use]
pub fn is_hash(hash: &Secret) -> bool {
    let hash = hash.expose();
    !hash.is_empty()
        && hash
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b':')
}

fn sha(
    algorithm: Algorithm,
    rounds: Option<u32>,
    password: &str,
    random: &mut impl Rng,
) -> Result<String> {
    let mut salt = [0; SHA_SALT];
    random.fill_bytes(&mut salt);
    let params = match rounds {
        Some(rounds) => {
            sha_crypt::Params::new(within(rounds, SHA_ROUNDS)).map_err(|error| failed(&error))?
        }
        None => sha_crypt::Params::RECOMMENDED,
    };
    ShaCrypt::new(algorithm, params)
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.as_str().to_owned())
        .map_err(|error| failed(&error))
}

fn blowfish(cost: Option<u32>, password: &str, random: &mut impl Rng) -> Result<String> {
    if password.len() > BCRYPT_MAX {
        return Err(Error::image(format!(
            "the password is longer than {BCRYPT_MAX} bytes, the most that the hash method \
             blowfish takes: set property PASSWD_HASHING_METHOD=sha512"
        )));
    }
    let mut salt = [0; 16];
    random.fill_bytes(&mut salt);
    let cost = within(cost.unwrap_or(BCRYPT_COST), BCRYPT_COSTS);
    bcrypt::hash_with_salt(password, cost, salt)
        .map(|parts| parts.format_for_version(bcrypt::Version::TwoB))
        .map_err(|error| failed(&error))
}

/// As crypt_gensalt(3) of libxcrypt turns a cost factor into parameters.
fn yescrypt(cost: Option<u32>, password: &str, random: &mut impl Rng) -> Result<String> {
    let mut salt = [0; 16];
    random.fill_bytes(&mut salt);
    let cost = within(cost.unwrap_or(YESCRYPT_COST), YESCRYPT_COSTS);
    let (blocks, size) = if cost <= 2 {
        (512_u64 << cost, 8)
    } else {
        (128_u64 << cost, 32)
    };
    let params = yescrypt::Params::new(yescrypt::Mode::default(), blocks, size, 1)
        .map_err(|error| failed(&error))?;
    Yescrypt::from(params)
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.as_str().to_owned())
        .map_err(|error| failed(&error))
}

fn within(cost: u32, (least, most): (u32, u32)) -> u32 {
    cost.clamp(least, most)
}

fn failed(error: &dyn Display) -> Error {
    Error::image(format!("the password cannot be hashed: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    /// What crypt(3) of this machine makes of a password with the salt of a hash.
    fn crypt3(password: &str, hash: &str) -> String {
        let script = "binmode STDIN; chomp($p = <STDIN>); chomp($s = <STDIN>); print crypt($p, $s)";
        let mut perl = Command::new("perl")
            .args(["-e", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = format!("{password}\n{hash}\n");
        perl.stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        String::from_utf8(perl.wait_with_output().unwrap().stdout).unwrap()
    }

    #[test]
    fn crypt_3_of_the_system_agrees() {
        let mut random = StdRng::seed_from_u64(1);
        for (method, cost, prefix) in [
            (HashMethod::Md5, None, "$1$"),
            (HashMethod::Sha256, None, "$5$"),
            (HashMethod::Sha512, None, "$6$"),
            (HashMethod::Sha512, Some(1), "$6$rounds=1000$"),
            (HashMethod::Blowfish, None, "$2b$10$"),
            (HashMethod::Blowfish, Some(0), "$2b$04$"),
            (HashMethod::Yescrypt, None, "$y$j9T$"),
            (HashMethod::Yescrypt, Some(1), "$y$j75$"),
        ] {
            for password in [
                "",
                "a",
                "secret word:$é",
                "0123456789abcdef",
                &"x".repeat(70),
            ] {
                let hashing = Hashing { method, cost };
                let hash = hash(&Secret::new(password.into()), hashing, &mut random).unwrap();
                assert!(is_hash(&hash));
                let hash = hash.expose();
                assert!(hash.starts_with(prefix), "{hash}");
                assert_eq!(crypt3(password, hash), hash, "{password}");
            }
        }
    }

    #[test]
    fn salt_is_never_the_same_and_of_the_legal_form() {
        let mut random = StdRng::seed_from_u64(2);
        let mut salts = std::collections::BTreeSet::new();
        for _ in 0..8 {
            let password = Secret::new("same".into());
            let hash = hash(&password, HashMethod::Sha512.into(), &mut random).unwrap();
            let fields: Vec<_> = hash.expose().split('$').collect();
            let salt = fields[fields.len() - 2].to_owned();
            assert_eq!(salt.len(), 16);
            let legal = |sign: char| sign.is_ascii_alphanumeric() || "./".contains(sign);
            assert!(salt.chars().all(legal), "{salt}");
            assert!(salts.insert(salt));
        }
    }

    #[test]
    fn what_cannot_be_hashed_is_refused_without_showing_it() {
        let mut random = StdRng::seed_from_u64(3);
        for (password, method) in [
            (&*"hunter2".repeat(11), HashMethod::Blowfish),
            ("hunter2\0", HashMethod::Sha512),
        ] {
            let error =
                hash(&Secret::new(password.into()), method.into(), &mut random).unwrap_err();
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_given_hash_must_be_one_field() {
        for hash in ["", "a:b", "a\nb", "a b", "é", "$6$\0"] {
            assert!(!is_hash(&Secret::new(hash.into())), "{hash:?}");
        }
        for hash in ["$y$j9T$a./$b", "!", "*", "xx1LtbDbOY4/E"] {
            assert!(is_hash(&Secret::new(hash.into())), "{hash:?}");
        }
    }
}
