//! Sizes as people write them.
// SPDX-License-Identifier: BSD-2-Clause

/// Not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "give a number of bytes, or one with K, M, G or T behind it for powers of 1024, such as 10G"
)]
pub struct SizeError;

/// Reads a number of bytes: `1073741824`, `1024M`, `1G`.
///
/// # Errors
/// When it is not a whole number from 1 on, or larger than 2⁶³−1 bytes.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let upper = text.to_ascii_uppercase();
    let number = upper.strip_suffix("IB").unwrap_or(&upper);
    let (digits, unit) = ["K", "M", "G", "T"]
        .into_iter()
        .zip(1_u32..)
        .find_map(|(unit, power)| Some((number.strip_suffix(unit)?, 1024_u64.pow(power))))
        .unwrap_or((number, 1));
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || (unit == 1 && number != upper) {
        return Err(SizeError);
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(unit))
        .filter(|size| (1..=u64::MAX / 2).contains(size))
        .ok_or(SizeError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        for (text, size) in [
            ("512", 512),
            ("4k", 4096),
            ("6G", 6 << 30),
            ("1MiB", 1 << 20),
            ("2T", 2 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
        for text in [
            "",
            "0",
            "G",
            "-1",
            "1.5G",
            "1 G",
            "1GB",
            "1X",
            "5IB",
            "99999999T",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
