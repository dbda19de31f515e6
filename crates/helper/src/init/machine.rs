//! The machine around the first process: its file systems, its random numbers, its end.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::io::{self, Write};
use std::panic;
use std::path::Path;
use std::process;

use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot};

use crate::channel::Port;
use crate::error::{Doing, Result};

/// What is mounted where, and whether it may hold devices.
const FILE_SYSTEMS: [(&str, &str, MountFlags); 5] = [
    ("proc", "/proc", MountFlags::NODEV),
    ("sysfs", "/sys", MountFlags::NODEV),
    ("devtmpfs", "/dev", MountFlags::empty()),
    ("tmpfs", "/tmp", MountFlags::NODEV),
    ("tmpfs", "/run", MountFlags::NODEV),
];

/// Writes a line to the standard output.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Writes a line to the standard error, which is the console of the first process.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Mounts what every program needs and makes directories below `/run`.
///
/// # Errors
/// When the kernel refuses one.
pub(super) fn prepare(directories: &[&Path]) -> Result<()> {
    for (kind, place, flags) in FILE_SYSTEMS {
        let doing = || format!("mounting {kind} at {place}");
        // An ordinary root has these directories and may be read-only.
        if !Path::new(place).is_dir() {
            fs::create_dir(place).doing(doing)?;
        }
        let flags = flags | MountFlags::NOSUID | MountFlags::NOEXEC;
        match mount("none", place, kind, flags, None) {
            // The kernel or an initial RAM disk was there first.
            Ok(()) | Err(Errno::BUSY) => {}
            Err(errno) => return Err(errno).doing(doing),
        }
    }
    make_directories(directories)
}

/// Makes directories.
///
/// # Errors
/// When the kernel refuses one.
pub(super) fn make_directories(directories: &[&Path]) -> Result<()> {
    directories.iter().try_for_each(|directory| {
        fs::create_dir_all(directory).doing(|| format!("making {}", directory.display()))
    })
}

/// Gives bytes to the kernel's own random numbers, which the tools use.
///
/// # Errors
/// When the kernel refuses them.
pub(super) fn stir(bytes: &[u8]) -> Result<()> {
    let path = "/dev/urandom";
    fs::OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .doing(|| format!("writing to {path}"))
}

/// Lets no process be root in a user name space of its own: what is confined stays so.
///
/// # Errors
/// When the kernel refuses it.
pub(super) fn forbid_user_name_spaces() -> Result<()> {
    let path = "/proc/sys/user/max_user_namespaces";
    fs::write(path, "0").doing(|| format!("writing to {path}"))
}

/// Ends the machine. Whoever calls this has flushed what matters.
pub(super) fn power_off() -> ! {
    let _ = reboot(RebootCommand::PowerOff);
    // Without power-off the end of the first process ends the machine.
    process::exit(1)
}

/// Makes a bug a failure with a reason instead of a machine that hangs. The text of the
/// panic stays inside: it may show what it was working on.
pub(super) fn power_off_on_panic(result: Option<Port>) {
    panic::set_hook(Box::new(move |information| {
        let place = information.location().map(ToString::to_string);
        let place = place.unwrap_or_else(|| "an unknown place".into());
        let line = format!("ERROR: the helper has a bug at {place}: please report it\n");
        if let Some(port) = &result {
            port.send(line.as_bytes());
            port.drain();
        }
        let _ = io::stderr().write_all(line.as_bytes());
        power_off()
    }));
}
