//! Reads the table of encrypted volumes, crypttab(5).
// SPDX-License-Identifier: BSD-2-Clause

use super::fstab::{lines, text, unquoted};

/// Where it is.
pub const FILE: &str = "/etc/crypttab";

/// Keys that are drawn at each start: nothing on such a volume outlives one.
const DRAWN: [&str; 3] = ["/dev/urandom", "/dev/random", "/dev/hw_random"];
/// Options of volumes that nothing in their first bytes tells from noise.
const WITHOUT_HEADER: [&str; 7] = [
    "plain",
    "swap",
    "tmp",
    "tcrypt",
    "tcrypt-hidden",
    "tcrypt-system",
    "header",
];

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name below `/dev/mapper` that it has while it is open.
    pub name: String,
    /// What is encrypted: as in fstab(5), or a file.
    pub device: String,
    key: String,
    options: String,
}

impl Entry {
    /// Whether it has no header by which it could be known: a key of each start, a format without
    /// one, or a file.
    #[must_use]
    pub fn is_unmarked(&self) -> bool {
        let mut options = self.options.split(',');
        let without = |option: &str| {
            let name = option.split('=').next().unwrap_or_default();
            WITHOUT_HEADER.contains(&name)
        };
        let is_file = self.device.starts_with('/') && !self.device.starts_with("/dev/");
        is_file || DRAWN.contains(&self.key.as_str()) || options.any(without)
    }

    /// Whether fstab(5) calls the open volume so: by its name, or by the links that udev(7) makes.
    #[must_use]
    pub fn is_called(&self, spec: &str) -> bool {
        if let Some(name) = spec.strip_prefix("/dev/mapper/") {
            return name == self.name;
        }
        let Some(id) = spec.strip_prefix("/dev/disk/by-id/dm-") else {
            return false;
        };
        // The kind of volume and its UUID stand before the name.
        let of_uuid = id
            .strip_prefix("uuid-CRYPT-")
            .and_then(|rest| rest.splitn(3, '-').nth(2));
        id.strip_prefix("name-").or(of_uuid) == Some(self.name.as_str())
    }
}

/// Takes the table apart. Comments, empty lines and lines with less than two fields are left out.
#[must_use]
pub fn parse(content: &[u8]) -> Vec<Entry> {
    lines(content).filter_map(entry).collect()
}

fn entry<'line>(mut fields: impl Iterator<Item = &'line [u8]>) -> Option<Entry> {
    let name = fields.next()?;
    let device = fields.next()?;
    let mut more = || fields.next().map(text).unwrap_or_default();
    Some(Entry {
        name: text(name),
        device: unquoted(&text(device)),
        key: more(),
        options: more(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_line_with_two_fields_counts() {
        let table = b"# <target> <source> <key> <options>\n\
            home UUID=\"0a1b\" none luks,discard\n\
            \n\
            alone\n\
            \tdata\t/dev/sda5";
        let entries = parse(table);
        let names: Vec<_> = entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry.device.as_str()))
            .collect();
        assert_eq!(names, [("home", "UUID=0a1b"), ("data", "/dev/sda5")]);
        assert_eq!(entries[0].options, "luks,discard");
    }

    #[test]
    fn what_cannot_be_known_by_a_header_is_told() {
        for (line, is_unmarked) in [
            ("home UUID=1 none luks", false),
            ("home UUID=1", false),
            ("home /dev/sda5 /etc/keys/home luks,noauto", false),
            ("tmp /dev/sda5 /dev/urandom tmp=ext4", true),
            ("swap /dev/sda5 /dev/urandom cipher=aes", true),
            ("old /dev/sda5 none plain,size=256", true),
            ("old /dev/sda5 none tcrypt", true),
            ("home UUID=1 none header=/boot/header", true),
            ("box /srv/box.img none luks", true),
        ] {
            let entries = parse(line.as_bytes());
            assert_eq!(entries[0].is_unmarked(), is_unmarked, "{line}");
        }
    }

    #[test]
    fn an_open_volume_has_the_names_that_udev_gives_it() {
        let entries = parse(b"my-home UUID=1 none luks");
        let id = "0a1b2c3d111142228333444455556666";
        for (spec, is_called) in [
            ("/dev/mapper/my-home".to_owned(), true),
            ("/dev/disk/by-id/dm-name-my-home".to_owned(), true),
            (
                format!("/dev/disk/by-id/dm-uuid-CRYPT-LUKS2-{id}-my-home"),
                true,
            ),
            ("/dev/mapper/home".to_owned(), false),
            (format!("/dev/disk/by-id/dm-uuid-LVM-{id}"), false),
            ("my-home".to_owned(), false),
            ("UUID=1".to_owned(), false),
        ] {
            assert_eq!(entries[0].is_called(&spec), is_called, "{spec}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            for entry in parse(&bytes) {
                let _ = (entry.is_unmarked(), entry.is_called(&entry.device));
            }
        }
    }
}
