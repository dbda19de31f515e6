//! The parameters disk: found by its label, mounted read-only, read within bounds.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags};
use serde::Deserialize;
use snf_image_protocol::{PARAMETERS_FILE, PARAMS_LABEL, Parameters, VERSION};

use crate::disk::{device, ext, modules};
use crate::error::{Doing, Error, Result};

/// The most that the parameters may take, in bytes: keys, hashes and properties.
const LIMIT: u64 = 16 << 20;
/// The virtual floppy that may hold them.
const FLOPPY: &str = "/dev/fd0";

/// Takes the parameters disk out of the disks and mounts it.
///
/// # Errors
/// When no disk has the label, or the kernel refuses it.
pub(super) fn mount(disks: &mut Vec<PathBuf>, directory: &Path) -> Result<()> {
    // It comes behind the disks of the instance.
    let device = match disks.iter().rposition(|disk| is_labelled(disk)) {
        Some(place) => disks.remove(place),
        None => floppy()?,
    };
    modules::load("ext4")?;
    let flags = MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
    rustix::mount::mount(&device, directory, "ext4", flags, None)
        .doing(|| format!("mounting the parameters of {}", device.display()))
}

fn floppy() -> Result<PathBuf> {
    let floppy = Path::new(FLOPPY);
    // A kernel without the driver has no floppy either.
    let _ = modules::load("floppy");
    if is_labelled(floppy) {
        return Ok(floppy.into());
    }
    Err(Error::image(format!(
        "no disk has the label {PARAMS_LABEL}, which holds the parameters"
    )))
}

fn is_labelled(disk: &Path) -> bool {
    device::head(disk, 2048)
        .ok()
        .and_then(|head| ext::Superblock::parse(&head))
        .and_then(|superblock| superblock.label)
        .is_some_and(|label| label == PARAMS_LABEL)
}

/// Reads the parameters.
///
/// # Errors
/// When they are not there, too long, of another version or not valid.
pub(super) fn read(directory: &Path) -> Result<Parameters> {
    let path = directory.join(PARAMETERS_FILE);
    let mut json = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut json))
        .doing(|| format!("reading {}", path.display()))?;
    if u64::try_from(json.len()).is_ok_and(|length| length <= LIMIT) {
        return parse(&json);
    }
    Err(Error::image(format!(
        "{PARAMETERS_FILE} is longer than 16 MiB"
    )))
}

/// Lets go of the parameters disk.
///
/// # Errors
/// When something still uses it.
pub(super) fn unmount(directory: &Path) -> Result<()> {
    rustix::mount::unmount(directory, UnmountFlags::NOFOLLOW)
        .doing(|| format!("unmounting {}", directory.display()))
}

fn parse(json: &[u8]) -> Result<Parameters> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    // What the parser says may quote a value, which may be a secret: only its place is told.
    let invalid = |error: serde_json::Error| {
        Error::image(format!(
            "{PARAMETERS_FILE} is not valid at line {}, column {}",
            error.line(),
            error.column()
        ))
    };
    let Versioned { version } = serde_json::from_slice(json).map_err(invalid)?;
    if version != VERSION {
        return Err(Error::image(format!(
            "host and helper do not fit together (protocol {version} and {VERSION}): build the \
             helper again with: snf-image helper build"
        )));
    }
    serde_json::from_slice(json).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_named_before_anything_else() {
        let newer = VERSION + 1;
        let json = format!(r#"{{"version":{newer},"news":[]}}"#);
        let error = parse(json.as_bytes()).unwrap_err().to_string();
        let both = format!("protocol {newer} and {VERSION}");
        assert!(error.contains(&both), "{error}");
    }

    #[test]
    fn a_fault_is_told_without_the_secret_beside_it() {
        let json = format!(r#"{{"version":{VERSION},"hostname":null,"password":["hunter2"]}}"#);
        let error = parse(json.as_bytes()).unwrap_err().to_string();
        assert!(
            error.contains("line 1") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn a_file_without_end_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = File::create(directory.path().join(PARAMETERS_FILE)).unwrap();
        file.set_len(1 << 40).unwrap();
        assert!(
            read(directory.path())
                .unwrap_err()
                .to_string()
                .contains("16 MiB")
        );
    }

    #[test]
    fn the_parameters_disk_is_known_by_its_label() {
        let directory = tempfile::tempdir().unwrap();
        for (label, expected) in [(PARAMS_LABEL, true), ("root", false)] {
            let image = directory.path().join(label);
            File::create(&image).unwrap().set_len(1 << 20).unwrap();
            let status = std::process::Command::new("mke2fs")
                .args(["-q", "-t", "ext2", "-L", label])
                .arg(&image)
                .status();
            assert!(status.unwrap().success());
            assert_eq!(is_labelled(&image), expected);
        }
        assert!(!is_labelled(Path::new("/dev/null")));
    }
}
