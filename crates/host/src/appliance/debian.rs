//! Gets the kernel from this Debian's own archive without installing it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{ApplianceError, Doing};
use super::run::Program;
use crate::cancel::Cancel;

/// Debian's description of the running system.
const OS_RELEASE: &str = "/etc/os-release";

/// An unpacked kernel package.
#[derive(Debug)]
pub(super) struct KernelPackage {
    /// Name and version.
    pub(super) name: String,
    /// The bootable kernel.
    pub(super) kernel: PathBuf,
    /// The directory of its modules.
    pub(super) modules: PathBuf,
}

/// Downloads a kernel's package into `directory` and unpacks it there. One that only depends on
/// the current kernel stands for that.
///
/// # Errors
/// When apt offers none or a step fails.
pub(super) fn kernel_package(
    wanted: &str,
    directory: &Path,
    cancel: &Cancel,
) -> Result<KernelPackage, ApplianceError> {
    let options = apt_options(&fs::read_to_string(OS_RELEASE).unwrap_or_default());
    let record = Program::new("apt-cache", "apt")
        .args(&options)
        .args(["show", "--no-all-versions", wanted])
        .run(cancel)
        .map_err(|error| match error {
            ApplianceError::Program { .. } => ApplianceError::NoKernelPackage(wanted.to_owned()),
            other => other,
        })?;
    let name = dependency(&record).unwrap_or(wanted);
    tracing::info!("downloading the package {name}");
    Program::new("apt-get", "apt")
        .args(&options)
        .args(["--quiet", "download", name])
        .directory(directory)
        .run(cancel)?;
    unpack(
        &find(directory, |file| file.ends_with(".deb"))?,
        directory,
        cancel,
    )
}

fn unpack(
    package: &Path,
    directory: &Path,
    cancel: &Cancel,
) -> Result<KernelPackage, ApplianceError> {
    let tree = directory.join("kernel");
    let name = Program::new("dpkg-deb", "dpkg")
        .args(["--showformat=${Package} ${Version}", "--show"])
        .args([package])
        .run(cancel)?;
    Program::new("dpkg-deb", "dpkg")
        .args(["--extract".as_ref(), package.as_os_str(), tree.as_os_str()])
        .run(cancel)?;
    let modules = ["usr/lib/modules", "lib/modules"]
        .map(|path| tree.join(path))
        .into_iter()
        .find(|path| path.is_dir())
        .ok_or_else(|| ApplianceError::Modules {
            path: package.to_owned(),
            why: "the package holds none".to_owned(),
        })?;
    Ok(KernelPackage {
        name,
        kernel: find(&tree.join("boot"), |file| file.starts_with("vmlinuz-"))?,
        modules: find(&modules, |_| true)?,
    })
}

/// Makes apt prefer this release, with its security updates, to backports and later ones,
/// whatever preferences this node has for its own packages.
fn apt_options(os_release: &str) -> Vec<String> {
    let mut options = vec!["-o".to_owned(), "APT::Sandbox::User=root".to_owned()];
    let codename = os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|value| value.trim_matches('"'))
        .filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()));
    if let Some(codename) = codename {
        options.push("-o".to_owned());
        options.push(format!(
            "APT::Default-Release=/^{codename}(|-security|-updates)$/"
        ));
    }
    options
}

/// The kernel that the metapackage's record depends on.
fn dependency(record: &str) -> Option<&str> {
    record
        .lines()
        .find_map(|line| line.strip_prefix("Depends:"))?
        .split([',', '|'])
        .filter_map(|item| item.split_whitespace().next())
        .find(|name| name.starts_with("linux-image-"))
}

/// The first entry of a directory whose name is as wanted.
fn find(directory: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf, ApplianceError> {
    let doing = || format!("looking for the kernel in {}", directory.display());
    for entry in fs::read_dir(directory).doing(doing)? {
        let entry = entry.doing(doing)?;
        if entry.file_name().to_str().is_some_and(&wanted) {
            return Ok(entry.path());
        }
    }
    Err(std::io::Error::from(std::io::ErrorKind::NotFound)).doing(doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_the_one_that_the_metapackage_depends_on() {
        let record = "Package: linux-image-cloud-amd64\n\
            Depends: linux-base, linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)\n";
        assert_eq!(dependency(record), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(dependency("Package: other\nDepends: linux-base\n"), None);
        assert_eq!(dependency(""), None);
    }

    #[test]
    fn the_own_release_is_preferred_where_it_has_a_name() {
        let options = apt_options("ID=debian\nVERSION_CODENAME=bookworm\n");
        assert_eq!(
            options.last().unwrap(),
            "APT::Default-Release=/^bookworm(|-security|-updates)$/"
        );
        assert_eq!(apt_options("ID=debian\n").len(), 2);
        assert_eq!(apt_options("VERSION_CODENAME=a.*b\n").len(), 2);
    }
}
