//! A directory with a Debian that has every network system which Debian has, for the tests that let the
//! real programs read what the helper writes. Nothing of it is installed on this machine.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use snf_image_testkit::tool::Tool;

use crate::command::say;
use crate::image::system::{RELEASE, mirror_of, mirrors};
use crate::paths;

/// To be raised with every change of the packages, so that a kept tree is not used.
const RECIPE: &str = "1";

/// The variable that tells the tests where it is.
pub(crate) const VARIABLE: &str = "SNF_NETWORK_TREE";

/// The network systems, and what they need to run without a system around them.
const PACKAGES: [&str; 9] = [
    "cloud-init",
    "dbus",
    "ifupdown",
    "iproute2",
    "isc-dhcp-client",
    "netctl",
    "netplan.io",
    "network-manager",
    "systemd",
];

/// What cloud-init needs, and a tree of which the tests know where its files are.
const CLOUD_INIT: [&str; 4] = ["cloud-init", "ifupdown", "iproute2", "usrmerge"];

/// The releases whose cloud-init is tried too: the oldest that Debian still has, and the newest.
pub(crate) const OTHERS: [&str; 2] = ["bullseye", "trixie"];

/// Makes the tree unless it is there, and says where it is.
pub(crate) fn ensure() -> Result<PathBuf> {
    ensure_of(RELEASE, &PACKAGES, mirrors()?, "network-tree")
}

/// Makes one with cloud-init of another release likewise.
pub(crate) fn ensure_cloud_init(release: &str) -> Result<PathBuf> {
    let name = format!("cloud-init-{release}");
    ensure_of(release, &CLOUD_INIT, mirror_of(release)?, &name)
}

fn ensure_of(
    release: &str,
    packages: &[&str],
    mirrors: Vec<String>,
    name: &str,
) -> Result<PathBuf> {
    let directory = paths::images();
    let tree = directory.join(name);
    let recipe = directory.join(format!("{name}.recipe"));
    if tree.exists() && fs::read_to_string(&recipe).is_ok_and(|text| text == RECIPE) {
        return Ok(tree);
    }
    fs::create_dir_all(&directory)?;
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    say(&format!(
        "installing the network systems of Debian {release} into a directory"
    ));
    let work = tempfile::Builder::new()
        .prefix(&format!("{name}."))
        .tempdir_in(&directory)?;
    let root = work.path().join("root");
    Tool::new("mmdebstrap")
        .args(["--quiet", "--mode=root", "--variant=minbase"])
        .arg(format!("--include={}", packages.join(",")))
        .arg(release)
        .arg(&root)
        .args(mirrors)
        .run()?;
    fs::rename(&root, &tree)?;
    fs::write(&recipe, RECIPE)?;
    Ok(tree)
}
