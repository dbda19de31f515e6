//! Finds out which family of Linux distributions an image belongs to.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

use super::os_release;
use super::root::Root;
use crate::error::Result;

/// Distributions that keep their settings in the same places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Family {
    /// Debian, Ubuntu and what is made from them.
    Debian,
    /// Fedora, Red Hat Enterprise Linux and what is made from them.
    RedHat,
    /// SUSE Linux Enterprise, openSUSE.
    Suse,
    /// Arch Linux and what is made from it.
    Arch,
    /// Gentoo and what is made from it.
    Gentoo,
    /// Slackware.
    Slackware,
    /// Another one, with the name that it gives itself, or without one.
    Unknown(Option<String>),
}

/// Files that tell the family of systems without os-release(5), or with an unknown one.
const FILES: [(&str, Family); 6] = [
    ("/etc/debian_version", Family::Debian),
    ("/etc/redhat-release", Family::RedHat),
    ("/etc/slackware-version", Family::Slackware),
    ("/etc/SuSE-release", Family::Suse),
    ("/etc/gentoo-release", Family::Gentoo),
    ("/etc/arch-release", Family::Arch),
];

/// Finds the family by `ID`, then by `ID_LIKE` of os-release(5), then by the files that
/// older systems have.
///
/// # Errors
/// When os-release is there but cannot be read.
pub fn detect(root: &Root) -> Result<Family> {
    let named = os_release::read(root)?;
    let by_name = named.as_ref().and_then(|named| {
        std::iter::once(&named.id)
            .chain(&named.id_like)
            .find_map(|id| by_id(id))
    });
    let by_file = || {
        FILES
            .into_iter()
            .find_map(|(file, family)| root.exists(file).then_some(family))
    };
    Ok(by_name
        .or_else(by_file)
        .unwrap_or_else(|| Family::Unknown(named.map(|named| named.id))))
}

fn by_id(id: &str) -> Option<Family> {
    Some(match id {
        "debian" | "ubuntu" => Family::Debian,
        "fedora" | "rhel" | "centos" | "rocky" | "almalinux" | "ol" | "amzn" => Family::RedHat,
        "suse" | "opensuse" | "sles" | "sled" => Family::Suse,
        "arch" => Family::Arch,
        "gentoo" => Family::Gentoo,
        "slackware" => Family::Slackware,
        _ => return None,
    })
}

impl fmt::Display for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Family::Debian => formatter.write_str("Debian"),
            Family::RedHat => formatter.write_str("Red Hat"),
            Family::Suse => formatter.write_str("SUSE"),
            Family::Arch => formatter.write_str("Arch"),
            Family::Gentoo => formatter.write_str("Gentoo"),
            Family::Slackware => formatter.write_str("Slackware"),
            Family::Unknown(Some(id)) => write!(formatter, "{}", id.escape_debug()),
            Family::Unknown(None) => formatter.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Image, samples};
    use super::*;

    fn of(files: &[(&str, &str)]) -> Family {
        let image = Image::empty();
        for (path, content) in files {
            image.file(path, content);
        }
        image.confined(|root| detect(&root).unwrap())
    }

    #[test]
    fn the_id_counts_before_what_it_is_like_and_before_files() {
        let mint = ("/etc/os-release", "ID=mint\nID_LIKE=\"ubuntu debian\"\n");
        assert_eq!(of(&[mint]), Family::Debian);
        let fedora = ("/usr/lib/os-release", "ID=fedora\n");
        assert_eq!(of(&[fedora, ("/etc/debian_version", "")]), Family::RedHat);
        assert_eq!(of(&[("/etc/redhat-release", "")]), Family::RedHat);
        assert_eq!(of(&[]), Family::Unknown(None));
        let own = of(&[("/etc/os-release", "ID=own\n")]);
        assert_eq!(own, Family::Unknown(Some("own".into())));
    }

    #[test]
    fn trees_of_real_systems_belong_to_their_families() {
        let Some(samples) = samples("etc/python-distro") else {
            return;
        };
        for (names, family) in [
            (
                &["debian8", "ubuntu2604", "kali", "bttcb1"][..],
                Family::Debian,
            ),
            (
                &["rhel5", "centos7", "oracle7", "fedora42", "rocky10"],
                Family::RedHat,
            ),
            (&["sles12", "opensuse15", "opensuse42"], Family::Suse),
            (&["arch"], Family::Arch),
            (&["gentoo"], Family::Gentoo),
            (&["slackware14"], Family::Slackware),
            (&["alpine"], Family::Unknown(Some("alpine".into()))),
        ] {
            for name in names {
                let root = Root::open(&samples.join(name)).unwrap();
                assert_eq!(detect(&root).unwrap(), family, "{name}");
            }
        }
    }
}
