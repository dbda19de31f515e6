//! Barrier: own namespaces for network, mounts, processes, IPC, host name and cgroups.
// SPDX-License-Identifier: BSD-2-Clause

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, mount_change};

/// Leaves every namespace of the host that the kernel lets us leave, for this process, and
/// for its next child that of processes; but not that of the `network` when the program needs
/// it. Gives a note for each that it does not; user ids,
/// no_new_privs and the program's own seccomp filter hold without them.
pub(crate) fn leave(network: bool) -> Vec<String> {
    let mut notes = Vec::new();
    for (flag, name) in [
        (CloneFlags::CLONE_NEWNET, "network"),
        (CloneFlags::CLONE_NEWIPC, "IPC"),
        (CloneFlags::CLONE_NEWUTS, "host name"),
        (CloneFlags::CLONE_NEWCGROUP, "cgroup"),
        (CloneFlags::CLONE_NEWNS, "mount"),
        (CloneFlags::CLONE_NEWPID, "process"),
    ] {
        if network && flag == CloneFlags::CLONE_NEWNET {
            continue;
        }
        if let Err(error) = unshare(flag) {
            notes.push(format!("no {name} namespace of its own: {error}"));
        } else if flag == CloneFlags::CLONE_NEWNS {
            let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
            if let Err(error) = mount_change("/", private) {
                notes.push(format!("the mount namespace is not private: {error}"));
            }
        }
    }
    notes
}
