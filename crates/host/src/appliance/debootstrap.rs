//! Makes a helper of a whole Debian system with the package snf-image-helper in it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use snf_image_protocol::VERSION;

use super::build::read_bounded;
use super::error::{ApplianceError, Doing};
use super::manifest::{FORMAT, FileEntry, Manifest, RELEASE};
use super::run::Program;
use super::{files, kernel, tools};
use crate::cancel::Cancel;
use crate::vm::ROOT_SERIAL;

/// The package that must be in the system, and its program there.
const PACKAGE: &str = "snf-image-helper";
const PROGRAM: &str = "usr/bin/snf-image-helper";

/// What the system has besides the essential packages and what snf-image-helper needs. The standard
/// kernel has the driver of the floppy, which the one for virtual machines has not.
const INCLUDE: &str = "--include=initramfs-tools,linux-image-amd64,udev,zstd";

/// What makes the system small.
const SMALL: [&str; 4] = [
    "--aptopt=Apt::Install-Recommends \"false\"",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
];

/// Makes a mirror that is a directory of this node visible inside the new system.
const FILE_MIRROR: &str = "--hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount";

/// What its initramfs loads: the way to the root file system, nothing else.
const INITRAMFS: [(&str, u32, &str); 2] = [
    ("conf.d/snf-image", 0o644, "MODULES=list\n"),
    (
        "hooks/snf-image",
        0o755,
        "#!/bin/sh\n\
         [ \"$1\" != prereqs ] || exit 0\n\
         . /usr/share/initramfs-tools/hook-functions\n\
         manual_add_modules virtio_pci virtio_blk squashfs\n",
    ),
];

/// What the system is made of.
#[derive(Debug, Clone)]
pub struct Debootstrap {
    /// The file of the package snf-image-helper (HELPER_PKG), absolute or in HELPER_DIR.
    pub package: PathBuf,
    /// The release of Debian (HELPER_SUITE).
    pub suite: String,
    /// A URL of a mirror or a line of sources.list(5) (HELPER_MIRROR); without one Debian's
    /// own with its security updates.
    pub mirror: Option<String>,
}

impl Debootstrap {
    /// Writes the files into `staging`, under names of their own, and says what they are.
    pub(super) fn build(
        &self,
        directory: &Path,
        staging: &Path,
        cancel: &Cancel,
    ) -> Result<Manifest, ApplianceError> {
        let package = directory.join(&self.package);
        check(&package, cancel)?;
        prepare(&package, staging)?;
        tracing::info!("installing Debian {} into a directory", self.suite);
        Program::new("mmdebstrap", "mmdebstrap")
            .args(self.arguments())
            .directory(staging)
            .run(cancel)?;
        let root = staging.join("root");
        let kernel = self.write_kernel(staging, &root.join("boot"))?;
        tracing::info!("packing its file system");
        let entry = pack(staging, cancel)?;
        let program = read_bounded(&root.join(PROGRAM))?;
        Ok(Manifest {
            format: FORMAT,
            release: RELEASE.to_owned(),
            protocol: VERSION,
            builder: "debootstrap".to_owned(),
            built_at: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
            kernel_command_line: command_line(),
            kernel_release: kernel.release,
            kernel_source: format!("Debian {}", self.suite),
            helper_sha256: files::digest_of(&program),
            tools: tools::versions(Some(&root.join("var/lib/dpkg")), cancel)?,
            kernel: kernel.kernel,
            initrd: kernel.initrd,
            has_floppy: Some(true),
            root: Some(entry),
        })
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = ["--quiet", "--mode=root", "--variant=minbase", INCLUDE]
            .into_iter()
            .chain(SMALL)
            .map(str::to_owned)
            .collect();
        // The names are those of our own files in the directory that it runs in.
        arguments.extend(
            [
                "--essential-hook=copy-in initramfs-tools /etc",
                "--customize-hook=copy-in helper.deb /tmp",
                "--customize-hook=chroot \"$1\" apt-get --yes --quiet install /tmp/helper.deb",
                "--customize-hook=rm \"$1/tmp/helper.deb\"",
            ]
            .map(str::to_owned),
        );
        let is_local = |mirror: &String| ["file:", "copy:"].iter().any(|at| mirror.contains(at));
        if self.mirror.as_ref().is_some_and(is_local) {
            // Behind the others: hooks run in this order, and its last one takes the mirror away.
            arguments.push(FILE_MIRROR.to_owned());
        }
        arguments.extend([self.suite.clone(), "root".to_owned()]);
        arguments.extend(self.mirror.clone());
        arguments
    }

    fn write_kernel(&self, staging: &Path, boot: &Path) -> Result<Kernel, ApplianceError> {
        let path = find(boot, "vmlinuz-")?;
        let bytes = read_bounded(&path)?;
        let parsed = kernel::parse(&bytes).map_err(|why| ApplianceError::Kernel { path, why })?;
        let doing = || format!("writing to {}", staging.display());
        let write = |name: &str, prefix: &str, content: &[u8]| {
            files::write(&staging.join(name), prefix, |to| to.write_all(content)).doing(doing)
        };
        Ok(Kernel {
            kernel: write("new-kernel", "kernel", &parsed.vmlinux)?,
            initrd: write(
                "new-initrd",
                "initrd",
                &read_bounded(&find(boot, "initrd.img-")?)?,
            )?,
            release: parsed.release,
        })
    }
}

struct Kernel {
    kernel: FileEntry,
    initrd: FileEntry,
    release: String,
}

/// Finds out whether a file is the package that this release can talk to.
fn check(package: &Path, cancel: &Cancel) -> Result<(), ApplianceError> {
    let unusable = |why: String| ApplianceError::Helper {
        path: package.to_owned(),
        why,
    };
    if !package.is_file() {
        return Err(unusable(
            "there is no such file: put the package snf-image-helper into HELPER_DIR and name it \
             as HELPER_PKG"
                .to_owned(),
        ));
    }
    let said = Program::new("dpkg-deb", "dpkg")
        .args(["--showformat=${Package} ${Version}", "--show"])
        .args([package])
        .run(cancel)?;
    let expected = format!("{PACKAGE} {}", RELEASE.replacen('-', "~", 1));
    // A revision of the packaging may follow.
    let fits = said
        .strip_prefix(&expected)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '+']));
    if fits {
        Ok(())
    } else {
        Err(unusable(format!("it is {said}, not {expected}")))
    }
}

/// Lays out what the new system is given.
fn prepare(package: &Path, staging: &Path) -> Result<(), ApplianceError> {
    let doing = || format!("writing to {}", staging.display());
    fs::copy(package, staging.join("helper.deb"))
        .doing(|| format!("copying {}", package.display()))?;
    for (name, mode, content) in INITRAMFS {
        let path = staging.join("initramfs-tools").join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path)).doing(doing)?;
        fs::write(&path, content).doing(doing)?;
        fs::set_permissions(&path, Permissions::from_mode(mode)).doing(doing)?;
    }
    Ok(())
}

fn pack(staging: &Path, cancel: &Cancel) -> Result<FileEntry, ApplianceError> {
    Program::new("mksquashfs", "squashfs-tools")
        .args(["root", "packed", "-noappend", "-quiet", "-no-progress"])
        // The default is ten times as slow for a file smaller by a fiftieth.
        .args(["-comp", "zstd", "-Xcompression-level", "6", "-e", "boot"])
        .directory(staging)
        .run(cancel)?;
    let packed = staging.join("packed");
    let doing = || format!("writing to {}", staging.display());
    let mut from = File::open(&packed).doing(doing)?;
    let entry = files::write(&staging.join("new-root"), "root", |to| {
        io::copy(&mut from, to).map(drop)
    })
    .doing(doing)?;
    fs::remove_file(packed).doing(doing)?;
    Ok(entry)
}

/// Finds the root by the number that the VM gives to its disk. The names of file systems would
/// let an earlier content of the machine's disk pass for it.
fn command_line() -> String {
    format!(
        "root=/dev/disk/by-id/virtio-{ROOT_SERIAL} rootfstype=squashfs ro init=/{PROGRAM} \
         snf_image_activate_helper"
    )
}

/// The only file whose name begins so.
fn find(directory: &Path, start: &str) -> Result<PathBuf, ApplianceError> {
    let doing = || format!("looking for {start}* in {}", directory.display());
    let mut found = fs::read_dir(directory)
        .doing(doing)?
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(start))
        .map(|entry| entry.path());
    found
        .next()
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        .doing(doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(mirror: Option<&str>) -> Debootstrap {
        Debootstrap {
            package: "helper.deb".into(),
            suite: "stable".into(),
            mirror: mirror.map(str::to_owned),
        }
    }

    #[test]
    fn a_mirror_in_a_directory_is_made_visible_inside() {
        let local = system(Some("deb [trusted=yes] file:/srv/debian stable main")).arguments();
        let place = |start: &str| {
            local
                .iter()
                .rposition(|argument| argument.starts_with(start))
        };
        assert!(place(FILE_MIRROR).unwrap() > place("--customize-hook=").unwrap());
        assert_eq!(
            local.last().unwrap(),
            "deb [trusted=yes] file:/srv/debian stable main"
        );
        let far = system(Some("http://mirror.example.org/debian")).arguments();
        assert!(far.iter().all(|argument| argument != FILE_MIRROR));
        assert_eq!(system(None).arguments().last().unwrap(), "root");
    }

    #[test]
    fn a_package_that_is_missing_or_another_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let why = |name: &str| {
            check(&directory.path().join(name), &Cancel::new().unwrap())
                .unwrap_err()
                .to_string()
        };
        assert!(why("none.deb").contains("none.deb cannot be used: there is no such file"));
        let tree = directory.path().join("tree/DEBIAN");
        fs::create_dir_all(&tree).unwrap();
        let control = "Package: snf-image-helper\nVersion: 0.23\nArchitecture: all\n\
            Maintainer: a <a@a>\nDescription: a\n";
        fs::write(tree.join("control"), control).unwrap();
        let old = directory.path().join("old.deb");
        Program::new("dpkg-deb", "dpkg")
            .args([
                "--build".as_ref(),
                directory.path().join("tree").as_os_str(),
            ])
            .args([&old])
            .run(&Cancel::new().unwrap())
            .unwrap();
        let why = why("old.deb");
        assert!(
            why.contains("it is snf-image-helper 0.23, not snf-image-helper "),
            "{why}"
        );
    }
}
