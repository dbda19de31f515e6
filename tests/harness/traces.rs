//! What our programs leave on the nodes of a cluster.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use snf_image_testkit::process;

use crate::Cluster;

/// How many nodes the cluster has.
const NODES: u32 = 3;

/// How often something that is to appear is looked for.
const INTERVAL: Duration = Duration::from_millis(5);

/// Lists a node's processes of our program and of QEMU, the loop devices on disks and images, all
/// mounts, and the files in the places where programs keep things for a while. A zombie has no
/// program any more. What is known about the processor stays on purpose.
const LIST: &str = r#"
for process in /proc/[0-9]*; do
    program=$(readlink "$process/exe") || continue
    case $program in */snf-image*|*/qemu-system*) echo "process $process: $program" ;; esac
done
losetup --list --noheadings --output NAME,BACK-FILE | grep -e /srv/ganeti/file-storage/ -e /snf-image/ | sed 's/^/loop device /'
cut -d ' ' -f 5 /proc/1/mountinfo | sed 's/^/mount /'
find /run /var/lib/snf-image /usr/lib/snf-image -path /run/ganeti -prune \
    -o -path /run/snf-image -prune -o -print | sed 's/^/file /'
find /tmp /var/tmp -maxdepth 1 -name '*snf*image*' | sed 's/^/file /'
"#;

/// What was on the nodes at one moment.
#[derive(Debug)]
pub struct Traces<'cluster> {
    cluster: &'cluster Cluster,
    before: BTreeSet<String>,
}

impl Cluster {
    /// Watches all nodes from here on. No other test may be at work.
    ///
    /// # Errors
    /// When a node gives no answer.
    pub fn traces(&self) -> Result<Traces<'_>> {
        let before = self.seen()?;
        Ok(Traces {
            cluster: self,
            before,
        })
    }

    /// Waits until the create script of an instance has written this into its log on a node, and
    /// gives the script's process.
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub fn creating(&self, node: u32, instance: &str, text: &str, limit: Duration) -> Result<u32> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            // The script first: before it runs, the newest log may be that of an earlier one.
            let script = script_of(instance);
            let log = self.log(node, "add", instance).unwrap_or_default();
            if script.is_ok() && log.contains(text) {
                return script;
            }
            thread::sleep(INTERVAL);
        }
        bail!("the log of {instance} has no {text:?} after {limit:?}")
    }

    fn seen(&self) -> Result<BTreeSet<String>> {
        let mut seen = BTreeSet::new();
        for node in 1..=NODES {
            let listed = self.run_on(node, ["sh", "-c", LIST])?;
            let lines = listed.stdout.lines();
            seen.extend(lines.map(|line| format!("node {node}: {line}")));
        }
        Ok(seen)
    }
}

impl Traces<'_> {
    /// What is there now and was not there before, given a moment to go away.
    ///
    /// # Errors
    /// When a node gives no answer.
    pub fn left(&self, patience: Duration) -> Result<Vec<String>> {
        let deadline = Instant::now() + patience;
        loop {
            let now = self.cluster.seen()?;
            let left: Vec<_> = now.difference(&self.before).cloned().collect();
            if left.is_empty() || Instant::now() > deadline {
                return Ok(left);
            }
        }
    }
}

/// The create script that has this instance in its environment.
fn script_of(instance: &str) -> Result<u32> {
    let wanted = format!("INSTANCE_NAME={instance}");
    let has = |pid: u32| {
        std::fs::read(format!("/proc/{pid}/environ"))
            .unwrap_or_default()
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
    };
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid.filter(|pid| has(*pid)) else {
            continue;
        };
        let program = process::command_line(pid);
        if program.iter().any(|word| word.ends_with("/create")) {
            return Ok(pid);
        }
    }
    bail!("no process creates {instance}")
}
