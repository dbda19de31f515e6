//! How the helper's processor is made: by KVM where that works, else by QEMU itself (TCG).
//!
//! `/dev/kvm` may be there and a guest may yet crawl in it, for example where this node is a
//! virtual machine itself. So KVM is tried before it is trusted, once per boot of the node.
// SPDX-License-Identifier: BSD-2-Clause

mod device;
mod memory;
mod probe;

use std::fmt;
use std::path::{Path, PathBuf};

use snf_image_sandbox::{Launcher, User};

use super::error::VmError;
use crate::config::AcceleratorChoice;

/// Where the verdict of one boot is kept.
pub const MEMORY_FILE: &str = "/run/snf-image/accel.json";

/// How a processor is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// By the hardware.
    Kvm,
    /// By emulation.
    Tcg,
}

impl Kind {
    /// Its name in QEMU's `-accel`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Kvm => "kvm",
            Kind::Tcg => "tcg",
        }
    }
}

/// A decision and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accelerator {
    /// The decision.
    pub kind: Kind,
    /// Why, for a person.
    pub reason: String,
    /// The group that gives HELPER_USER access to /dev/kvm, where its own ids do not.
    pub(super) group: Option<u32>,
    /// Where to note that KVM did not work after all; nowhere when it was demanded.
    memory: Option<PathBuf>,
}

/// As it stands in a log: `tcg (HELPER_ACCEL=tcg)`.
impl fmt::Display for Accelerator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.kind.name(), self.reason)
    }
}

/// What a decision depends on.
#[derive(Debug)]
pub struct Node<'a> {
    /// QEMU's path.
    pub qemu: &'a Path,
    /// HELPER_USER.
    pub user: &'a User,
    /// The executable that confines QEMU.
    pub launcher: &'a Launcher,
    /// Where the verdict is kept until the next boot: [`MEMORY_FILE`].
    pub memory: &'a Path,
}

/// Decides. With `auto` this takes a quarter of a second the first time after a boot where
/// KVM does not work, and at most some 5 s.
///
/// # Errors
/// When HELPER_ACCEL demands KVM and HELPER_USER cannot open it, or a guest in it does not
/// start or crawls.
pub fn choose(choice: AcceleratorChoice, node: &Node<'_>) -> Result<Accelerator, VmError> {
    match choice {
        AcceleratorChoice::Tcg => Ok(Accelerator::tcg("HELPER_ACCEL=tcg".into())),
        AcceleratorChoice::Kvm => demand(node).map_err(VmError::NoKvm),
        AcceleratorChoice::Auto => Ok(decide(node)),
    }
}

/// KVM, which is tried each time: what was kept may be the reason why it is demanded.
fn demand(node: &Node<'_>) -> Result<Accelerator, String> {
    let kvm = Accelerator {
        kind: Kind::Kvm,
        reason: "HELPER_ACCEL=kvm".into(),
        group: device::access(node.user)?,
        memory: None,
    };
    let attempt = || match probe::run(node, &kvm) {
        Ok(trial) if trial.kind == Kind::Tcg => Err(trial.reason),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("it could not be tried: {error}")),
    };
    // A node that is busy may be slow once.
    attempt().or_else(|_| attempt())?;
    Ok(kvm)
}

fn decide(node: &Node<'_>) -> Accelerator {
    let group = match device::access(node.user) {
        Ok(group) => group,
        Err(reason) => return Accelerator::tcg(reason),
    };
    let decision = |kind, reason| match kind {
        Kind::Tcg => Accelerator::tcg(reason),
        Kind::Kvm => Accelerator {
            kind: Kind::Kvm,
            reason,
            group,
            memory: Some(node.memory.to_owned()),
        },
    };
    if let Some((kind, reason)) = memory::recall(node.memory, node.qemu) {
        return decision(kind, reason);
    }
    match probe::run(node, &decision(Kind::Kvm, String::new())) {
        Ok(trial) => {
            memory::keep(node.memory, node.qemu, trial.kind, &trial.reason);
            decision(trial.kind, trial.reason)
        }
        // Nothing is known of KVM then, so nothing is kept.
        Err(error) => Accelerator::tcg(format!("KVM could not be tried: {error}")),
    }
}

impl Accelerator {
    fn tcg(reason: String) -> Self {
        Accelerator {
            kind: Kind::Tcg,
            reason,
            group: None,
            memory: None,
        }
    }

    /// Whether a VM that does not come up is to be tried without KVM.
    pub(super) fn may_fall_back(&self) -> bool {
        self.memory.is_some()
    }

    /// Gives KVM up, for this run and until the next boot.
    pub(super) fn fall_back(&mut self, qemu: &Path, reason: &str) {
        let tcg = Accelerator::tcg(reason.into());
        if let Some(path) = std::mem::replace(self, tcg).memory {
            memory::keep(&path, qemu, Kind::Tcg, reason);
        }
    }
}
