//! Properties of Windows: what setup is to make of an image.
// SPDX-License-Identifier: BSD-2-Clause

use super::{Properties, PropertyError, boolean, meaning};

/// The longest name of a computer, in characters: that of NetBIOS.
const LONGEST_NAME: usize = 15;

/// The longest name of a time zone, in characters: `TIME_ZONE_INFORMATION` of winbase.h has room
/// for a few more.
const LONGEST_ZONE: usize = 128;

/// The longest name of drivers, in bytes.
const LONGEST_PATH: usize = 255;

impl Properties {
    /// Where drivers for Windows are, a name below WINDOWS_DRIVERS_DIR of the node; `None` where none
    /// are to be put into the image.
    #[must_use]
    pub fn windows_drivers(&self) -> Option<&str> {
        self.given("WINDOWS_DRIVERS")
    }

    /// Whether the NTFS of Windows is left for Windows to grow: `OFFLINE_NTFSRESIZE=no`.
    #[must_use]
    pub fn windows_grows_itself(&self) -> bool {
        let value = self.given("OFFLINE_NTFSRESIZE");
        value.is_some_and(|value| boolean(value) == Some(false))
    }

    /// Looks at those whose values mean nothing.
    pub(super) fn windows_faults(&self) -> Vec<PropertyError> {
        let mut faults = Vec::new();
        let mut check = |name, is_valid: fn(&str) -> bool, expected| {
            if let Some(value) = self.given(name).filter(|value| !is_valid(value)) {
                faults.push(meaning(name, value, expected));
            }
        };
        check(
            "COMPUTER_NAME",
            is_computer_name,
            "it is 1 to 15 letters, digits and hyphens, not all digits, and no hyphen at the ends",
        );
        check(
            "WINDOWS_LOCALE",
            is_locale,
            "it is a language and a region such as en-US",
        );
        check("WINDOWS_TIMEZONE", is_time_zone, TIME_ZONE);
        check(
            "WINDOWS_DRIVERS",
            is_relative_path,
            "it is the name of a directory or an ISO file below WINDOWS_DRIVERS_DIR of the node",
        );
        faults
    }
}

/// What the name of a time zone is.
pub const TIME_ZONE: &str = "it is Windows' own name of a time zone, such as GMT Standard Time";

/// Whether a text can be Windows' name of a time zone.
#[must_use]
pub fn is_time_zone(text: &str) -> bool {
    let is_part = |sign: char| sign.is_alphanumeric() || " .+-()&'".contains(sign);
    (1..=LONGEST_ZONE).contains(&text.chars().count())
        && text.chars().all(is_part)
        && text.trim() == text
}

fn is_computer_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A path that leads down from where it begins.
fn is_relative_path(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    text.len() <= LONGEST_PATH && text.split('/').all(is_part) && !text.contains(char::is_control)
}

/// Language, perhaps script, region: BCP 47 as Windows writes it.
fn is_locale(text: &str) -> bool {
    let is_part = |part: &str| {
        (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    (2..=4).contains(&text.split('-').count()) && text.split('-').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, value: &str) -> bool {
        Properties::new([(name.to_owned(), value.to_owned())]).is_err()
    }

    #[test]
    fn what_windows_takes_is_taken() {
        for (name, value) in [
            ("COMPUTER_NAME", "VM-01"),
            ("COMPUTER_NAME", "abcdefghijklmno"),
            ("WINDOWS_LOCALE", "en-US"),
            ("WINDOWS_LOCALE", "sr-Latn-RS"),
            ("WINDOWS_TIMEZONE", "W. Europe Standard Time"),
            ("WINDOWS_TIMEZONE", "UTC+12"),
            ("WINDOWS_DRIVERS", "virtio-win.iso"),
            ("WINDOWS_DRIVERS", "drivers/by-driver"),
        ] {
            assert!(!refused(name, value), "{name}={value}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (name, value) in [
            ("COMPUTER_NAME", "abcdefghijklmnop"),
            ("COMPUTER_NAME", "42"),
            ("COMPUTER_NAME", "vm.example.org"),
            ("COMPUTER_NAME", "-a"),
            ("COMPUTER_NAME", "*"),
            ("WINDOWS_LOCALE", "english"),
            ("WINDOWS_LOCALE", "en_US"),
            ("WINDOWS_TIMEZONE", "a<b"),
            ("WINDOWS_TIMEZONE", "a\nb"),
            ("WINDOWS_DRIVERS", "/etc"),
            ("WINDOWS_DRIVERS", "../x"),
            ("WINDOWS_DRIVERS", "a//b"),
            ("WINDOWS_DRIVERS", "a\tb"),
        ] {
            assert!(refused(name, value), "{name}={value}");
        }
    }
}
