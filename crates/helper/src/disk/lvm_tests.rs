//! What lvm(8) says, on its way to what is grown.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;

fn report(name: &str, pv_count: u32, dev_size: u64, layout: &str) -> String {
    format!(
        r#"{{"report":[{{"vg":[{{"vg_name":"{name}","vg_extent_size":"4194304",
        "pv_count":"{pv_count}","vg_missing_pv_count":"0"}}],
        "pv":[{{"pv_name":"/dev/vda2","pv_pe_count":"10","pe_start":"1048576",
        "dev_size":"{dev_size}"}}],
        "lv":[{{"lv_name":"root","lv_dm_path":"/dev/mapper/{name}-root","lv_layout":"{layout}",
        "lv_active":"active"}},{{"lv_name":"pool","lv_dm_path":"","lv_layout":"thin,pool",
        "lv_active":""}}],"pvseg":[],"seg":[]}},{{"vg":[],"pv":[]}}]}}"#
    )
}

fn read(json: &str) -> Group {
    let lvm = parse(json.as_bytes()).unwrap();
    assert_eq!(lvm.visible().count(), 1);
    lvm.group_on(Path::new("/dev/vda2")).unwrap().clone()
}

#[test]
fn a_group_has_room_when_an_extent_fits_behind_its_device() {
    let whole = 1048576 + 10 * 4194304;
    let device = Path::new("/dev/vda2");
    assert!(!read(&report("vg", 1, whole, "linear")).has_room(device));
    assert!(!read(&report("vg", 1, whole + 4194303, "linear")).has_room(device));
    let group = read(&report("vg", 1, whole + 4194304, "linear"));
    assert!(group.has_room(device));
    assert!(!group.has_room(Path::new("/dev/vda3")));
}

#[test]
fn what_is_not_grown_is_said_by_name() {
    let objection = |json: String| {
        let group = read(&json);
        group.objection(&group.volumes[0])
    };
    assert_eq!(objection(report("vg", 1, 0, "linear")), None);
    for layout in ["thin,sparse", "raid,raid1", "thick,snapshot"] {
        let why = objection(report("vg", 1, 0, layout)).unwrap();
        assert!(why.contains("vg/root") && why.contains(layout), "{why}");
    }
    let why = objection(report("vg", 2, 0, "linear")).unwrap();
    assert!(why.contains("vg has 2 physical volumes"), "{why}");
}

#[test]
fn what_the_helper_cannot_show_is_named_and_a_pool_is_no_volume() {
    let json = report("my-vg", 1, 0, "thin,sparse").replace(r#""active""#, r#""""#);
    let lvm = parse(json.as_bytes()).unwrap();
    assert_eq!(lvm.hidden(), ["my-vg/root: thin,sparse"]);
    assert_eq!(lvm.layout_of_hidden("my--vg-root"), Some("thin,sparse"));
    assert_eq!(lvm.layout_of_hidden("my-vg-root"), None);
}

#[test]
fn names_that_lvm_would_not_give_are_refused() {
    for name in ["-vg", "a b", "../x", "", "v/g"] {
        assert!(
            parse(report(name, 1, 0, "linear").as_bytes()).is_err(),
            "{name}"
        );
    }
    assert!(parse(b"{").is_err());
}

#[test]
fn a_hyphen_in_a_name_is_doubled_below_dev_mapper() {
    assert_eq!(mapper_name("my-vg", "root"), "my--vg-root");
}
