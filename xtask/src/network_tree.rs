//! A directory with a Debian that has every network system which Debian has, for the tests that let the
//! real programs read what the helper writes. Nothing of it is installed on this machine.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use snf_image_testkit::tool::Tool;

use crate::command::say;
use crate::image::system::{RELEASE, mirrors};
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

/// Makes the tree unless it is there, and says where it is.
pub(crate) fn ensure() -> Result<PathBuf> {
    let directory = paths::images();
    let tree = directory.join("network-tree");
    let recipe = directory.join("network-tree.recipe");
    if tree.exists() && fs::read_to_string(&recipe).is_ok_and(|text| text == RECIPE) {
        return Ok(tree);
    }
    fs::create_dir_all(&directory)?;
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    say("installing the network systems of Debian 12 into a directory");
    let work = tempfile::Builder::new()
        .prefix("network-tree.")
        .tempdir_in(&directory)?;
    let root = work.path().join("root");
    Tool::new("mmdebstrap")
        .args(["--quiet", "--mode=root", "--variant=minbase"])
        .arg(format!("--include={}", PACKAGES.join(",")))
        .arg(RELEASE)
        .arg(&root)
        .args(mirrors()?)
        .run()?;
    fs::rename(&root, &tree)?;
    fs::write(&recipe, RECIPE)?;
    Ok(tree)
}
