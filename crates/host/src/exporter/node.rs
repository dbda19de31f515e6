//! What QEMU is to open, as typed options (QMP's blockdev-add).
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Names of nodes in QEMU.
pub(super) const FILE: &str = "file";
pub(super) const DISK: &str = "disk";

/// A format of image that only QEMU reads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Container {
    /// VMware's.
    Vmdk,
    /// Microsoft's for Virtual PC, Hyper-V of the first generation and Azure.
    Vhd,
    /// Microsoft's for Hyper-V.
    Vhdx,
    /// VirtualBox's.
    Vdi,
}

impl Container {
    /// The options of the node that makes a disk of the image.
    pub(super) fn options(self) -> Value {
        let driver = match self {
            Container::Vmdk => "vmdk",
            Container::Vhd => "vpc",
            Container::Vhdx => "vhdx",
            Container::Vdi => "vdi",
        };
        let mut options = json!({
            "driver": driver, "node-name": DISK, "file": FILE, "read-only": true,
        });
        // The others have no notion of a backing file.
        if let (Container::Vmdk, Some(options)) = (self, options.as_object_mut()) {
            options.insert("backing".into(), Value::Null);
        }
        options
    }
}

/// A password or key, told to QEMU over its socket alone.
pub struct Secret {
    /// By which the node's options name it.
    pub id: &'static str,
    /// How its bytes are written.
    pub form: SecretForm,
    /// The text.
    pub text: Zeroizing<String>,
}

/// How the bytes of a secret are written (qemu(1), "-object secret", "format").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm {
    /// As they are.
    Raw,
    /// In base64, as Ceph writes its keys.
    Base64,
}

impl SecretForm {
    pub(super) fn name(self) -> &'static str {
        match self {
            SecretForm::Raw => "raw",
            SecretForm::Base64 => "base64",
        }
    }
}

/// Shows nothing of it.
impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secret({})", self.id)
    }
}

/// A disk that is reached by a protocol.
#[derive(Debug)]
pub struct Protocol {
    /// The options of the node, without its name.
    pub options: Value,
    /// What these refer to.
    pub secrets: Vec<Secret>,
    /// A connection that is there already, by the name `server`.
    pub socket: Option<OwnedFd>,
    /// Whether it takes the node's network.
    pub network: bool,
    /// Files and directories that it may read.
    pub readable: Vec<PathBuf>,
    /// Whether its library does not work without a `/proc` and a `/tmp`.
    pub own_places: bool,
    /// Whether the disk is only read.
    pub read_only: bool,
}

/// What an exporter opens.
#[derive(Debug)]
pub enum Node {
    /// An image, open for reading only.
    Image(Container, File),
    /// A raw disk.
    Disk(Protocol),
}

impl Node {
    pub(super) fn is_read_only(&self) -> bool {
        match self {
            Node::Image(..) => true,
            Node::Disk(protocol) => protocol.read_only,
        }
    }

    /// The nodes to make, in their order; `set` is the number of the image's set of descriptors.
    pub(super) fn blockdevs(&self, set: u32) -> Vec<Value> {
        match self {
            Node::Image(container, file) => vec![
                json!({
                    "driver": driver(file), "node-name": FILE, "filename": format!("/dev/fdset/{set}"),
                    "locking": "off", "read-only": true,
                }),
                container.options(),
            ],
            Node::Disk(protocol) => {
                // No format above it, hence none to guess; and the sectors stay the server's.
                let mut disk = protocol.options.clone();
                if let Some(options) = disk.as_object_mut() {
                    options.insert("node-name".into(), DISK.into());
                    options.insert("read-only".into(), protocol.read_only.into());
                    options.insert("discard".into(), "unmap".into());
                }
                vec![disk]
            }
        }
    }
}

fn driver(file: &File) -> &'static str {
    let is_device = file
        .metadata()
        .is_ok_and(|about| about.file_type().is_block_device());
    if is_device { "host_device" } else { "file" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_always_named_and_nothing_is_backed() {
        for container in [
            Container::Vmdk,
            Container::Vhd,
            Container::Vhdx,
            Container::Vdi,
        ] {
            let image = Node::Image(container, tempfile::tempfile().unwrap());
            let nodes = image.blockdevs(1);
            let (file, disk) = (&nodes[0], &nodes[1]);
            assert_eq!(file["filename"], "/dev/fdset/1");
            assert!(
                disk["driver"].is_string() && disk["file"] == "file",
                "{disk}"
            );
            assert_eq!(disk["read-only"], true);
        }
        assert!(Container::Vmdk.options().get("backing").unwrap().is_null());
    }

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret = Secret {
            id: "password",
            form: SecretForm::Raw,
            text: Zeroizing::new("hunter2".into()),
        };
        assert_eq!(format!("{secret:?}"), "Secret(password)");
    }
}
