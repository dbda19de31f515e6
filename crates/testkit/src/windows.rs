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

/// One with 64 bits for Intel and AMD, generalized, before version 10.
const fn before_10(product: &'static str, version: &'static str, build: &'static str) -> Edition {
    Edition {
        product,
        version,
        major: None,
        build,
        architecture: "AMD64",
        state: GENERALIZED,
    }
}

/// The same of version 10, which also 11 and the servers since 2016 have.
const fn of_10(product: &'static str, build: &'static str) -> Edition {
    Edition {
        major: Some(10),
        ..before_10(product, "6.3", build)
    }
}

/// The same for other processors.
const fn on(architecture: &'static str, edition: Edition) -> Edition {
    Edition {
        architecture,
        ..edition
    }
}

/// Windows Vista.
pub const VISTA: Edition = on(
    "x86",
    before_10("Windows Vista (TM) Business", "6.0", "6002"),
);

/// Windows 7.
pub const WINDOWS_7: Edition = on("x86", before_10("Windows 7 Professional", "6.1", "7601"));

/// Windows Server 2008 R2.
pub const SERVER_2008_R2: Edition = before_10("Windows Server 2008 R2 Standard", "6.1", "7601");

/// Windows Server 2022.
pub const SERVER_2022: Edition = of_10("Windows Server 2022 Standard", "20348");

/// Windows Server 2025.
pub const SERVER_2025: Edition = of_10("Windows Server 2025 Standard", "26100");

/// Windows 11 for ARM, which calls itself 10 in the registry.
pub const WINDOWS_11_ARM: Edition = on("ARM64", of_10("Windows 10 Pro", "26100"));

/// Windows XP, which has no state of setup.
pub const XP: Edition = Edition {
    state: "",
    ..on("x86", before_10("Microsoft Windows XP", "5.1", "2600"))
};

/// One of every kind.
pub const KINDS: [Edition; 17] = [
    XP,
    before_10("Windows Server 2003 R2", "5.2", "3790"),
    VISTA,
    before_10("Windows Server (R) 2008 Standard", "6.0", "6003"),
    WINDOWS_7,
    SERVER_2008_R2,
    before_10("Windows 8 Pro", "6.2", "9200"),
    before_10("Windows Server 2012 Standard", "6.2", "9200"),
    on("x86", before_10("Windows 8.1 Pro", "6.3", "9600")),
    before_10("Windows Server 2012 R2 Standard", "6.3", "9600"),
    on("x86", of_10("Windows 10 Pro", "19045")),
    of_10("Windows 10 Pro", "22631"),
    WINDOWS_11_ARM,
    of_10("Windows Server 2016 Standard", "14393"),
    of_10("Windows Server 2019 Standard", "17763"),
    SERVER_2022,
    SERVER_2025,
];

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
