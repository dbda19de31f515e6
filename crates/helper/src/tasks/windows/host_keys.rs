//! DeleteSSHKeys: takes away the host keys of the OpenSSH server of Windows.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use crate::error::Result;
use crate::run::context::{Context, Done};

/// Where they lie (Microsoft, "OpenSSH Server configuration for Windows"). Sysprep leaves that directory as it is.
const DIRECTORY: &str = "/ProgramData/ssh";

/// How the name of each begins, in upper or lower case.
const NAME: &str = "ssh_host_";

/// Removes them. None are put in their place: the server makes those that are missing when it starts, with the access
/// lists that it demands.
///
/// # Errors
/// When one cannot be removed.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let root = context.root()?;
    let mut is_removed = false;
    for name in root.list(DIRECTORY)? {
        let is_key = (name.to_string_lossy().get(..NAME.len()))
            .is_some_and(|begin| begin.eq_ignore_ascii_case(NAME));
        if is_key {
            is_removed |= root.remove(Path::new(DIRECTORY).join(name))?;
        }
    }
    if !is_removed {
        let reason = "the image has no SSH host keys in ProgramData\\ssh";
        return Ok(Done::Skipped(reason.into()));
    }
    context.reporter.notice(
        "the SSH host keys of the image are removed: its OpenSSH server makes new ones when it starts",
    );
    Ok(Done::Yes)
}

#[cfg(test)]
mod tests {
    use snf_image_protocol::{OsFamily, Task};

    use super::*;
    use crate::guest::testing::{Image, nothing};
    use crate::tasks;

    fn task(context: &mut Context<'_>) -> Result<Done> {
        context.os_family = OsFamily::Windows;
        tasks::run(Task::DeleteSSHKeys, context)
    }

    #[test]
    fn host_keys_go_and_all_else_of_the_server_stays() {
        let image = Image::empty();
        let keep = ["sshd_config", "administrators_authorized_keys", "ssh_ho"];
        for name in [
            "ssh_host_ed25519_key",
            "ssh_host_ed25519_key.pub",
            "SSH_HOST_rsa_key",
        ] {
            image.file(&format!("{DIRECTORY}/{name}"), "key of the image");
        }
        for name in keep {
            image.file(&format!("{DIRECTORY}/{name}"), "kept");
        }
        let (done, notices) = image.run(task, &nothing());
        assert_eq!(done.unwrap(), Done::Yes);
        assert!(notices[0].contains("makes new ones"), "{notices:?}");
        let left = std::fs::read_dir(image.path(DIRECTORY)).unwrap();
        assert_eq!(left.count(), keep.len());
        let done = image.run(task, &nothing()).0.unwrap();
        assert!(matches!(done, Done::Skipped(reason) if reason.contains("no SSH host keys")));
    }
}
