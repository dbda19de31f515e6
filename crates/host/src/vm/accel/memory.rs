//! Keeps a verdict about KVM until the node boots again or its QEMU changes.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::Kind;

/// Drawn anew at each boot; see random(4).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Verdict {
    boot_id: String,
    qemu: String,
    /// Seconds since 1970.
    qemu_modified: i64,
    accelerator: Kind,
    reason: String,
}

/// The verdict of this boot about this QEMU. Only root's word counts.
pub(super) fn recall(path: &Path, qemu: &Path) -> Option<(Kind, String)> {
    let verdict: Verdict = serde_json::from_slice(&read(path).ok()?).ok()?;
    let (boot_id, qemu_modified) = circumstances(qemu)?;
    let is_ours = verdict.boot_id == boot_id
        && verdict.qemu == qemu.display().to_string()
        && verdict.qemu_modified == qemu_modified;
    is_ours.then_some((verdict.accelerator, verdict.reason))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.uid() != 0 || metadata.mode() & 0o022 != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Keeps a verdict. Failing that, the next run finds out for itself.
pub(super) fn keep(path: &Path, qemu: &Path, accelerator: Kind, reason: &str) {
    let Some((boot_id, qemu_modified)) = circumstances(qemu) else {
        return;
    };
    let verdict = Verdict {
        boot_id,
        qemu: qemu.display().to_string(),
        qemu_modified,
        accelerator,
        reason: reason.into(),
    };
    if let Err(error) = write(path, &verdict) {
        tracing::warn!(
            "cannot keep the verdict about KVM in {}: {error}",
            path.display()
        );
    }
}

fn write(path: &Path, verdict: &Verdict) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(&serde_json::to_vec(verdict)?)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}

fn circumstances(qemu: &Path) -> Option<(String, i64)> {
    let boot_id = std::fs::read_to_string(BOOT_ID).ok()?;
    Some((boot_id.trim().into(), std::fs::metadata(qemu).ok()?.mtime()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QEMU: &str = "/bin/sh";

    #[test]
    fn a_verdict_holds_for_this_boot_and_this_qemu() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/accel.json");
        assert_eq!(recall(&path, Path::new(QEMU)), None);
        keep(&path, Path::new(QEMU), Kind::Tcg, "it crawls");
        let expected = Some((Kind::Tcg, "it crawls".to_owned()));
        assert_eq!(recall(&path, Path::new(QEMU)), expected);
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o644);
        assert_eq!(recall(&path, Path::new("/bin/ls")), None);
        keep(&path, Path::new(QEMU), Kind::Kvm, "fast");
        assert_eq!(recall(&path, Path::new(QEMU)).unwrap().0, Kind::Kvm);
        let text = std::fs::read_to_string(&path).unwrap();
        let boot_id = std::fs::read_to_string(BOOT_ID).unwrap();
        std::fs::write(&path, text.replace(boot_id.trim(), "another boot")).unwrap();
        assert_eq!(recall(&path, Path::new(QEMU)), None);
    }

    #[test]
    fn what_others_may_have_written_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("accel.json");
        keep(&path, Path::new(QEMU), Kind::Kvm, "fast");
        std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert_eq!(recall(&path, Path::new(QEMU)), None);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        assert_eq!(recall(&path, Path::new(QEMU)), None);
    }
}
