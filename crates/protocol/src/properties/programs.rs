//! Properties that bring programs: a task for the helper, a script for the first boot.
// SPDX-License-Identifier: BSD-2-Clause

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Properties, PropertyError};

/// The largest program, in bytes. All parameters together must stay below 16 MiB, in base64.
pub const MAX_PROGRAM: usize = 8 << 20;

/// The largest script for the first boot, in bytes.
pub const MAX_SCRIPT: usize = 1 << 20;

/// Property with a program that the helper runs.
pub const CUSTOM_TASK: &str = "CUSTOM_TASK";
/// Property with a script that the machine runs at its first boot.
pub const FIRST_BOOT_SCRIPT: &str = "FIRST_BOOT_SCRIPT";

/// The byte order mark of UTF-8, which editors of Windows put in front of a text.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Property that lets an image replace tasks.
const OVERWRITING: &str = "ALLOW_MOUNTED_TASK_OVERWRITING";

impl Properties {
    /// The program that the helper runs when everything else is done.
    ///
    /// # Errors
    /// When it is no program.
    pub fn custom_task(&self) -> Result<Option<Vec<u8>>, PropertyError> {
        self.program(CUSTOM_TASK, MAX_PROGRAM, &[b"#!", b"\x7fELF"])
    }

    /// The script that the machine runs once, when it boots for the first time, without a byte order mark in front.
    ///
    /// # Errors
    /// When it is no script.
    pub fn first_boot_script(&self) -> Result<Option<Vec<u8>>, PropertyError> {
        let marked = [MARK, b"#!"].concat();
        let script = self.program(FIRST_BOOT_SCRIPT, MAX_SCRIPT, &[b"#!", &marked])?;
        Ok(script.map(|script| match script.strip_prefix(MARK) {
            Some(bare) => bare.to_vec(),
            None => script,
        }))
    }

    /// Whether a program runs in the helper that neither we nor the administrator put there.
    #[must_use]
    pub fn brings_programs(&self) -> bool {
        self.given(CUSTOM_TASK).is_some() || self.flag(OVERWRITING)
    }

    /// What whoever reads the outcome should know.
    pub(super) fn about_programs(&self) -> Vec<String> {
        let names = [CUSTOM_TASK, OVERWRITING];
        let used = names.into_iter().find(|name| match *name {
            CUSTOM_TASK => self.given(CUSTOM_TASK).is_some(),
            flag => self.flag(flag),
        });
        let warning = |name| {
            format!(
                "property {name} has a program run in the helper VM that is not ours: it is confined \
                 there, but trust this deployment no further than that program"
            )
        };
        used.map(warning).into_iter().collect()
    }

    fn program(
        &self,
        name: &'static str,
        limit: usize,
        beginnings: &[&[u8]],
    ) -> Result<Option<Vec<u8>>, PropertyError> {
        let Some(value) = self.given(name) else {
            return Ok(None);
        };
        let wrong = |reason| PropertyError::Program { name, reason };
        let too_large = || {
            wrong(match name {
                CUSTOM_TASK => "it is larger than 8 MiB",
                _ => "it is larger than 1 MiB",
            })
        };
        if value.len() > encoded(limit) {
            return Err(too_large());
        }
        let plain: String = value.split_ascii_whitespace().collect();
        let program = STANDARD
            .decode(plain)
            .map_err(|_| wrong("it is not base64"))?;
        if program.len() > limit {
            return Err(too_large());
        }
        if beginnings.iter().any(|start| program.starts_with(start)) {
            return Ok(Some(program));
        }
        Err(wrong(match name {
            CUSTOM_TASK => "it holds neither a script, which begins with #!, nor a program in ELF",
            _ => "it holds no script, which begins with #! and its interpreter",
        }))
    }
}

/// Whether a property holds a program, whose size is checked as such.
pub(super) fn is_program(name: &str) -> bool {
    [CUSTOM_TASK, FIRST_BOOT_SCRIPT].contains(&name)
}

/// How long a program is in base64 with line ends, at most.
fn encoded(limit: usize) -> usize {
    limit / 2 * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, program: &[u8]) -> Properties {
        Properties::new([(name.to_owned(), STANDARD.encode(program))]).unwrap()
    }

    #[test]
    fn a_program_comes_out_as_it_went_in() {
        let script = b"#!/bin/sh\nexit 0\n";
        let properties = of(CUSTOM_TASK, script);
        assert_eq!(properties.custom_task().unwrap().unwrap(), script);
        assert!(properties.brings_programs());
        assert!(properties.warnings()[0].contains("CUSTOM_TASK"));
        let elf = [b"\x7fELF".as_slice(), &[0; 1 << 20]].concat();
        assert_eq!(of(CUSTOM_TASK, &elf).custom_task().unwrap().unwrap(), elf);
        let first = of(FIRST_BOOT_SCRIPT, script);
        assert_eq!(first.first_boot_script().unwrap().unwrap(), script);
        assert!(!first.brings_programs() && first.warnings().is_empty());
        let first = of(FIRST_BOOT_SCRIPT, &[MARK, script].concat());
        assert_eq!(first.first_boot_script().unwrap().unwrap(), script);
        let wrapped = STANDARD
            .encode([script.as_slice(); 9].concat())
            .replace("AK", "AK\n");
        assert!(Properties::new([(CUSTOM_TASK.to_owned(), wrapped)]).is_ok());
    }

    #[test]
    fn what_is_no_program_is_refused_without_showing_it() {
        for value in [
            "hunter2!".to_owned(),
            STANDARD.encode("hunter2"),
            STANDARD.encode([b"#!".as_slice(), &vec![b'x'; MAX_PROGRAM]].concat()),
        ] {
            for name in [CUSTOM_TASK, FIRST_BOOT_SCRIPT] {
                let faults = Properties::new([(name.to_owned(), value.clone())]).unwrap_err();
                let text = faults[0].to_string();
                assert!(text.starts_with(&format!("property {name} ")), "{text}");
                assert!(!text.contains("hunter2") && text.len() < 200, "{text}");
            }
        }
        let elf = STANDARD.encode(b"\x7fELF");
        assert!(Properties::new([(FIRST_BOOT_SCRIPT.to_owned(), elf)]).is_err());
    }
}
