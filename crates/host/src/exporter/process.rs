//! The confined QEMU that exports one disk.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::{Value, json};
use snf_image_sandbox::{Confined, Descriptors, Launcher, Limits, Spec, Streams, User};

use super::EXPORT;
use super::door::Door;
use super::error::{Doing, ExportError};
use super::node::{DISK, FILE, Node};
use super::qmp::Qmp;
use crate::cancel::Cancel;
use crate::text::excerpt;

/// Where the emulator's libraries and modules lie.
const LIBRARIES: [&str; 5] = [
    "/usr/lib",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
];

/// The most memory for an image, in bytes of address space: QEMU itself takes 300 MiB of it, of which
/// it uses a tenth, and the tables of the largest images hundreds.
const IMAGE_MEMORY: u64 = 1 << 30;

/// The most for a disk behind a protocol, whose library may start dozens of threads.
const DISK_MEMORY: u64 = 8 << 30;

/// The most processor time, in seconds.
const PROCESSOR_SECONDS: u64 = 12 * 3600;

/// The longest file that QEMU may write, in bytes. It has none but what it says at its end.
const FILE_SIZE: u64 = 1 << 20;

/// How long QEMU, ended, may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(5);

/// How much of what QEMU says at its end is repeated, in bytes.
const LAST_WORDS: usize = 300;

/// Which QEMU, and who runs it.
#[derive(Debug, Clone)]
pub struct Program {
    /// The emulator, absolute (see [`crate::vm::find_emulator`]).
    pub qemu: PathBuf,
    /// HELPER_USER.
    pub user: User,
    /// How long each of its answers may take.
    pub patience: Duration,
}

/// A disk that is exported as long as this lives. Dropping it kills QEMU and waits until it
/// is gone.
#[derive(Debug)]
pub struct Exporter {
    // Kept, for QEMU takes the end of this conversation for the end of its work.
    _qmp: Qmp,
    confined: Confined,
    door: Door,
    last_words: File,
    size: u64,
    patience: Duration,
}

impl Exporter {
    /// Has a confined QEMU open `node` and export it.
    ///
    /// # Errors
    /// When QEMU does not come up or cannot open it, or `cancel` is called. Nothing is left
    /// running then.
    pub fn start(program: &Program, node: Node, cancel: &Cancel) -> Result<Self, ExportError> {
        let door = Door::new().doing("making a socket to export a disk by")?;
        let (ours, theirs) = UnixStream::pair().doing("making a socket to QEMU")?;
        let last_words = memfd_create("qemu-stderr", MemfdFlags::CLOEXEC);
        let last_words = File::from(last_words.doing("making a file for QEMU's messages")?);
        let stderr = last_words.try_clone().doing("duplicating a descriptor")?;

        let mut descriptors = Descriptors::default();
        let qmp = descriptors.add(theirs.into());
        let image = match &node {
            Node::Image(_, file) => {
                let file = file.try_clone().doing("duplicating a descriptor")?;
                Some(descriptors.add(file.into()))
            }
            Node::Disk(_) => None,
        };
        let spec = spec(program, &node, arguments(qmp, image));
        let streams = Streams {
            stdout: Stdio::null(),
            stderr: stderr.into(),
        };
        let launcher: Launcher = crate::role::launcher();
        let mut confined = Confined::start(&launcher, &spec, &descriptors, streams)?;
        drop(descriptors);
        for note in confined.notes() {
            tracing::warn!("QEMU exports a disk with a barrier less: {note}");
        }
        let conversed = Qmp::open(ours, program.patience, cancel).and_then(|mut qmp| {
            let size = export(&mut qmp, &node, &door, cancel)?;
            Ok((qmp, size))
        });
        match conversed {
            Ok((qmp, size)) => Ok(Exporter {
                _qmp: qmp,
                confined,
                door,
                last_words,
                size,
                patience: program.patience,
            }),
            Err(ExportError::Ended(_)) => {
                Err(ExportError::Ended(ending(&mut confined, &last_words)))
            }
            Err(other) => Err(other),
        }
    }

    /// A new connection to the export, which is called [`EXPORT`].
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn connect(&self) -> Result<OwnedFd, ExportError> {
        self.door.connect().doing("connecting to QEMU")
    }

    /// How many bytes the disk has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How long a request to it may take.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Why QEMU has ended, if it has: nobody has asked it to.
    pub fn broken(&mut self) -> Option<ExportError> {
        match self.confined.wait(Duration::ZERO) {
            Ok(None) => None,
            _ => Some(ExportError::Ended(ending(
                &mut self.confined,
                &self.last_words,
            ))),
        }
    }
}

fn arguments(qmp: i32, image: Option<i32>) -> Vec<String> {
    let mut arguments: Vec<String> = [
        ["-nodefaults", "-no-user-config"].as_slice(),
        &["-machine", "none"],
        // Nothing will ever run; QEMU wants to know how all the same.
        &["-accel", "tcg,tb-size=1"],
        &["-display", "none"],
        &["-monitor", "none"],
        &["-S"],
        &[
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        ],
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect();
    let mut add = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
    add("-chardev", format!("socket,id=qmp,fd={qmp}"));
    add("-mon", "chardev=qmp,mode=control".into());
    if let Some(image) = image {
        add("-add-fd", format!("fd={image},set={SET}"));
    }
    arguments
}

/// The set that holds the image's descriptor.
const SET: u32 = 1;

fn spec(program: &Program, node: &Node, arguments: Vec<String>) -> Spec {
    let mut readable: Vec<PathBuf> = LIBRARIES.map(PathBuf::from).into();
    readable.push(program.qemu.clone());
    let (network, own_places, memory) = match node {
        Node::Image(..) => (false, false, IMAGE_MEMORY),
        Node::Disk(protocol) => {
            readable.extend(protocol.readable.iter().cloned());
            (protocol.network, protocol.own_places, DISK_MEMORY)
        }
    };
    Spec {
        user: program.user.clone(),
        program: program.qemu.clone(),
        name: None,
        arguments,
        readable,
        writable: vec!["/dev/null".into()],
        network,
        own_places,
        limits: Limits {
            file_size: Some(FILE_SIZE),
            memory: Some(memory),
            processor_seconds: Some(PROCESSOR_SECONDS),
        },
    }
}

fn export(qmp: &mut Qmp, node: &Node, door: &Door, cancel: &Cancel) -> Result<u64, ExportError> {
    if let Node::Disk(protocol) = node {
        for secret in &protocol.secrets {
            let object = json!({
                "qom-type": "secret", "id": secret.id,
                "format": secret.form.name(), "data": secret.text.as_str(),
            });
            qmp.execute("object-add", object, cancel)?;
        }
        if let Some(socket) = &protocol.socket {
            qmp.pass("server", socket.as_fd(), cancel)?;
        }
    }
    let blockdevs = node.blockdevs(SET);
    let told = blockdevs.len();
    for options in blockdevs {
        qmp.execute("blockdev-add", options, cancel)?;
    }
    let nodes = qmp.execute("query-named-block-nodes", json!({ "flat": true }), cancel)?;
    let size = check(&nodes, told)?;
    qmp.pass("door", door.as_fd(), cancel)?;
    let server = json!({ "addr": { "type": "fd", "data": { "str": "door" } } });
    qmp.execute("nbd-server-start", server, cancel)?;
    let export = json!({
        "type": "nbd", "id": EXPORT, "node-name": DISK, "name": EXPORT,
        "writable": !node.is_read_only(),
    });
    qmp.execute("block-export-add", export, cancel)?;
    Ok(size)
}

/// Looks whether QEMU has opened what it was told to and nothing else: an image that names
/// other files shows here, before a byte of the disk was read. Says how many bytes the disk has.
fn check(nodes: &Value, told: usize) -> Result<u64, ExportError> {
    let nodes = nodes.as_array().ok_or(ExportError::Nonsense)?;
    let name = |node: &Value| {
        node.get("node-name")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let is_known = |node: &Value| {
        [FILE, DISK]
            .iter()
            .any(|known| name(node).as_deref() == Some(known))
    };
    let is_backed = |node: &Value| {
        let image = node.get("image");
        let full = image.and_then(|image| image.get("backing-filename"));
        node.get("backing_file").or(full).is_some()
    };
    if nodes.len() != told || !nodes.iter().all(is_known) || nodes.iter().any(is_backed) {
        return Err(ExportError::References);
    }
    let disk = nodes
        .iter()
        .find(|node| name(node).as_deref() == Some(DISK));
    let image = disk.and_then(|disk| disk.get("image"));
    let size = image.and_then(|image| image.get("virtual-size"));
    size.and_then(Value::as_u64).ok_or(ExportError::Nonsense)
}

/// How QEMU ended, and the last line that it said.
fn ending(confined: &mut Confined, last_words: &File) -> String {
    let status = match confined.wait(END_LIMIT) {
        Ok(Some(status)) => status.to_string(),
        Ok(None) => "it closed its sockets".into(),
        Err(error) => error.to_string(),
    };
    let mut bytes = vec![0; 4096];
    let end = last_words.metadata().map_or(0, |about| about.len());
    let from = end.saturating_sub(4096);
    let count = last_words.read_at(&mut bytes, from).unwrap_or(0);
    bytes.truncate(count);
    let line = bytes
        .split(|byte| *byte == b'\n')
        .rfind(|line| !line.is_empty());
    match line {
        Some(line) => format!("{status}: {}", excerpt(line, LAST_WORDS)),
        None => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_qemu_opened_besides_is_refused() {
        let node = |name: &str| json!({ "node-name": name, "image": { "virtual-size": 512 } });
        check(&json!([node("disk"), node("file")]), 2).unwrap();
        assert_eq!(check(&json!([node("disk")]), 1).unwrap(), 512);
        for nodes in [
            json!([node("disk"), node("file"), node("#block123")]),
            json!([node("disk"), node("#block123")]),
            json!([{ "node-name": "disk", "backing_file": "/etc/shadow" }, node("file")]),
            json!([{ "node-name": "disk", "image": { "backing-filename": "x" } }, node("file")]),
            json!([]),
        ] {
            assert!(
                matches!(check(&nodes, 2), Err(ExportError::References)),
                "{nodes}"
            );
        }
        assert!(matches!(check(&json!({}), 2), Err(ExportError::Nonsense)));
    }
}
