//! The Debian packages, and a place to install them that goes away again.
// SPDX-License-Identifier: BSD-2-Clause

use std::env;
use std::path::PathBuf;

use anyhow::Result;
use snf_image_testkit::tool::Tool;

/// Gives every directory that packages write to a layer that goes away with the process. In `/mnt`
/// is room in memory for more.
const LAYERS: &str = r#"
mount -t tmpfs tmpfs /mnt
for directory in etc usr lib var; do
    [ ! -L /$directory ] || continue
    mkdir -p /mnt/$directory/new /mnt/$directory/work
    mount -t overlay -o lowerdir=/$directory,upperdir=/mnt/$directory/new,workdir=/mnt/$directory/work \
        overlay /$directory
done
install() { dpkg --no-triggers --force-confnew --install "$@" > /mnt/log 2>&1 || { cat /mnt/log; exit 1; }; }
"#;

/// The packages of this tree.
#[derive(Debug)]
pub struct Packages(PathBuf);

impl Packages {
    /// Finds them, or says on standard error that the test is skipped.
    #[must_use]
    pub fn find() -> Option<Self> {
        let packages = env::var_os("SNF_DEBS").map(|path| Packages(path.into()));
        if packages.is_none() {
            eprintln!("skipped: there are no packages; `cargo xtask ganeti` makes them");
        }
        packages
    }

    /// Runs a shell's script in a mount namespace of its own, and gives its standard output. `$DEBS`
    /// is where the packages are, `install FILE...` installs some.
    ///
    /// # Errors
    /// When a command of it fails, with what it said.
    pub fn aside(&self, script: &str) -> Result<String> {
        let script = format!("DEBS='{}'\n{LAYERS}\n{script}", self.0.display());
        Tool::new("unshare")
            .args([
                "--mount",
                "--propagation=private",
                "--",
                "sh",
                "-euc",
                &script,
            ])
            .run()
    }
}
