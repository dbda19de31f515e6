//! How a system hashes passwords itself: what it is set to, it can also check.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::HashMethod;

use super::login_defs::{self, LoginDefs};
use super::root::{FILE_LIMIT, Root};
use crate::error::Result;

/// Where PAM is told how passwd(1) hashes: Debian's file, those of Red Hat, of all others.
const PAM_FILES: [&str; 4] = [
    "/etc/pam.d/common-password",
    "/etc/pam.d/system-auth",
    "/etc/pam.d/password-auth",
    "/etc/pam.d/passwd",
];

/// A method, and how much work it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashing {
    /// The method.
    pub method: HashMethod,
    /// Rounds of sha256 and sha512, the logarithm of those of blowfish, the cost factor of
    /// yescrypt; `None`: the default of crypt(5).
    pub cost: Option<u32>,
}

impl From<HashMethod> for Hashing {
    fn from(method: HashMethod) -> Self {
        Hashing { method, cost: None }
    }
}

/// What the image says, in login.defs(5) or, where that is silent, to PAM; sha512 where neither
/// says anything, which every system since 2007 knows.
///
/// # Errors
/// When a file is there but cannot be read.
pub fn of(root: &Root) -> Result<Hashing> {
    let settings = login_defs::read(root)?;
    let named = settings.text("ENCRYPT_METHOD").and_then(method);
    if let Some(method) = named {
        let cost = cost(&settings, method);
        return Ok(Hashing { method, cost });
    }
    for file in PAM_FILES {
        let content = root.read(file, FILE_LIMIT)?.unwrap_or_default();
        if let Some(found) = of_pam(&content) {
            return Ok(found);
        }
    }
    Ok(if settings.is_yes("MD5_CRYPT_ENAB") {
        HashMethod::Md5.into()
    } else {
        HashMethod::Sha512.into()
    })
}

/// The method of that name; `None` for DES, which nobody should use.
fn method(name: &str) -> Option<HashMethod> {
    Some(match name.to_ascii_lowercase().as_str() {
        "yescrypt" => HashMethod::Yescrypt,
        "sha512" => HashMethod::Sha512,
        "sha256" => HashMethod::Sha256,
        "bcrypt" | "blowfish" => HashMethod::Blowfish,
        "md5" => HashMethod::Md5,
        _ => return None,
    })
}

/// The cost that login.defs gives: the most that it permits.
fn cost(settings: &LoginDefs, method: HashMethod) -> Option<u32> {
    let larger = |least, most| settings.number(least).max(settings.number(most));
    match method {
        HashMethod::Md5 => None,
        HashMethod::Sha256 | HashMethod::Sha512 => {
            larger("SHA_CRYPT_MIN_ROUNDS", "SHA_CRYPT_MAX_ROUNDS")
        }
        HashMethod::Blowfish => larger("BCRYPT_MIN_ROUNDS", "BCRYPT_MAX_ROUNDS"),
        HashMethod::Yescrypt => settings.number("YESCRYPT_COST_FACTOR"),
    }
}

/// What the module pam_unix is told for passwords.
fn of_pam(content: &[u8]) -> Option<Hashing> {
    String::from_utf8_lossy(content).lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let kind = words.next()?.trim_start_matches('-');
        words
            .by_ref()
            .find(|word| word.rsplit('/').next() == Some("pam_unix.so"))
            .filter(|_| kind == "password")?;
        let words: Vec<_> = words.take_while(|word| !word.starts_with('#')).collect();
        let method = words.iter().find_map(|word| method(word))?;
        let rounds = words.iter().find_map(|word| word.strip_prefix("rounds="));
        let cost = rounds.and_then(|rounds| rounds.parse().ok());
        Some(Hashing { method, cost })
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Image, samples};
    use super::*;

    fn found(files: &[(&str, &str)]) -> (HashMethod, Option<u32>) {
        let image = Image::empty();
        for (path, content) in files {
            image.file(path, content);
        }
        let found = image.confined(|root| of(&root).unwrap());
        (found.method, found.cost)
    }

    #[test]
    fn login_defs_comes_first_with_its_cost() {
        let defs = |content| found(&[("/etc/login.defs", content)]);
        assert_eq!(defs("ENCRYPT_METHOD SHA512\n"), (HashMethod::Sha512, None));
        assert_eq!(
            defs("ENCRYPT_METHOD SHA256\nSHA_CRYPT_MIN_ROUNDS 6000\nSHA_CRYPT_MAX_ROUNDS 7000\n"),
            (HashMethod::Sha256, Some(7000))
        );
        assert_eq!(
            defs("ENCRYPT_METHOD YESCRYPT\nYESCRYPT_COST_FACTOR 6\n"),
            (HashMethod::Yescrypt, Some(6))
        );
        assert_eq!(
            defs("ENCRYPT_METHOD BCRYPT\n"),
            (HashMethod::Blowfish, None)
        );
        assert_eq!(defs("MD5_CRYPT_ENAB yes\n"), (HashMethod::Md5, None));
        assert_eq!(
            defs("MD5_CRYPT_ENAB yes\nENCRYPT_METHOD DES\n"),
            (HashMethod::Md5, None)
        );
        assert_eq!(defs(""), (HashMethod::Sha512, None));
    }

    #[test]
    fn pam_is_asked_where_login_defs_is_silent() {
        let debian = "password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt\n";
        assert_eq!(
            found(&[("/etc/pam.d/common-password", debian)]),
            (HashMethod::Yescrypt, None)
        );
        let red_hat = "auth sufficient pam_unix.so sha256\n# password x pam_unix.so md5\n\
            password sufficient /lib64/security/pam_unix.so sha512 shadow rounds=65536 use_authtok # md5\n";
        assert_eq!(
            found(&[("/etc/pam.d/system-auth", red_hat)]),
            (HashMethod::Sha512, Some(65536))
        );
        assert_eq!(
            found(&[(
                "/etc/pam.d/passwd",
                "password required pam_unix.so shadow nullok\n"
            )]),
            (HashMethod::Sha512, None)
        );
    }

    #[test]
    fn real_systems_have_a_method() {
        let Some(samples) = samples("etc/rootfs-skeleton") else {
            return;
        };
        for system in std::fs::read_dir(samples).unwrap() {
            let system = system.unwrap().path();
            let image = Image::empty();
            for file in FILES.into_iter().chain(PAM_FILES) {
                if let Ok(content) = std::fs::read(system.join(file.trim_start_matches('/'))) {
                    image.file(file, content);
                }
            }
            let found = image.confined(|root| of(&root).unwrap());
            assert_ne!(found.method, HashMethod::Md5, "{}", system.display());
        }
    }

    const FILES: [&str; 2] = ["/etc/login.defs", "/usr/etc/login.defs"];
}
