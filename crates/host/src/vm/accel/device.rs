//! Whether HELPER_USER can open /dev/kvm.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use snf_image_sandbox::User;

const DEVICE: &str = "/dev/kvm";

/// The supplementary group that it takes, if any, or why it cannot be.
pub(super) fn access(user: &User) -> Result<Option<u32>, String> {
    let device = std::fs::metadata(DEVICE).map_err(|error| format!("{DEVICE}: {error}"))?;
    if !device.file_type().is_char_device() {
        return Err(format!("{DEVICE} is not a device"));
    }
    group(&device, user)
}

/// As open(2) decides: the first of owner, group and others that fits counts alone. Access
/// control lists are not looked at.
fn group(device: &Metadata, user: &User) -> Result<Option<u32>, String> {
    let may = |shift: u32| device.mode() >> shift & 0o6 == 0o6;
    if device.uid() == user.uid {
        return may(6).then_some(None).ok_or_else(|| closed(device));
    }
    if may(3) && device.gid() != 0 {
        return Ok(Some(device.gid()).filter(|gid| *gid != user.gid));
    }
    if may(0) && device.gid() != user.gid {
        return Ok(None);
    }
    Err(closed(device))
}

fn closed(device: &Metadata) -> String {
    format!(
        "{DEVICE} is closed to HELPER_USER (owner {}, group {}, mode {:04o})",
        device.uid(),
        device.gid(),
        device.mode() & 0o7777
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, chown};

    fn access_to(gid: u32, mode: u32) -> Result<Option<u32>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        chown(file.path(), Some(0), Some(gid)).unwrap();
        file.as_file()
            .set_permissions(PermissionsExt::from_mode(mode))
            .unwrap();
        let user = User {
            uid: 65534,
            gid: 65534,
            groups: Vec::new(),
        };
        group(&file.as_file().metadata().unwrap(), &user)
    }

    #[test]
    fn the_group_of_the_device_is_joined_where_that_helps() {
        assert_eq!(access_to(104, 0o660), Ok(Some(104)));
        assert_eq!(access_to(104, 0o666), Ok(Some(104)));
        assert_eq!(access_to(65534, 0o660), Ok(None));
        assert_eq!(access_to(0, 0o666), Ok(None));
    }

    #[test]
    fn root_s_own_device_stays_closed() {
        for (gid, mode) in [(0, 0o600), (0, 0o660), (104, 0o640), (104, 0o600)] {
            let reason = access_to(gid, mode).unwrap_err();
            assert!(reason.contains("closed to HELPER_USER"), "{reason}");
        }
    }
}
