//! A phony Windows: its directories, its registry, and nothing that could run.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::hive;

/// Which one it is.
#[derive(Debug, Clone, Copy)]
pub struct Edition {
    /// How it calls itself.
    pub product: &'static str,
    /// `CurrentVersion` of its registry.
    pub version: &'static str,
    /// From 10 on, the major version as a number.
    pub major: Option<u32>,
    /// Its build.
    pub build: &'static str,
    /// `PROCESSOR_ARCHITECTURE`.
    pub architecture: &'static str,
    /// `ImageState`.
    pub state: &'static str,
}

/// Generalized by Sysprep.
pub const GENERALIZED: &str = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE";

/// Windows Server 2022.
pub const SERVER_2022: Edition = Edition {
    product: "Windows Server 2022 Standard",
    version: "6.3",
    major: Some(10),
    build: "20348",
    architecture: "AMD64",
    state: GENERALIZED,
};

/// Windows Server 2008 R2.
pub const SERVER_2008_R2: Edition = Edition {
    product: "Windows Server 2008 R2 Standard",
    version: "6.1",
    major: None,
    build: "7601",
    architecture: "AMD64",
    state: GENERALIZED,
};

/// Windows XP.
pub const XP: Edition = Edition {
    product: "Microsoft Windows XP",
    version: "5.1",
    major: None,
    build: "2600",
    architecture: "x86",
    state: "",
};

/// Where the hives lie.
pub const CONFIG: &str = "Windows/System32/config";

/// Puts it into a directory.
///
/// # Errors
/// When a hive cannot be made.
pub fn plant(edition: Edition, tree: &Path) -> Result<()> {
    for directory in [
        CONFIG,
        "Windows/Panther",
        "Windows/System32/drivers",
        "Windows/System32/Sysprep",
        "Windows/inf",
        "Users/Default",
        "Program Files",
    ] {
        fs::create_dir_all(tree.join(directory))?;
    }
    fs::write(tree.join("Windows/System32/ntoskrnl.exe"), "MZ phony")?;
    fs::write(tree.join("Windows/Panther/setupact.log"), "phony\r\n")?;
    let config = tree.join(CONFIG);
    hive::make(&config.join("SOFTWARE"), &software(edition))?;
    hive::make(&config.join("SYSTEM"), &system(edition))
}

fn software(edition: Edition) -> String {
    let Edition {
        product,
        version,
        major,
        build,
        state,
        ..
    } = edition;
    let mut text = format!(
        "[\\Microsoft]\n\n[\\Microsoft\\Windows NT]\n\n[\\Microsoft\\Windows NT\\CurrentVersion]\n\
         \"ProductName\"=\"{product}\"\n\"CurrentVersion\"=\"{version}\"\n\
         \"CurrentBuildNumber\"=\"{build}\"\n"
    );
    if let Some(major) = major {
        text.push_str(&format!(
            "\"CurrentMajorVersionNumber\"=dword:{major:08x}\n\
             \"CurrentMinorVersionNumber\"=dword:00000000\n"
        ));
    }
    text.push_str("\n[\\Microsoft\\Windows]\n\n[\\Microsoft\\Windows\\CurrentVersion]\n");
    text.push_str(
        "\"DevicePath\"=hex(2):25,00,53,00,79,00,73,00,74,00,65,00,6d,00,52,00,6f,00,6f,00,\\\n",
    );
    text.push_str("  74,00,25,00,5c,00,69,00,6e,00,66,00,00,00\n");
    if !state.is_empty() {
        text.push_str("\n[\\Microsoft\\Windows\\CurrentVersion\\Setup]\n\n");
        text.push_str("[\\Microsoft\\Windows\\CurrentVersion\\Setup\\State]\n");
        text.push_str(&format!("\"ImageState\"=\"{state}\"\n"));
    }
    text
}

fn system(edition: Edition) -> String {
    let architecture = edition.architecture;
    format!(
        "[\\Select]\n\"Current\"=dword:00000001\n\"Default\"=dword:00000001\n\n\
         [\\Setup]\n\"SystemSetupInProgress\"=dword:00000001\n\n\
         [\\ControlSet001]\n\n[\\ControlSet001\\Control]\n\n\
         [\\ControlSet001\\Control\\Session Manager]\n\n\
         [\\ControlSet001\\Control\\Session Manager\\Environment]\n\
         \"PROCESSOR_ARCHITECTURE\"=\"{architecture}\"\n\n\
         [\\ControlSet001\\Control\\Terminal Server]\n\"fDenyTSConnections\"=dword:00000000\n\
         \"TSUserEnabled\"=dword:00000000\n\n[\\ControlSet001\\Services]\n\n\
         [\\ControlSet001\\Services\\disk]\n\"Start\"=dword:00000000\n"
    )
}
