//! The name of a Windows machine.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Hostname;

use crate::error::{Error, Result};

/// The longest name, in characters: `MAX_COMPUTERNAME_LENGTH` of winbase.h, which is that of
/// NetBIOS.
const LONGEST: usize = 15;

/// The name that Windows gets of a host name: what stands before the first dot.
///
/// # Errors
/// When Windows refuses it: longer than 15 characters, or only digits. It is not cut off: two
/// machines would have one name then.
pub fn of(hostname: &Hostname) -> Result<String> {
    let name = hostname.short();
    let way_out = "name the machine otherwise, or give the name with property COMPUTER_NAME";
    if name.len() > LONGEST {
        return Err(Error::image(format!(
            "Windows takes no name longer than {LONGEST} characters, and {name} has {}: {way_out}",
            name.len()
        )));
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::image(format!(
            "Windows takes no name of digits alone such as {name}: {way_out}"
        )));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(hostname: &str) -> Result<String> {
        of(&Hostname::new(hostname).unwrap())
    }

    #[test]
    fn the_domain_is_taken_off_and_fifteen_characters_are_enough() {
        assert_eq!(name("vm1.example.org").unwrap(), "vm1");
        assert_eq!(name("abcdefghijklmno").unwrap(), "abcdefghijklmno");
        assert_eq!(name("1and2").unwrap(), "1and2");
    }

    #[test]
    fn what_windows_refuses_is_refused_here_with_a_way_out() {
        for hostname in ["abcdefghijklmnop.example.org", "42.example.org"] {
            let error = name(hostname).unwrap_err().to_string();
            assert!(error.contains("COMPUTER_NAME"), "{error}");
        }
    }
}
