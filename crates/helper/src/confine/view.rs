//! The file system as a confined program sees it: the helper's programs, which it cannot change,
//! the image, and empty directories.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive,
    mount_change, mount_move, mount_remount, unmount,
};

use crate::error::{Doing, Result};

/// Where the program lies.
pub(super) const PROGRAM: &str = "/run/snf-image-helper/program";

/// Where everything is put together. What was there is not needed.
const STAGE: &str = "/mnt";

/// The devices that programs count on. They lead to no other.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// What replaces what the helper has there, and how much it may hold.
const EMPTY: [(&str, &str); 3] = [
    ("/tmp", "mode=1777,size=50%"),
    ("/run", "mode=0755,size=64M"),
    ("/sys", "mode=0555,size=4k"),
];

/// Makes the view.
///
/// # Errors
/// When the kernel refuses a part of it.
pub(super) fn make(target: &Path, program: &[u8]) -> Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).doing(|| "making mounts private".into())?;
    let stage = Path::new(STAGE);
    empty(STAGE, "mode=0700,size=1M")?;
    let image = directory(stage.join("image"))?;
    mount_bind_recursive(target, &image).doing(|| format!("binding {}", target.display()))?;
    // The image's programs may be run by who knows what they are.
    let flags = MountFlags::BIND | MountFlags::NOSUID | MountFlags::NODEV;
    mount_remount(&image, flags, c"").doing(|| "mounting the image again".into())?;
    let devices = devices(stage)?;
    for (path, options) in EMPTY {
        empty(path, options)?;
    }
    for (from, to) in [(&image, target), (&devices, Path::new("/dev"))] {
        fs::create_dir_all(to)
            .and_then(|()| Ok(mount_move(from, to)?))
            .doing(|| format!("moving a mount to {}", to.display()))?;
    }
    unmount(STAGE, UnmountFlags::DETACH).doing(|| format!("unmounting {STAGE}"))?;
    install(program)?;
    ["/", "/sys"].into_iter().try_for_each(|path| {
        let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID;
        mount_remount(path, flags, c"").doing(|| format!("making {path} read-only"))
    })
}

/// Shows the processes of this name space and nothing else of the kernel.
///
/// # Errors
/// When the kernel refuses it.
pub(super) fn mount_proc() -> Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, c"subset=pid").doing(|| "mounting /proc".into())
}

fn empty(path: &str, options: &str) -> Result<()> {
    let doing = || format!("mounting an empty {path}");
    let options = std::ffi::CString::new(options)
        .map_err(std::io::Error::other)
        .doing(doing)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", path, "tmpfs", flags, options.as_c_str()).doing(doing)
}

fn directory(path: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&path).doing(|| format!("making {}", path.display()))?;
    Ok(path)
}

fn devices(stage: &Path) -> Result<PathBuf> {
    let devices = directory(stage.join("devices"))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let doing = || "making devices".to_owned();
    mount("tmpfs", &devices, "tmpfs", flags, c"mode=0755,size=64k").doing(doing)?;
    for name in DEVICES {
        let place = devices.join(name);
        File::create(&place).doing(doing)?;
        mount_bind(Path::new("/dev").join(name), &place).doing(doing)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, devices.join(name)).doing(doing)?;
    }
    Ok(devices)
}

fn install(program: &[u8]) -> Result<()> {
    let path = Path::new(PROGRAM);
    if let Some(parent) = path.parent() {
        directory(parent.to_owned())?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o500)
        .open(path)
        .and_then(|mut file| file.write_all(program))
        .doing(|| format!("writing {PROGRAM}"))
}
