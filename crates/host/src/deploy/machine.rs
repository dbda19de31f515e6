//! The helper VM that the node's settings describe.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::path::Path;

use super::DeployError;
use crate::appliance::Appliance;
use crate::config::Settings;
use crate::exporter::Program;
use crate::target::Target;
use crate::vm::{Disk, Machine, TimeLimits, VmError, accel, find_emulator};
use snf_image_sandbox::{Launcher, User};

/// A machine without disks and parameters.
///
/// # Errors
/// When there is no emulator, no such user, or no such accelerator.
pub fn new(settings: &Settings, appliance: &Appliance) -> Result<Machine, DeployError> {
    let qemu = find_emulator(&settings.qemu)?;
    let user = user(settings)?;
    let launcher = Launcher::default();
    let node = accel::Node {
        qemu: &qemu,
        user: &user,
        launcher: &launcher,
        memory: Path::new(accel::MEMORY_FILE),
    };
    let accelerator = accel::choose(settings.helper_accel, &node)?;
    Ok(Machine {
        qemu,
        user,
        launcher,
        accelerator,
        memory_mib: settings.helper_memory_mib,
        kernel: appliance
            .kernel()
            .try_clone()
            .map_err(DeployError::Descriptor)?,
        initrd: appliance
            .initrd()
            .try_clone()
            .map_err(DeployError::Descriptor)?,
        root: (appliance.root())
            .map(File::try_clone)
            .transpose()
            .map_err(DeployError::Descriptor)?,
        kernel_command_line: appliance.manifest().kernel_command_line.clone(),
        disks: Vec::new(),
        parameters: None,
        limits: TimeLimits::new(settings.helper_soft_timeout, settings.helper_hard_timeout),
    })
}

/// Whom all that touches an image runs as.
pub(super) fn user(settings: &Settings) -> Result<User, DeployError> {
    Ok(User::lookup(&settings.helper_user).map_err(VmError::from)?)
}

/// What reaches a disk behind a URI.
///
/// # Errors
/// When there is no emulator, or no such user.
pub(super) fn exporter(settings: &Settings) -> Result<Program, DeployError> {
    Ok(Program {
        qemu: find_emulator(&settings.qemu)?,
        user: user(settings)?,
        patience: settings.target_timeout,
    })
}

/// The target as a disk of the machine, by the descriptor that the copy wrote to, or by one more
/// connection to what exports it.
pub(super) fn disk(target: &Target, read_only: bool) -> Result<Disk, DeployError> {
    Ok(Disk {
        handle: target.handle().map_err(DeployError::Descriptor)?,
        read_only,
        sector: target.sector_size(),
    })
}
