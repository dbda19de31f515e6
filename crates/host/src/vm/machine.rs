//! What a helper VM is made of.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use snf_image_sandbox::{Launcher, User};

use super::accel::{Accelerator, Kind};
use crate::config::ParametersSeat;
use crate::target::Handle;

/// One helper VM. Its descriptors are duplicated for QEMU and stay open here.
#[derive(Debug)]
pub struct Machine {
    /// The emulator, absolute (see [`super::find_emulator`]).
    pub qemu: PathBuf,
    /// HELPER_USER.
    pub user: User,
    /// The executable that confines QEMU; its default is this one.
    pub launcher: Launcher,
    /// How its processor is made.
    pub accelerator: Accelerator,
    /// HELPER_MEMORY, in MiB.
    pub memory_mib: u32,
    /// The kernel, open for reading and readable by HELPER_USER.
    pub kernel: File,
    /// The initramfs, likewise.
    pub initrd: File,
    /// The helper's root file system, likewise, where the initramfs is not all there is.
    pub root: Option<File>,
    /// What this kernel needs on its command line beside what all need.
    pub kernel_command_line: String,
    /// The instance's disks in their order, the one to deploy first.
    pub disks: Vec<Disk>,
    /// The parameters; a helper that is only to come up needs none.
    pub parameters: Option<ParametersDisk>,
    /// How long each phase may take.
    pub limits: TimeLimits,
}

/// A disk of the instance.
#[derive(Debug)]
pub struct Disk {
    /// A file or block device, open for reading and, unless it is read-only, for writing, with
    /// which QEMU does direct I/O if this descriptor does (O_DIRECT): the flag belongs to the
    /// opening, which both share. Or a socket on which it is exported.
    pub handle: Handle,
    /// Whether the helper may only read it; a file is open for reading only then.
    pub read_only: bool,
    /// The logical sector size that the helper sees, in bytes: 512 to 4096.
    pub sector: u32,
}

/// The disk that holds the parameters.
#[derive(Debug)]
pub struct ParametersDisk {
    /// Its image, open for reading only, with its final size.
    pub image: File,
    /// Where the helper looks for it.
    pub seat: ParametersSeat,
}

/// How long each phase may take.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// From start to the `ready` event with KVM.
    pub ready_kvm: Duration,
    /// From start to the `ready` event with TCG.
    pub ready_tcg: Duration,
    /// HELPER_SOFT_TIMEOUT: from the open gate to SIGTERM.
    pub soft: Duration,
    /// HELPER_HARD_TIMEOUT: from SIGTERM to SIGKILL.
    pub hard: Duration,
}

impl TimeLimits {
    /// The usual limits for coming up (KVM needs below 1 s, TCG some 2 s on an idle node,
    /// and the copy runs beside it), with those two that the node's configuration names.
    #[must_use]
    pub fn new(soft: Duration, hard: Duration) -> Self {
        TimeLimits {
            ready_kvm: Duration::from_secs(15),
            ready_tcg: Duration::from_secs(60),
            soft,
            hard,
        }
    }

    pub(super) fn ready(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Kvm => self.ready_kvm,
            Kind::Tcg => self.ready_tcg,
        }
    }
}
