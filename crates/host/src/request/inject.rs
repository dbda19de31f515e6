//! Files given as `LOCAL:GUEST[:OWNER:GROUP:MODE]`.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use snf_image_protocol::{Account, FileMode, GuestPath, GuestPathError, PersonalityError};

use super::{File, MAX_PERSONALITY};
use crate::small_file::{ReadError, read_bounded};

/// Why a file cannot be injected.
#[derive(Debug, thiserror::Error)]
pub enum InjectError {
    /// Not of that form.
    #[error("{0:?} is not of the form LOCAL:GUEST or LOCAL:GUEST:OWNER:GROUP:MODE")]
    Form(String),
    /// A path of the guest that is none.
    #[error(transparent)]
    Path(#[from] GuestPathError),
    /// An owner, group or mode that is none.
    #[error(transparent)]
    Attribute(#[from] PersonalityError),
    /// The local file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Reads the local file. Without owner, group and mode the file is root's, with the
/// permission bits of the local one.
///
/// # Errors
/// See [`InjectError`].
pub fn parse_inject(argument: &str) -> Result<File, InjectError> {
    let parts: Vec<_> = argument.split(':').collect();
    let (local, guest, attributes) = match parts.as_slice() {
        [local, guest] => (local, guest, None),
        [local, guest, owner, group, mode] => (local, guest, Some((owner, group, mode))),
        _ => return Err(InjectError::Form(argument.chars().take(200).collect())),
    };
    let path = GuestPath::new(guest)?;
    let given = match attributes {
        Some((owner, group, mode)) => Some((
            Account::parse(owner)?,
            Account::parse(group)?,
            FileMode::parse_octal(mode)?,
        )),
        None => None,
    };
    let (content, bits) = read_bounded(Path::new(local), MAX_PERSONALITY)?;
    let (owner, group, mode) = match given {
        Some(attributes) => attributes,
        None => (
            Account::Id(0),
            Account::Id(0),
            FileMode::try_from(bits & 0o777)?,
        ),
    };
    Ok(File {
        path,
        owner,
        group,
        mode,
        content,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_keeps_its_permissions_unless_told() {
        let local = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(local.path(), "hello").unwrap();
        std::fs::set_permissions(local.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
        let name = local.path().display();
        let plain = parse_inject(&format!("{name}:/etc/motd")).unwrap();
        assert_eq!(
            (plain.mode.bits(), plain.content.as_slice()),
            (0o640, &b"hello"[..])
        );
        let full = parse_inject(&format!("{name}:/srv/x:www-data:33:0600")).unwrap();
        assert_eq!(full.owner, Account::Name("www-data".into()));
        assert_eq!(full.group, Account::Id(33));
        assert_eq!(full.mode.bits(), 0o600);
    }

    #[test]
    fn other_forms_are_refused() {
        for argument in [
            "",
            "x",
            "x:",
            ":/etc/motd",
            "/etc/passwd:relative",
            "/etc/passwd:/a:root",
            "/etc/passwd:/a:root:root",
            "/etc/passwd:/a:root:root:rw",
            "/etc/passwd:/a:ro ot\n:root:0644",
            "/nonexistent:/a",
            "/etc:/a",
            "/dev/zero:/a",
            "/etc/passwd:/../a",
        ] {
            assert!(parse_inject(argument).is_err(), "{argument:?}");
        }
    }
}
