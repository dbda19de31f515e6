//! The old MD5 password hash `$1$` of crypt(5), for systems that know nothing better.
//!
//! The steps are those of Poul-Henning Kamp's crypt.c of FreeBSD, odd ones included.
// SPDX-License-Identifier: BSD-2-Clause

use md5::{Digest, Md5};
use rand::Rng;

/// The alphabet of crypt(5).
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const PREFIX: &str = "$1$";

/// Hashes a password with fresh salt of eight characters.
pub(super) fn hash(password: &str, random: &mut impl Rng) -> String {
    let mut salt = [0; 8];
    random.fill_bytes(&mut salt);
    let salt: String = salt.iter().map(|byte| sign(u32::from(*byte))).collect();
    let digest = digest(password.as_bytes(), salt.as_bytes());
    format!("{PREFIX}{salt}${}", encoded(digest))
}

fn digest(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let mixed: [u8; 16] = md5(&[password, salt, password]);
    let mut start = [password, PREFIX.as_bytes(), salt].concat();
    start.extend(mixed.iter().cycle().take(password.len()));
    let mut length = password.len();
    while length > 0 {
        let first = password.first().copied().unwrap_or(0);
        start.push(if length & 1 == 1 { 0 } else { first });
        length >>= 1;
    }
    let mut digest = md5(&[&start]);
    for round in 0..1000 {
        let (first, last) = if round % 2 == 1 {
            (password, &digest[..])
        } else {
            (&digest[..], password)
        };
        let salt = if round % 3 == 0 { &[] } else { salt };
        let middle = if round % 7 == 0 { &[] } else { password };
        digest = md5(&[first, salt, middle, last]);
    }
    digest
}

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Md5::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn encoded(digest: [u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = digest.map(u32::from);
    let groups = [
        (a << 16 | g << 8 | m, 4),
        (b << 16 | h << 8 | n, 4),
        (c << 16 | i << 8 | o, 4),
        (d << 16 | j << 8 | p, 4),
        (e << 16 | k << 8 | f, 4),
        (l, 2),
    ];
    groups
        .into_iter()
        .flat_map(|(bits, signs)| (0..signs).map(move |at| sign(bits >> (6 * at))))
        .collect()
}

/// The character of the lowest six bits.
fn sign(bits: u32) -> char {
    let at = usize::try_from(bits & 63).unwrap_or_default();
    ALPHABET.get(at).map_or('.', |byte| char::from(*byte))
}
