//! Where things are in the working tree.
// SPDX-License-Identifier: BSD-2-Clause

use std::env;
use std::path::{Path, PathBuf};

/// The top of the working tree.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where cargo and we put everything that is made.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The programs as they are installed on a node.
pub(crate) fn dist() -> PathBuf {
    target().join("dist")
}

/// The host's program.
pub(crate) fn snf_image() -> PathBuf {
    dist().join("snf-image")
}

/// The helper's program.
pub(crate) fn snf_image_helper() -> PathBuf {
    dist().join("snf-image-helper")
}

/// The helper VM (HELPER_DIR).
pub(crate) fn appliance() -> PathBuf {
    target().join("appliance")
}

/// The configuration that names it.
pub(crate) fn config() -> PathBuf {
    target().join("snf-image.conf")
}

/// Disk images that are kept.
pub(crate) fn images() -> PathBuf {
    target().join("images")
}

/// The sources of the Debian packages.
pub(crate) fn packaging() -> PathBuf {
    root().join("packaging")
}

/// The Debian packages.
pub(crate) fn debian() -> PathBuf {
    target().join("debian")
}
