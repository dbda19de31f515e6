//! The names that Microsoft's reference of answer files gives to passes and components.
// SPDX-License-Identifier: BSD-2-Clause

/// The namespace of all elements.
pub const UNATTEND: &str = "urn:schemas-microsoft-com:unattend";

/// The namespace of the attributes that say what becomes of an element of a list.
pub const WCM: &str = "http://schemas.microsoft.com/WMIConfig/2002/State";

/// Names, passwords, time zone and the questions of the first start.
pub const SHELL_SETUP: &str = "Microsoft-Windows-Shell-Setup";

/// Commands that setup runs.
pub const DEPLOYMENT: &str = "Microsoft-Windows-Deployment";

/// Languages and keyboard.
pub const INTERNATIONAL: &str = "Microsoft-Windows-International-Core";

/// Whether Remote Desktop lets anybody in.
pub const TERMINAL_SERVICES: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager";

/// What every component of Windows itself says beside its name and architecture.
pub(super) const COMPONENT: [(&str, &str); 3] = [
    ("publicKeyToken", "31bf3856ad364e35"),
    ("language", "neutral"),
    ("versionScope", "nonSxS"),
];

/// A configuration pass. They are in the order in which Windows Setup runs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pass {
    /// Windows PE, before the image is on the disk.
    WindowsPe,
    /// Packages of an image that does not run.
    OfflineServicing,
    /// Before an image is taken.
    Generalize,
    /// The machine gets what is its own.
    Specialize,
    /// Audit mode, as the system.
    AuditSystem,
    /// Audit mode, as a user.
    AuditUser,
    /// Before the first user sees anything.
    OobeSystem,
}

impl Pass {
    /// All of them, in their order.
    pub const ALL: [Pass; 7] = [
        Pass::WindowsPe,
        Pass::OfflineServicing,
        Pass::Generalize,
        Pass::Specialize,
        Pass::AuditSystem,
        Pass::AuditUser,
        Pass::OobeSystem,
    ];

    /// As attribute `pass` spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Pass::WindowsPe => "windowsPE",
            Pass::OfflineServicing => "offlineServicing",
            Pass::Generalize => "generalize",
            Pass::Specialize => "specialize",
            Pass::AuditSystem => "auditSystem",
            Pass::AuditUser => "auditUser",
            Pass::OobeSystem => "oobeSystem",
        }
    }

    /// The pass of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Pass::ALL.into_iter().find(|pass| pass.name() == name)
    }
}

/// What a component is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// 32 bits.
    X86,
    /// ARM, 64 bits.
    Arm64,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Architecture; 3] =
        [Architecture::Amd64, Architecture::X86, Architecture::Arm64];

    /// As attribute `processorArchitecture` spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Architecture::Amd64 => "amd64",
            Architecture::X86 => "x86",
            Architecture::Arm64 => "arm64",
        }
    }
}
