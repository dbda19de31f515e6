//! Barrier: own namespaces for network, mounts, processes, IPC, host name and cgroups.
// SPDX-License-Identifier: BSD-2-Clause

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

use crate::error::{ConfineError, Doing};

/// Leaves every namespace of the host that the kernel lets us leave, for this process, and
/// for its next child that of processes; but not that of the `network` when the program needs
/// it. Gives a note for each that it does not; user ids,
/// no_new_privs and the program's own seccomp filter hold without them.
pub(crate) fn leave(network: bool) -> Left {
    let mut notes = Vec::new();
    let mut left = CloneFlags::empty();
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
            continue;
        }
        if flag == CloneFlags::CLONE_NEWNS {
            let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
            if let Err(error) = mount_change("/", private) {
                notes.push(format!("the mount namespace is not private: {error}"));
                continue;
            }
        }
        left |= flag;
    }
    let both = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
    Left {
        notes,
        may_mount: left.contains(both),
    }
}

/// What [`leave`] has come to.
pub(crate) struct Left {
    /// What it did not leave, and why.
    pub(crate) notes: Vec<String>,
    /// Whether the child's mounts are its own, and its processes too.
    pub(crate) may_mount: bool,
}

/// Puts a `/proc` of the caller's namespace of processes over that of the node, and an empty
/// `/tmp`. Only for a caller that is alone in its namespace of mounts.
pub(crate) fn mount_own_places() -> Result<(), ConfineError> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None).doing("mounting a /proc of its own")?;
    let options = c"size=1m,mode=1777";
    mount("tmpfs", "/tmp", "tmpfs", flags, options).doing("mounting a /tmp of its own")
}
