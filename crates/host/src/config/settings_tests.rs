//! Which values settings take, and that what is shown can be set again.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;

#[test]
fn times_are_read_with_and_without_unit() {
    for (text, seconds) in [
        ("1", 1),
        ("120", 120),
        ("5s", 5),
        ("2m", 120),
        ("1h", 3600),
        ("7d", 604_800),
    ] {
        assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
    }
    for text in [
        "",
        "0",
        "s",
        "-1",
        "1.5",
        "8d",
        "1 m",
        "99999999999999999999d",
        "1w",
    ] {
        assert_eq!(duration(text), None, "{text}");
    }
}

#[test]
fn a_value_that_a_setting_does_not_take_is_refused() {
    for (name, value) in [
        ("HELPER_DIR", "relative"),
        ("HELPER_BUILDER", "multistrap"),
        ("HELPER_KERNEL", "--help"),
        ("HELPER_KERNEL", "linux-image-amd64/sid"),
        ("HELPER_SUITE", "--help"),
        ("HELPER_MIRROR", "/srv/debian"),
        ("HELPER_USER", ""),
        ("HELPER_USER", "root"),
        ("HELPER_MEMORY", "64"),
        ("HELPER_MEMORY", "512M"),
        ("HELPER_SOFT_TIMEOUT", "soon"),
        ("HELPER_ACCEL", "xen"),
        ("HELPER_PARAMETERS", "usb"),
        ("QEMU", ""),
        ("FETCH_ALLOW", "10.0.0.0/40"),
        ("FETCH_DENY", "http://example.org"),
        ("FETCH_PROXY", "http://me:secret@proxy:3128"),
        ("FETCH_PROXY", "proxy"),
        ("FETCH_CA_FILE", "ca.pem"),
        ("FETCH_TIMEOUT", "0"),
        ("IMAGE_DIR", ""),
        ("IMAGE_DEBUG", "maybe"),
        ("IMPORT_GROW", ""),
        ("IMAGE_CACHE_DIR", "cache"),
        ("IMAGE_CACHE_SIZE", "0"),
        ("KEYS_DIR", "keys"),
        ("REQUIRE_DIGEST", "sha256"),
        ("REQUIRE_SIGNATURE", "1"),
        ("PROGRESS_MONITOR", "monitor --verbose"),
        ("STORES_DIR", "stores"),
        ("TARGET_TIMEOUT", "0"),
        ("VARIANTS_DIR", "variants"),
    ] {
        assert!(
            Settings::default().set(name, value).is_err(),
            "{name}={value}"
        );
    }
    assert_eq!(Settings::default().set("NOTHING", "x"), Ok(false));
}

#[test]
fn what_is_shown_can_be_set_again() {
    let shown = Settings::default().show();
    let mut settings = Settings::default();
    for (name, value) in &shown {
        assert_eq!(settings.set(name, value), Ok(true), "{name}={value}");
    }
    assert_eq!(settings, Settings::default());
    assert!(shown.is_sorted());
}
