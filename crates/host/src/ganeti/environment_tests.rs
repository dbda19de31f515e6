//! Environments that Ganeti 3.0 gave to scripts, and faults in them.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;

const CREATE: &str = include_str!("environments/create.env");

fn variables(text: &str) -> Vec<(OsString, OsString)> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn parse(text: &str, script: Script) -> Environment {
    Environment::parse(variables(text), script).unwrap()
}

/// The faults of an environment with some variables changed; without a value they are gone.
fn faults(changes: &[(&str, Option<&str>)], script: Script) -> Vec<String> {
    let mut all: BTreeMap<_, _> = variables(CREATE).into_iter().collect();
    for (name, value) in changes {
        match value {
            Some(value) => all.insert(name.into(), value.into()),
            None => all.remove(&OsString::from(name)),
        };
    }
    let faults = Environment::parse(all, script).map(drop).unwrap_err().0;
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn create_is_told_everything() {
    let environment = parse(CREATE, Script::Create);
    assert_eq!(environment.variant.as_deref(), Some("other"));
    assert!(environment.debug);
    let password = environment.parameters["img_passwd"].value.expose();
    assert_eq!(password, "it's a \"$secret\"");
    let instance = environment.instance.unwrap();
    assert_eq!(instance.name.as_str(), "inst31.gnt.test");
    assert_eq!(instance.hypervisor, "kvm");
    assert!(!instance.is_reinstall);
    let [root, data] = instance.disks.as_slice() else {
        panic!("{:?}", instance.disks)
    };
    assert_eq!(
        (root.path.as_deref(), root.read_only),
        (Some("/dev/loop0".as_ref()), false)
    );
    assert!(
        data.path.is_none() && data.read_only && data.uri.as_ref().unwrap().starts_with("file:/")
    );
    let [nic] = instance.nics.as_slice() else {
        panic!("{:?}", instance.nics)
    };
    assert_eq!(nic.mac.to_string(), "aa:00:00:6e:43:ca");
    assert_eq!(nic.ip, Some("198.51.100.131".parse().unwrap()));
    assert_eq!(nic.network.as_deref(), Some("net1"));
    assert_eq!(nic.subnet, Some("198.51.100.0/24".parse().unwrap()));
    assert_eq!(nic.gateway, Some("198.51.100.1".parse().unwrap()));
    assert_eq!(nic.frontend.as_deref(), Some("paravirtual"));
    assert_eq!(nic.tags, ["t1"]);
}

#[test]
fn every_script_is_told_what_it_needs() {
    let reinstall = parse(include_str!("environments/reinstall.env"), Script::Create);
    assert!(reinstall.instance.unwrap().is_reinstall);
    let rename = parse(include_str!("environments/rename.env"), Script::Rename)
        .instance
        .unwrap();
    assert_eq!(rename.old_name.as_deref(), Some("inst32.gnt.test"));
    assert_eq!(rename.name.as_str(), "inst34.gnt.test");
    let export = parse(include_str!("environments/export.env"), Script::Export);
    let transfer = export.instance.unwrap().transfer.unwrap();
    assert_eq!(transfer.device.to_str(), Some("/dev/loop0"));
    assert_eq!((transfer.index, transfer.size_descriptor), (0, Some(11)));
    let import = parse(include_str!("environments/import.env"), Script::Import);
    assert!(import.instance.unwrap().transfer.is_some());
    let verify = parse(include_str!("environments/verify.env"), Script::Verify);
    assert!(verify.instance.is_none());
}

#[test]
fn only_this_version_of_the_interface_is_spoken() {
    for version in ["15", "10", "20.0", "020", ""] {
        let faults = faults(&[("OS_API_VERSION", Some(version))], Script::Create);
        assert!(
            faults.len() == 1 && faults[0].contains("OS_API_VERSION"),
            "{faults:?}"
        );
    }
}

#[test]
fn every_fault_is_named_at_once() {
    let changes = [
        ("OS_API_VERSION", None),
        ("INSTANCE_NAME", Some("in_valid")),
        ("HYPERVISOR", None),
        ("DISK_0_ACCESS", Some("none")),
        ("DISK_1_URI", None),
        ("NIC_0_IP", Some("somewhere")),
        ("NIC_0_MAC", Some("aa:bb")),
        ("OSP_IMG_COLOUR", Some("hunter2")),
        ("DEBUG_LEVEL", Some("much")),
    ];
    let faults = faults(&changes, Script::Create);
    let text = faults.join("\n");
    for (name, _) in changes {
        assert!(text.contains(name), "no {name} in\n{text}");
    }
    assert_eq!(faults.len(), changes.len(), "{text}");
    assert!(!text.contains("hunter2"));
}

#[test]
fn counts_are_bounded() {
    for (name, value) in [
        ("DISK_COUNT", "18446744073709551615"),
        ("DISK_COUNT", "17"),
        ("DISK_COUNT", "0"),
        ("DISK_COUNT", "-1"),
        ("NIC_COUNT", "9"),
    ] {
        assert!(
            !faults(&[(name, Some(value))], Script::Create).is_empty(),
            "{name}={value}"
        );
    }
}

#[test]
fn an_instance_without_disks_may_be_renamed() {
    let changes = [("DISK_COUNT", "0"), ("OLD_INSTANCE_NAME", "old")];
    let mut all: BTreeMap<_, _> = variables(CREATE).into_iter().collect();
    all.extend(changes.map(|(name, value)| (name.into(), value.into())));
    assert!(
        Environment::parse(all, Script::Rename)
            .unwrap()
            .instance
            .unwrap()
            .disks
            .is_empty()
    );
}

#[test]
fn text_that_is_none_is_a_fault_only_where_it_matters() {
    use std::os::unix::ffi::OsStringExt;
    let strange = || OsString::from_vec(vec![0xff]);
    let with = |name: &str| {
        let mut all = variables(CREATE);
        all.push((name.into(), strange()));
        Environment::parse(all, Script::Create)
    };
    assert!(with("LS_COLORS").is_ok());
    assert!(
        with("OSP_IMG_PASSWD").unwrap_err().0[0]
            .to_string()
            .contains("OSP_IMG_PASSWD")
    );
}
