//! Properties about what tells one machine from another.
// SPDX-License-Identifier: BSD-2-Clause

use super::{Properties, PropertyError, meaning};

/// What the machine id becomes, property `MACHINE_ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MachineId {
    /// `random`: a new one
    #[default]
    Random,
    /// `empty`: none, the machine draws its own at its first start
    Empty,
    /// `uninitialized`: the same, and systemd takes that start for its first
    /// (`ConditionFirstBoot=`)
    Uninitialized,
}

/// A part of a machine's identity, property `KEEP_IDENTITY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// `random-seed`: what the generator of random numbers starts from
    RandomSeed,
    /// `credential-secret`: the key of systemd's credentials
    CredentialSecret,
    /// `dhcp-leases`: addresses that the image's machine was given, and its DHCP identifiers
    DhcpLeases,
    /// `network-manager`: the secret key and memory of NetworkManager
    NetworkManager,
    /// `interface-names`: names that udev(7) has given to network interfaces and drives
    InterfaceNames,
    /// `cloud-init`: the state of the instance that cloud-init has set up
    CloudInit,
    /// `lvm-devices`: the list of devices that LVM keeps to
    LvmDevices,
    /// `iscsi`: the name of the initiator
    Iscsi,
    /// `nvme`: the names of the NVMe host
    Nvme,
    /// `yum-uuid`: the identifier that yum sends to mirrors
    YumUuid,
}

impl Identity {
    /// Every part, in the order in which they are documented.
    pub const ALL: [Identity; 10] = [
        Identity::RandomSeed,
        Identity::CredentialSecret,
        Identity::DhcpLeases,
        Identity::NetworkManager,
        Identity::InterfaceNames,
        Identity::CloudInit,
        Identity::LvmDevices,
        Identity::Iscsi,
        Identity::Nvme,
        Identity::YumUuid,
    ];

    /// How the property spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Identity::RandomSeed => "random-seed",
            Identity::CredentialSecret => "credential-secret",
            Identity::DhcpLeases => "dhcp-leases",
            Identity::NetworkManager => "network-manager",
            Identity::InterfaceNames => "interface-names",
            Identity::CloudInit => "cloud-init",
            Identity::LvmDevices => "lvm-devices",
            Identity::Iscsi => "iscsi",
            Identity::Nvme => "nvme",
            Identity::YumUuid => "yum-uuid",
        }
    }
}

impl Properties {
    /// What the machine id becomes.
    ///
    /// # Errors
    /// When the value is none of the three.
    pub fn machine_id(&self) -> Result<MachineId, PropertyError> {
        match self.given("MACHINE_ID") {
            None | Some("random") => Ok(MachineId::Random),
            Some("empty") => Ok(MachineId::Empty),
            Some("uninitialized") => Ok(MachineId::Uninitialized),
            Some(value) => Err(meaning(
                "MACHINE_ID",
                value,
                "it is one of random, empty, uninitialized",
            )),
        }
    }

    /// The parts of its identity that the image keeps.
    ///
    /// # Errors
    /// When a word names no part.
    pub fn kept_identity(&self) -> Result<Vec<Identity>, PropertyError> {
        let value = self.given("KEEP_IDENTITY").unwrap_or_default();
        let part = |word: &str| Identity::ALL.into_iter().find(|part| part.name() == word);
        let parts: Option<Vec<_>> = value.split_ascii_whitespace().map(part).collect();
        parts.ok_or_else(|| {
            meaning(
                "KEEP_IDENTITY",
                value,
                "it is a list, separated by spaces, of random-seed, credential-secret, \
                 dhcp-leases, network-manager, interface-names, cloud-init, lvm-devices, iscsi, \
                 nvme, yum-uuid",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Properties, Vec<PropertyError>> {
        Properties::new([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn the_machine_id_is_one_of_three() {
        for (value, expected) in [
            ("", MachineId::Random),
            ("random", MachineId::Random),
            ("empty", MachineId::Empty),
            ("uninitialized", MachineId::Uninitialized),
        ] {
            let properties = with("machine_id", value).unwrap();
            assert_eq!(properties.machine_id().unwrap(), expected);
        }
        assert!(with("MACHINE_ID", "0123").is_err());
    }

    #[test]
    fn parts_are_kept_by_their_names_and_the_refusal_lists_all() {
        let kept = with("KEEP_IDENTITY", " iscsi  random-seed ").unwrap();
        assert_eq!(
            kept.kept_identity().unwrap(),
            [Identity::Iscsi, Identity::RandomSeed]
        );
        let faults = with("KEEP_IDENTITY", "iscsi,nvme").unwrap_err();
        let text = faults[0].to_string();
        for part in Identity::ALL {
            assert!(text.contains(part.name()), "{text}");
        }
    }
}
