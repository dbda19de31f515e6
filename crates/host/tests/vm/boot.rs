//! The smallest guest in a real QEMU: confinement, the gate, the way to success.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::machine::{Log, gate, machine};
use snf_image::cancel::Cancel;
use snf_image::config::ParametersSeat;
use snf_image::target::Handle;
use snf_image::vm::{
    Disk, Machine, ParametersDisk, ParamsDisk, Running, VmError, find_emulator, start,
};

fn guest(directory: &Path) -> PathBuf {
    let program = directory.join("guest");
    let built = Command::new("cc")
        .args([
            "-m32",
            "-nostdlib",
            "-static",
            "-Wl,--build-id=none",
            "-Wl,-Ttext=0x100000",
            "-Wl,--section-start=.note.Xen=0x110000",
        ])
        .arg("-o")
        .arg(&program)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vm/guest.s"))
        .status();
    assert!(built.unwrap().success());
    fs::set_permissions(
        &program,
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    program
}

fn qemu() -> PathBuf {
    find_emulator(Path::new("qemu-system-x86_64")).unwrap()
}

fn real_machine() -> Machine {
    let directory = tempfile::tempdir().unwrap();
    machine(&qemu(), &guest(directory.path()))
}

fn up(machine: Machine) -> (Running, Log, Cancel) {
    let (log, cancel) = (Log::default(), Cancel::new().unwrap());
    let mut running = start(machine, Box::new(log.clone())).unwrap();
    running.wait_ready(&cancel).unwrap();
    (running, log, cancel)
}

#[test]
fn an_honest_helper_succeeds() {
    let (mut running, log, cancel) = up(real_machine());
    assert_eq!(log.of("console "), [r"hello \x1b[2J from the guest"]);
    running.open_gate(&gate()).unwrap();
    let report = running.finish(&cancel).unwrap();
    assert_eq!(report.tasks, ["A"]);
    assert!(report.ready_after > Duration::ZERO);
    assert_eq!(log.of("event ").len(), 4);
    assert_eq!(running.tail(), [r"hello \x1b[2J from the guest"]);
}

#[test]
fn the_emulator_has_no_power() {
    let mut machine = real_machine();
    machine.memory_mib = 97;
    let disk = tempfile::tempfile().unwrap();
    disk.set_len(1 << 20).unwrap();
    machine.disks.push(Disk {
        handle: Handle::File(disk),
        sector: 512,
        read_only: false,
    });
    let params = ParamsDisk::with_capacity(1000, 0).unwrap();
    machine.parameters = Some(ParametersDisk {
        image: params.open_for_reading().unwrap(),
        seat: ParametersSeat::Virtio,
    });
    let (running, _, _) = up(machine);
    let pid = emulator_of(std::process::id());
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    for line in [
        "Uid:\t65534\t65534\t65534\t65534",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        assert!(
            status.lines().any(|found| found == line),
            "{line}: {status}"
        );
    }
    let interfaces = fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap();
    assert_eq!(interfaces.lines().skip(2).count(), 1, "{interfaces}");
    assert!(interfaces.contains("lo:"));
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert_eq!(
        environment.trim_ascii_end(),
        b"LC_ALL=C\0PATH=/usr/sbin:/usr/bin:/sbin:/bin\0"
    );
    let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    for device in ["-nic", "-net", "e1000", "fdc", "floppy", "usb", "vga"] {
        assert!(!arguments.contains(device), "{arguments}");
    }
    drop(running);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

/// The process whose grandparent is `host` (between them is the launcher) and that has the
/// unusual memory of the test above, unlike those of tests in other threads.
fn emulator_of(host: u32) -> u32 {
    let parent = |pid: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit(')')
            .next()?
            .split_whitespace()
            .nth(1)?
            .parse()
            .ok()
    };
    let is_ours = |pid: u32| {
        fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|arguments| arguments.contains("\0-m\097\0"))
    };
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .find(|pid| parent(*pid).and_then(parent) == Some(host) && is_ours(*pid))
        .unwrap()
}

#[test]
fn disks_of_every_kind_and_a_floppy_are_accepted() {
    for (seat, direct) in [
        (ParametersSeat::Virtio, true),
        (ParametersSeat::Floppy, false),
    ] {
        let mut machine = real_machine();
        let file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        file.set_len(8 << 20).unwrap();
        if direct {
            rustix::fs::fcntl_setfl(&file, rustix::fs::OFlags::DIRECT).unwrap();
        }
        machine.disks.push(Disk {
            handle: Handle::File(file),
            sector: 512,
            read_only: false,
        });
        let device = LoopDevice::new();
        machine.disks.push(Disk {
            handle: Handle::File(device.open()),
            sector: 512,
            read_only: false,
        });
        let params = ParamsDisk::floppy().unwrap();
        let image = params.open_for_reading().unwrap();
        machine.parameters = Some(ParametersDisk { image, seat });
        let (mut running, _, cancel) = up(machine);
        running.open_gate(&gate()).unwrap();
        running.finish(&cancel).unwrap();
    }
}

/// A block device; detached when dropped.
struct LoopDevice {
    path: String,
    _file: tempfile::NamedTempFile,
}

impl LoopDevice {
    fn new() -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(8 << 20).unwrap();
        let output = Command::new("losetup")
            .args(["--find", "--show"])
            .arg(file.path())
            .output();
        let path = String::from_utf8(output.unwrap().stdout)
            .unwrap()
            .trim()
            .to_owned();
        assert!(path.starts_with("/dev/loop"));
        LoopDevice { path, _file: file }
    }

    fn open(&self) -> File {
        File::options()
            .read(true)
            .write(true)
            .open(&self.path)
            .unwrap()
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("-d").arg(&self.path).status();
    }
}

#[test]
fn a_helper_that_waits_for_ever_is_ended_in_time() {
    let mut machine = real_machine();
    machine.limits.soft = Duration::from_millis(300);
    let (mut running, _, cancel) = up(machine);
    // The gate stays closed.
    let begun = Instant::now();
    let error = running.finish(&cancel).unwrap_err();
    assert!(matches!(error, VmError::TimedOut { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_cancelled_run_ends_at_once() {
    let (mut running, _, cancel) = up(real_machine());
    cancel.cancel();
    let begun = Instant::now();
    assert!(matches!(running.finish(&cancel), Err(VmError::Cancelled)));
    assert!(begun.elapsed() < Duration::from_secs(2));
    let mut running = start(real_machine(), Box::new(Log::default())).unwrap();
    assert!(matches!(
        running.wait_ready(&cancel),
        Err(VmError::Cancelled)
    ));
}

#[test]
fn a_kernel_that_is_none_ends_early_with_qemu_s_own_words() {
    let kernel = tempfile::NamedTempFile::new().unwrap();
    let mut running = start(machine(&qemu(), kernel.path()), Box::new(Log::default())).unwrap();
    let error = running.wait_ready(&Cancel::new().unwrap()).unwrap_err();
    assert!(matches!(error, VmError::EndedEarly { .. }), "{error}");
    assert!(error.to_string().contains("qemu"), "{error}");
}
