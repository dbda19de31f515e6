//! What a confined process may not do.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_no_new_privs,
};

use crate::error::{Doing, Result};

/// What is left of root's powers: to change any file of the image, to be any of its users, and to
/// take it as the root directory. Not to make device nodes, load modules, mount, see the disks'
/// memory, reboot, or look into other processes.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::LINUX_IMMUTABLE)
    .union(CapabilitySet::SYS_CHROOT);

/// How many there may ever be: the bits of capget(2).
const CAPABILITIES: u32 = 64;

/// When memory is short, the kernel ends this process and those that it starts before all others.
pub(super) fn be_the_first_to_go() -> Result<()> {
    let path = "/proc/self/oom_score_adj";
    fs::write(path, "1000").doing(|| format!("writing to {path}"))
}

/// Takes every other power from what is started from here on, for ever.
pub(super) fn give_up() -> Result<()> {
    let doing = || "giving up powers".to_owned();
    for number in 0..CAPABILITIES {
        let one = CapabilitySet::from_bits_retain(1 << number);
        if KEPT.contains(one) {
            continue;
        }
        match remove_capability_from_bounding_set(one) {
            Ok(()) => {}
            // One that this kernel does not have.
            Err(Errno::INVAL) => {}
            Err(errno) => return Err(errno).doing(doing),
        }
    }
    clear_ambient_capability_set().doing(doing)?;
    set_no_new_privs(true).doing(doing)?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).doing(doing)
}
