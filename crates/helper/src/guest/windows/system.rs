//! A Windows in the image: which one it is, and in which state.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

use snf_image_protocol::OsFamily;

use crate::error::{Error, Result};
use crate::guest::root::Root;
use crate::guest::windows::answer_file::Architecture;
use crate::guest::windows::registry::{Hive, Purpose};

/// Where Windows lies on its volume. Names are found in upper and lower case alike.
pub const SYSTEM32: &str = "/Windows/System32";
/// The hive with the settings of the programs.
pub const SOFTWARE: &str = "/Windows/System32/config/SOFTWARE";
/// The hive with the settings of the machine.
pub const SYSTEM: &str = "/Windows/System32/config/SYSTEM";
/// The hive of accounts.
pub const SAM: &str = "/Windows/System32/config/SAM";

/// Keys of SOFTWARE.
const VERSION: &str = r"Microsoft\Windows NT\CurrentVersion";
const SETUP: &str = r"Microsoft\Windows\CurrentVersion\Setup\State";

/// The key and the value of SYSTEM with the answer file that setup takes before all others (Microsoft's "Implicit Answer
/// File Search Order").
pub const ANSWER_FILE: (&str, &str) = ("Setup", "UnattendFile");

/// Where the setup of Windows stands (`ImageState`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setup {
    /// Generalized by Sysprep: it becomes a machine of its own when it starts. One that goes to audit mode then is none
    /// of these: pass `oobeSystem` and `SetupComplete.cmd` wait there until somebody ends that.
    Generalized,
    /// A machine that is set up.
    Complete,
    /// Anything else, as Windows names it.
    Other(String),
    /// It does not say.
    Unknown,
}

/// What was found out about a Windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// The version of NT, such as 6 and 1, or 10 and 0.
    pub version: (u32, u32),
    /// The number of the build.
    pub build: u32,
    /// How it calls itself, such as `Windows Server 2022 Standard`.
    pub product: String,
    /// Whether it is one of the servers.
    pub is_server: bool,
    /// Its processors.
    pub architecture: Architecture,
    /// The state of its setup.
    pub setup: Setup,
    /// The key of SYSTEM that holds what is current, such as `ControlSet001`.
    pub control_set: String,
    /// The answer file that SYSTEM names, [`ANSWER_FILE`], as Windows spells its path.
    pub answer_file: Option<String>,
}

/// The first build of Windows 11; the registry calls it Windows 10 all the same.
pub const FIRST_BUILD_OF_11: u32 = 22_000;

impl Windows {
    /// Reads what the hives of the mounted image say.
    ///
    /// # Errors
    /// When a hive is missing or damaged, or says what cannot be.
    pub fn read(root: &Root) -> Result<Windows> {
        let software = hive(root, SOFTWARE)?;
        let text = |key, name| -> Result<Option<String>> {
            Ok(software.value(key, name)?.and_then(|value| value.as_text()))
        };
        let number = |name| -> Result<Option<u32>> {
            Ok(software
                .value(VERSION, name)?
                .and_then(|value| value.as_dword()))
        };
        let version = match number("CurrentMajorVersionNumber")? {
            Some(major) => (major, number("CurrentMinorVersionNumber")?.unwrap_or(0)),
            // From 10 on this stays at 6.3 for the sake of older programs.
            None => version(&text(VERSION, "CurrentVersion")?.unwrap_or_default())?,
        };
        let build = match text(VERSION, "CurrentBuildNumber")? {
            Some(build) => build,
            None => text(VERSION, "CurrentBuild")?.unwrap_or_default(),
        };
        let build = build.trim().parse().unwrap_or(0);
        let product = text(VERSION, "ProductName")?;
        let product = shown(&product.unwrap_or_else(|| "Windows".into()));
        let kind = text(VERSION, "InstallationType")?.unwrap_or_default();
        let is_server = kind.starts_with("Server") || product.contains("Server");
        let is_11 = !is_server && build >= FIRST_BUILD_OF_11;
        let setup = setup(text(SETUP, "ImageState")?);
        let system = hive(root, SYSTEM)?;
        let (control_set, architecture) = machine(&system)?;
        let (key, name) = ANSWER_FILE;
        let answer_file = system.value(key, name)?.and_then(|value| value.as_text());
        Ok(Windows {
            version,
            build,
            product: if is_11 {
                product.replacen("Windows 10", "Windows 11", 1)
            } else {
                product
            },
            is_server,
            architecture,
            setup,
            control_set,
            answer_file: answer_file.filter(|path| !path.trim().is_empty()),
        })
    }

    /// The family of its tasks.
    #[must_use]
    pub fn family(&self) -> OsFamily {
        if self.version.0 < 6 {
            OsFamily::WindowsLegacy
        } else {
            OsFamily::Windows
        }
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.version;
        let (product, build) = (&self.product, self.build);
        let architecture = self.architecture.name();
        write!(
            formatter,
            "{product} ({major}.{minor}.{build}, {architecture}"
        )?;
        match &self.setup {
            Setup::Generalized => write!(formatter, ", generalized)"),
            Setup::Complete => write!(formatter, ", not generalized)"),
            Setup::Other(state) => write!(formatter, ", {state})"),
            Setup::Unknown => write!(formatter, ")"),
        }
    }
}

/// Whether Windows lies here: its directory and its hives.
#[must_use]
pub fn is_here(root: &Root) -> bool {
    root.is_directory(SYSTEM32) && root.exists(SOFTWARE) && root.exists(SYSTEM)
}

fn hive(root: &Root, path: &str) -> Result<Hive> {
    Hive::open(root, path, Purpose::Read)?
        .ok_or_else(|| Error::image(format!("the Windows of the image has no {path}")))
}

/// The current control set, and the processors that it names.
fn machine(system: &Hive) -> Result<(String, Architecture)> {
    let current = system.value("Select", "Current")?;
    let current = current.and_then(|value| value.as_dword());
    let current = current.filter(|number| (1..=999).contains(number));
    let Some(current) = current else {
        return Err(Error::image(format!(
            "{SYSTEM} of the image does not say which control set is current"
        )));
    };
    let control_set = format!("ControlSet{current:03}");
    let key = format!(r"{control_set}\Control\Session Manager\Environment");
    let name = system.value(&key, "PROCESSOR_ARCHITECTURE")?;
    let name = name.and_then(|value| value.as_text()).unwrap_or_default();
    let architecture = match name.to_ascii_lowercase().as_str() {
        "amd64" => Architecture::Amd64,
        "x86" => Architecture::X86,
        "arm64" => Architecture::Arm64,
        _ => {
            return Err(Error::image(format!(
                "the Windows of the image is for processors that are not known: {:?}",
                shown(&name)
            )));
        }
    };
    Ok((control_set, architecture))
}

/// The two numbers of a version.
fn version(text: &str) -> Result<(u32, u32)> {
    let numbers = text.split_once('.');
    let numbers = numbers
        .and_then(|(major, minor)| Some((major.trim().parse().ok()?, minor.trim().parse().ok()?)));
    numbers.ok_or_else(|| {
        Error::image(format!(
            "the Windows of the image does not tell its version: {:?}",
            shown(text)
        ))
    })
}

fn setup(state: Option<String>) -> Setup {
    match state.as_deref() {
        None => Setup::Unknown,
        Some("IMAGE_STATE_COMPLETE") => Setup::Complete,
        Some("IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE") => Setup::Generalized,
        Some(other) => Setup::Other(shown(other)),
    }
}

/// What the image says of itself, as it stands in messages.
#[must_use]
pub fn shown(text: &str) -> String {
    let plain = text.chars().filter(|character| !character.is_control());
    plain.take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_two_numbers() {
        assert_eq!(version("6.1").unwrap(), (6, 1));
        for none in ["", "6", "6.x", "-1.0"] {
            assert!(version(none).is_err(), "{none}");
        }
    }

    #[test]
    fn one_that_goes_to_audit_mode_does_not_count_as_generalized() {
        let state = |end: &str| setup(Some(format!("IMAGE_STATE_GENERALIZE_RESEAL_TO_{end}")));
        assert_eq!(state("OOBE"), Setup::Generalized);
        assert!(matches!(state("AUDIT"), Setup::Other(_)));
    }

    #[test]
    fn a_state_of_setup_that_is_not_known_is_told_without_control_characters() {
        assert_eq!(setup(None), Setup::Unknown);
        let state = setup(Some("IMAGE\u{1b}[2J".into()));
        assert_eq!(state, Setup::Other("IMAGE[2J".into()));
    }
}
