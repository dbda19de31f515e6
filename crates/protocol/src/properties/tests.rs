//! Properties as people write them.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;

fn of(pairs: &[(&str, &str)]) -> Properties {
    Properties::new(
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into())),
    )
    .unwrap()
}

fn refused(name: &str, value: &str) -> bool {
    Properties::new([(name.to_owned(), value.to_owned())]).is_err()
}

#[test]
fn names_are_case_insensitive_and_the_last_value_wins() {
    let properties = of(&[("users", "root"), ("USERS", "debian root")]);
    assert_eq!(properties.users().unwrap().unwrap(), ["debian", "root"]);
}

#[test]
fn flags_follow_the_documented_words() {
    for (value, expected) in [
        ("yes", true),
        ("TRUE", true),
        ("1", true),
        ("set", true),
        ("no", false),
        ("Off", false),
        ("", false),
        ("0", false),
        ("maybe", true),
    ] {
        assert_eq!(of(&[("DO_SYNC", value)]).flag("DO_SYNC"), expected);
    }
    assert!(!of(&[]).flag("DO_SYNC"));
    assert_eq!(of(&[("DO_SYNC", "maybe")]).warnings().len(), 1);
}

#[test]
fn a_value_of_unknown_form_is_refused() {
    for (name, value) in [
        ("OSFAMILY", "Linux"),
        ("OSFAMILY", "beos"),
        ("ROOT_PARTITION", "0"),
        ("ROOT_PARTITION", "01"),
        ("ROOT_PARTITION", "1 "),
        ("ROOT_PARTITION", "129"),
        ("USERS", "a:b"),
        ("USERS", "-root"),
        ("USERS", "../x"),
        ("SWAP", "a"),
        ("SWAP", "2:"),
        ("SWAP", "2:0"),
        ("SWAP", "2:99999999999999999999"),
        ("SWAP", "bb"),
        ("PASSWD_HASHING_METHOD", "none"),
        ("PASSWD_HASHING_METHOD", "sha1"),
        ("2X", "y"),
        ("A-B", "y"),
        ("", "y"),
        ("X", "a\0b"),
    ] {
        assert!(refused(name, value), "{name}={value}");
    }
    assert!(Properties::split("DO_SYNC").is_err());
}

#[test]
fn all_faults_are_reported_at_once() {
    let faults = Properties::new([
        ("OSFAMILY".to_owned(), "beos".to_owned()),
        ("SWAP".to_owned(), "a".to_owned()),
    ])
    .unwrap_err();
    assert_eq!(faults.len(), 2);
}

#[test]
fn swap_has_two_forms() {
    assert_eq!(
        of(&[("SWAP", "2:512")]).swap().unwrap(),
        Some(Swap::Partition {
            number: 2,
            size_mib: 512
        })
    );
    assert_eq!(
        of(&[("SWAP", "C")]).swap().unwrap(),
        Some(Swap::Disk { index: 2 })
    );
}

#[test]
fn skip_rules_name_the_property_that_decides() {
    let one = of(&[("exclude_task_AssignHostname", "yes")]);
    assert_eq!(
        one.excludes(Task::AssignHostname).unwrap(),
        "EXCLUDE_TASK_ASSIGNHOSTNAME"
    );
    assert_eq!(one.excludes(Task::ChangePassword), None);
    let mount = of(&[("EXCLUDE_TASK_MOUNTIMAGE", "yes")]);
    assert_eq!(mount.excludes(Task::MountImage), None);
    assert_eq!(mount.warnings().len(), 1);
    let mounted = of(&[("EXCLUDE_MOUNTED_TASKS", "yes")]);
    assert!(mounted.excludes(Task::MountImage).is_some());
    assert!(mounted.excludes(Task::FixPartitionTable).is_none());
    assert_eq!(of(&[("EXCLUDE_TASK_TYPO", "yes")]).warnings().len(), 1);
    let misspelt = of(&[("EXCLUDE_MOUNTED_TASK", "yes")]).warnings();
    assert!(
        misspelt.len() == 1 && misspelt[0].contains("EXCLUDE_MOUNTED_TASKS"),
        "{misspelt:?}"
    );
}

#[test]
fn windows_grows_its_volume_only_where_that_is_said() {
    for (value, expected) in [("no", true), ("Off", true), ("yes", false), ("", false)] {
        let properties = of(&[("OFFLINE_NTFSRESIZE", value)]);
        assert_eq!(properties.windows_grows_itself(), expected, "{value}");
    }
    assert!(!of(&[]).windows_grows_itself());
    assert!(of(&[("IGNORE_UNATTEND", "no")]).warnings().is_empty());
}
