//! Other ways to do the same job, each a script for tools that may be installed.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use anyhow::Result;
use snf_image_testkit::tool::Tool;

use crate::job::{GUEST_FILE, HOSTNAME, Job, SIZE};

/// One other way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// What it is.
    pub(super) name: &'static str,
    /// The programs that it needs.
    needs: &'static [&'static str],
    /// What it runs: a shell script.
    script: &'static str,
}

const PEERS: [Peer; 3] = [
    Peer {
        name: "qemu-img, sfdisk, losetup, resize2fs, mount, chpasswd: no protection at all",
        needs: &[
            "qemu-img",
            "sgdisk",
            "sfdisk",
            "losetup",
            "resize2fs",
            "chpasswd",
        ],
        script: include_str!("peers/loop.sh"),
    },
    Peer {
        name: "qemu-img and guestfish, one session",
        needs: &["qemu-img", "sgdisk", "guestfish"],
        script: include_str!("peers/guestfish.sh"),
    },
    Peer {
        name: "virt-resize and virt-customize",
        needs: &["virt-resize", "virt-customize"],
        script: include_str!("peers/virt.sh"),
    },
];

/// Those whose programs are all installed; the others are named.
pub(super) fn installed() -> Vec<Peer> {
    let is_there = |program: &&str| {
        ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
            .iter()
            .any(|directory| Path::new(directory).join(program).is_file())
    };
    let (there, missing): (Vec<Peer>, Vec<Peer>) = PEERS
        .into_iter()
        .partition(|peer| peer.needs.iter().all(is_there));
    for peer in missing {
        println!("not installed, not measured: {}", peer.name);
    }
    there
}

impl Peer {
    /// Does the job onto a file that does not exist yet.
    pub(super) fn deploy(&self, job: &Job, image: &Path, target: &Path) -> Result<()> {
        // A namespace of its own, so that no mount can outlive it.
        Tool::new("unshare")
            .args(["--mount", "--", "sh", "-euc", self.script, "sh"])
            .args([image, target])
            .args([SIZE, HOSTNAME])
            .args([&job.password_file, &job.key_file, &job.local_file])
            .arg(GUEST_FILE)
            .run()
            .map(drop)
    }
}
