//! The files from which Cloudbase-Init takes what it is told.
// SPDX-License-Identifier: BSD-2-Clause

use serde_json::{Map, Value, json};

use crate::guest::windows::cloudbase_init::Source;

/// What it is told. No password: that would stay on the disk.
pub(super) struct Seed<'a> {
    /// What no other deployment has: it does for a machine what it has not done for this one.
    pub(super) id: &'a str,
    /// The name of the machine; it takes what stands before the first dot.
    pub(super) name: Option<&'a str>,
    /// SSH keys of its user.
    pub(super) keys: &'a [&'a str],
    /// The user-data, if there is some.
    pub(super) user_data: Option<Vec<u8>>,
}

impl Seed<'_> {
    /// The files: as of OpenStack ("Store metadata on a configuration drive"), or as of cloud-init ("`NoCloud`"),
    /// whose YAML is JSON here.
    pub(super) fn files(self, source: Source) -> Vec<(&'static str, Vec<u8>)> {
        let meta_data = match source {
            Source::ConfigDrive => self.of_openstack(),
            Source::NoCloud => self.of_no_cloud(),
        };
        let names = match source {
            Source::ConfigDrive => [
                "openstack/latest/meta_data.json",
                "openstack/latest/user_data",
            ],
            Source::NoCloud => ["meta-data", "user-data"],
        };
        let contents = [Some(meta_data.to_string().into_bytes()), self.user_data];
        let files = names.into_iter().zip(contents);
        files
            .filter_map(|(name, content)| Some((name, content?)))
            .collect()
    }

    fn of_openstack(&self) -> Value {
        let keys = (0..).zip(self.keys);
        let keys: Map<_, _> = keys
            .map(|(number, key): (u32, _)| (format!("key-{number}"), json!(key)))
            .collect();
        with_name(
            "hostname",
            self.name,
            json!({"uuid": self.id, "public_keys": keys}),
        )
    }

    fn of_no_cloud(&self) -> Value {
        let data = json!({"instance-id": self.id, "public-keys": self.keys});
        with_name("local-hostname", self.name, data)
    }
}

fn with_name(member: &str, name: Option<&str>, mut data: Value) -> Value {
    if let (Some(name), Some(members)) = (name, data.as_object_mut()) {
        members.insert(member.into(), name.into());
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(source: Source, name: Option<&str>) -> Vec<(&'static str, Vec<u8>)> {
        let seed = Seed {
            id: "a",
            name,
            keys: &["ssh-ed25519 AAAA me"],
            user_data: name.map(|_| b"#ps1\n".to_vec()),
        };
        seed.files(source)
    }

    #[test]
    fn each_kind_of_medium_has_the_files_that_it_is_known_by() {
        let [(meta_data, text), (user_data, _)] =
            &files(Source::ConfigDrive, Some("vm1.example.org"))[..]
        else {
            panic!();
        };
        assert_eq!(*meta_data, "openstack/latest/meta_data.json");
        assert_eq!(*user_data, "openstack/latest/user_data");
        let expected = json!({
            "uuid": "a", "hostname": "vm1.example.org",
            "public_keys": {"key-0": "ssh-ed25519 AAAA me"},
        });
        assert_eq!(serde_json::from_slice::<Value>(text).unwrap(), expected);

        let [(meta_data, text)] = &files(Source::NoCloud, None)[..] else {
            panic!();
        };
        assert_eq!(*meta_data, "meta-data");
        let expected = json!({"instance-id": "a", "public-keys": ["ssh-ed25519 AAAA me"]});
        assert_eq!(serde_json::from_slice::<Value>(text).unwrap(), expected);
    }
}
