//! Systems of OSTree (Fedora CoreOS, Silverblue, IoT): the root lies in a deployment, `/var` beside it.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::mount::mount_bind;

use crate::error::{Doing, Error, Result};
use crate::guest::root::Root;

/// Where the systems lie, each with its deployments and its `/var` (ostree-prepare-root(1)).
const SYSTEMS: &str = "/ostree/deploy";
/// More systems and deployments than any image has, as a bound.
const MAX: usize = 64;

/// A deployment: what the machine sees as its root.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Deployment {
    root: PathBuf,
    var: PathBuf,
}

/// Lays the only deployment of the file system that is mounted at `target` over that place, as
/// the machine will see it. Says whether there is one.
///
/// # Errors
/// When there are several, of which only the boot loader knows the one that is started, or when
/// the kernel refuses.
pub fn enter(target: &Path) -> Result<bool> {
    let outer = Root::open(target)?;
    let deployments = deployments(&outer)?;
    let deployment = match deployments.as_slice() {
        [] => return Ok(false),
        [only] => only,
        several => {
            return Err(Error::image(format!(
                "the image holds {} deployments of OSTree, and only its boot loader knows which is \
                 started: leave one with: ostree admin cleanup, or set the property \
                 EXCLUDE_MOUNTED_TASKS=yes and configure the machine by Ignition",
                several.len()
            )));
        }
    };
    let root = outer.directory(&deployment.root)?;
    let var = outer.directory(&deployment.var)?;
    lay(root, target)?;
    // What is opened from here on is the deployment.
    let point = Root::open(target)?.directory("/var")?;
    if let (Some(_), Some(point)) = (&var, &point) {
        lay(var, &held(point))?;
    }
    Ok(true)
}

fn deployments(outer: &Root) -> Result<Vec<Deployment>> {
    let mut found = Vec::new();
    if !outer.is_directory(SYSTEMS) {
        return Ok(found);
    }
    for system in outer.list(SYSTEMS)?.iter().take(MAX) {
        let system = Path::new(SYSTEMS).join(system);
        let directory = system.join("deploy");
        if !outer.is_directory(&directory) {
            continue;
        }
        for name in outer.list(&directory)?.iter().take(MAX) {
            let root = directory.join(name);
            if outer.is_directory(root.join("etc")) {
                found.push(Deployment {
                    root,
                    var: system.join("var"),
                });
            }
        }
    }
    Ok(found)
}

fn lay(directory: Option<OwnedFd>, target: &Path) -> Result<()> {
    let Some(directory) = directory else {
        return Ok(());
    };
    mount_bind(held(&directory), target)
        .doing(|| format!("laying the deployment over {}", target.display()))
}

/// The path of a descriptor: the directory found inside the image, whatever its name leads to.
fn held(directory: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::mount::unmount_all;
    use crate::run::testing::apart;

    const DEPLOYMENT: &str = "ostree/deploy/fedora-coreos/deploy/abc.0";

    fn tree(deployments: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for deployment in deployments {
            let root = directory.path().join("image").join(deployment);
            fs::create_dir_all(root.join("etc")).unwrap();
            fs::create_dir_all(root.join("var")).unwrap();
        }
        let var = "image/ostree/deploy/fedora-coreos/var/home";
        fs::create_dir_all(directory.path().join(var)).unwrap();
        directory
    }

    #[test]
    fn the_deployment_and_its_var_are_what_the_machine_sees() {
        let directory = tree(&[DEPLOYMENT]);
        let target = directory.path().join("image");
        apart(|| {
            // As a file system of the image is: a mount of its own.
            mount_bind(&target, &target).unwrap();
            assert!(enter(&target).unwrap());
            fs::write(target.join("etc/hostname"), "vm\n").unwrap();
            fs::write(target.join("var/home/file"), "x").unwrap();
            unmount_all(&target).unwrap();
        });
        assert_eq!(
            fs::read_to_string(target.join(DEPLOYMENT).join("etc/hostname")).unwrap(),
            "vm\n"
        );
        assert!(
            target
                .join("ostree/deploy/fedora-coreos/var/home/file")
                .exists()
        );
        assert!(!target.join("etc").exists());
    }

    #[test]
    fn of_several_deployments_none_is_guessed() {
        let directory = tree(&[DEPLOYMENT, "ostree/deploy/fedora-coreos/deploy/def.0"]);
        let error = enter(&directory.path().join("image")).unwrap_err();
        assert!(error.to_string().contains("2 deployments"), "{error}");
    }

    #[test]
    fn other_systems_are_left_alone() {
        let directory = tree(&[]);
        assert!(!enter(&directory.path().join("image")).unwrap());
    }
}
