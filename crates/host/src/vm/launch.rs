//! Puts a machine together and starts it behind the sandbox's barriers.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::fs::{OFlags, fcntl_getfl};
use snf_image_sandbox::{Confined, Descriptors, Launcher, Limits, Spec, StartError, Streams, User};

use super::accel::{Accelerator, Kind};
use super::command_line::{self, DiskShape, Medium, Shape};
use super::error::{Doing, VmError};
use super::machine::{Disk, Machine};
use super::ports::{self, Ports};
use crate::target::Handle;

/// Where a distribution keeps the emulator's libraries and firmware.
const SYSTEM: [&str; 5] = [
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
];

/// Finds QEMU: a path, or a name in the usual directories, whatever PATH says.
///
/// # Errors
/// When it is not there.
pub fn find_emulator(qemu: &Path) -> Result<PathBuf, VmError> {
    let candidates: Vec<PathBuf> = if qemu.components().count() > 1 {
        vec![qemu.to_owned()]
    } else {
        ["/usr/local/bin", "/usr/bin", "/bin"]
            .map(|directory| Path::new(directory).join(qemu))
            .to_vec()
    };
    let is_program = |path: &PathBuf| {
        std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0)
    };
    candidates
        .into_iter()
        .find(is_program)
        .and_then(|path| path.canonicalize().ok())
        .ok_or_else(|| VmError::NoEmulator(qemu.display().to_string()))
}

/// A QEMU and who runs it.
pub(super) struct Emulator<'a> {
    pub(super) qemu: &'a Path,
    pub(super) user: &'a User,
    pub(super) launcher: &'a Launcher,
    pub(super) accelerator: &'a Accelerator,
}

impl Emulator<'_> {
    /// Starts it. It may read the system's files and the given descriptors' files, may write
    /// nothing that has a name (but /dev/kvm), and no file larger than `file_size` bytes.
    pub(super) fn start(
        &self,
        arguments: Vec<String>,
        descriptors: &Descriptors,
        reopened: &[i32],
        file_size: Option<u64>,
        stderr: Stdio,
    ) -> Result<Confined, StartError> {
        let mut readable: Vec<PathBuf> = SYSTEM.map(Into::into).to_vec();
        readable.extend(self.qemu.parent().map(Path::to_owned));
        readable.extend(
            reopened
                .iter()
                .map(|fd| format!("/proc/self/fd/{fd}").into()),
        );
        let mut writable = vec![PathBuf::from("/dev/null")];
        if self.accelerator.kind == Kind::Kvm {
            writable.push("/dev/kvm".into());
        }
        let mut user = self.user.clone();
        user.groups.extend(self.accelerator.group);
        let spec = Spec {
            user,
            program: self.qemu.to_owned(),
            name: None,
            arguments,
            readable,
            writable,
            network: false,
            own_places: false,
            limits: Limits {
                file_size,
                ..Limits::default()
            },
        };
        let streams = Streams {
            stdout: Stdio::null(),
            stderr,
        };
        let confined = Confined::start(self.launcher, &spec, descriptors, streams)?;
        for note in confined.notes() {
            tracing::warn!("the helper VM runs with a barrier less: {note}");
        }
        Ok(confined)
    }
}

/// Starts the machine.
pub(super) fn launch(machine: &Machine) -> Result<(Confined, Ports), VmError> {
    let (ports, guest) = ports::connect().doing("making the helper's serial ports")?;
    let mut descriptors = Descriptors::default();
    let add = |descriptors: &mut Descriptors, file: &File| -> io::Result<i32> {
        Ok(descriptors.add(OwnedFd::from(file.try_clone()?)))
    };
    let duplicating = "duplicating descriptors for the helper";
    let kernel = add(&mut descriptors, &machine.kernel).doing(duplicating)?;
    let initrd = add(&mut descriptors, &machine.initrd).doing(duplicating)?;
    let mut disks = Vec::new();
    for disk in &machine.disks {
        let copy = match &disk.handle {
            Handle::File(file) => file.as_fd().try_clone_to_owned(),
            Handle::Export(socket) => socket.try_clone(),
        };
        let descriptor = descriptors.add(copy.doing(duplicating)?);
        disks.push(shape(disk, descriptor).doing("looking at a disk for the helper")?);
    }
    let parameters = match &machine.parameters {
        Some(disk) => {
            let image = add(&mut descriptors, &disk.image).doing(duplicating)?;
            Some((image, disk.seat))
        }
        None => None,
    };
    let root = (machine.root.as_ref())
        .map(|root| add(&mut descriptors, root))
        .transpose();
    let root = root.doing(duplicating)?;
    let shape = Shape {
        accelerator: machine.accelerator.kind,
        memory_mib: machine.memory_mib,
        kernel,
        initrd,
        kernel_command_line: &machine.kernel_command_line,
        disks,
        parameters,
        root,
        ports: [guest.console, guest.result, guest.events].map(|end| descriptors.add(end)),
    };
    let emulator = Emulator {
        qemu: &machine.qemu,
        user: &machine.user,
        launcher: &machine.launcher,
        accelerator: &machine.accelerator,
    };
    let confined = emulator.start(
        command_line::arguments(&shape),
        &descriptors,
        &[kernel, initrd],
        Some(largest_file(&machine.disks)),
        guest.emulator.into(),
    )?;
    Ok((confined, ports))
}

fn shape(disk: &Disk, descriptor: i32) -> io::Result<DiskShape> {
    let medium = match &disk.handle {
        Handle::File(file) => {
            let is_direct = fcntl_getfl(file)?.contains(OFlags::DIRECT);
            if file.metadata()?.file_type().is_block_device() {
                Medium::Device { is_direct }
            } else {
                Medium::File { is_direct }
            }
        }
        Handle::Export(_) => Medium::Export,
    };
    Ok(DiskShape {
        descriptor,
        medium,
        is_read_only: disk.read_only,
        sector: disk.sector,
    })
}

fn largest_file(disks: &[Disk]) -> u64 {
    let sizes = disks.iter().filter_map(|disk| match &disk.handle {
        Handle::File(file) => file.metadata().ok(),
        Handle::Export(_) => None,
    });
    sizes.map(|metadata| metadata.len()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_emulator_is_named_with_its_package() {
        for name in [
            "no-such-qemu",
            "/usr/bin/no-such-qemu",
            "/etc/passwd",
            "/usr",
        ] {
            let error = find_emulator(Path::new(name)).unwrap_err().to_string();
            assert!(
                error.contains(name) && error.contains("qemu-system-x86"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_emulator_is_found_by_name_and_by_path() {
        assert!(find_emulator(Path::new("sh")).unwrap().is_absolute());
        assert!(find_emulator(Path::new("/bin/sh")).unwrap().is_absolute());
    }
}
