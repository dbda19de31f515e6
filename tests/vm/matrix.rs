//! Every table with every file system: on a larger disk, with everything that can be asked for, and
//! as an export that comes back. Read with tools that are not ours.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};

use harness::Scene;
use snf_image_testkit::disk::{self, Content, MIB, NewPartition, Table};
use snf_image_testkit::filesystem::{FileSystem, extract};
use snf_image_testkit::layout::Layout;
use snf_image_testkit::loop_device::Loop;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree;

/// The cells of one file system, one after the other.
fn become_machines(file_system: FileSystem, layouts: &[Layout]) {
    let Some(scene) = Scene::set() else { return };
    let cell = scene.cell(file_system).unwrap();
    for layout in layouts {
        cell.becomes_a_machine(*layout);
    }
}

#[test]
fn an_ext4_becomes_a_machine_in_every_table() {
    use Layout::{Gpt, LargeSectors, Logical, Whole};
    become_machines(FileSystem::Ext4, &[Gpt, LargeSectors, Logical, Whole]);
}

#[test]
fn an_xfs_becomes_a_machine_in_every_table() {
    use Layout::{Gpt, LargeSectors, Logical, Whole};
    become_machines(FileSystem::Xfs, &[Gpt, LargeSectors, Logical, Whole]);
}

#[test]
fn a_btrfs_becomes_a_machine_in_every_table() {
    use Layout::{Gpt, LargeSectors, Logical, Whole};
    become_machines(FileSystem::Btrfs, &[Gpt, LargeSectors, Logical, Whole]);
}

#[test]
fn a_root_on_lvm_becomes_a_machine_in_every_table() {
    use Layout::{Gpt, Logical, Whole};
    become_machines(FileSystem::Lvm, &[Gpt, Logical, Whole]);
}

/// As installers of the Red Hat family lay it out.
#[test]
fn an_xfs_on_lvm_becomes_a_machine() {
    become_machines(FileSystem::XfsOnLvm, &[Layout::Gpt]);
}

#[test]
fn an_f2fs_is_refused_by_name_where_the_kernel_does_not_know_it() {
    let Some(scene) = Scene::set() else { return };
    let cell = scene.cell(FileSystem::F2fs).unwrap();
    let (image, _) = cell.image(Layout::Gpt).unwrap();
    let mut command = scene.deployment(&image, "disk", ["--hostname=vm"]);
    let words = [
        "holds f2fs, which the kernel of this helper",
        "HELPER_KERNEL",
    ];
    scene.fails(&mut command, 1, &words);
}

#[test]
fn an_f2fs_becomes_a_machine_in_every_table_where_the_kernel_knows_it() {
    let Some(scene) = Scene::set() else { return };
    let helper = scene.helper_with_kernel("linux-image-amd64").unwrap();
    scene.configure(&helper.setting()).unwrap();
    let cell = scene.cell(FileSystem::F2fs).unwrap();
    for layout in [Layout::Gpt, Layout::Logical, Layout::Whole] {
        cell.becomes_a_machine(layout);
    }
}

#[test]
fn what_grows_while_it_is_mounted_grows_on_import() {
    let Some(scene) = Scene::set() else { return };
    for file_system in [FileSystem::Xfs, FileSystem::Btrfs] {
        let cell = scene.cell(file_system).unwrap();
        cell.grows_on_import(Layout::Gpt);
    }
}

/// A volume group whose root is no plain volume, or that is not alone on its disk, is left as
/// it is, and this is said by name.
#[test]
fn a_group_whose_growth_would_be_a_guess_is_left_alone_by_name() {
    let Some(scene) = Scene::set() else { return };
    let directory = scene.path("tree");
    fs::create_dir(&directory).unwrap();
    tree::debian(&directory).unwrap();
    let content = scene.path("content");
    FileSystem::Lvm
        .make(&content, 64, &directory, tree::ROOT_UUID)
        .unwrap();
    // A second physical volume in the same group, on a partition before it.
    let second = scene.path("second");
    File::create(&second).unwrap().set_len(32 * MIB).unwrap();
    let (first, other) = (Loop::over(&content).unwrap(), Loop::over(&second).unwrap());
    other.lvm_with(&first, "pvcreate", &[other.name()]).unwrap();
    other
        .lvm_with(&first, "vgextend", &["vg0", other.name()])
        .unwrap();
    drop((first, other));
    let image = scene.path("image");
    let partitions = [
        NewPartition::new(2, 1, 32, Content::File(second)),
        NewPartition::new(1, 33, 64, Content::File(content)),
    ];
    disk::make(&image, 98, Table::Gpt, &partitions).unwrap();
    let arguments = ["--size=200M", "--hostname=vm", "--json"];
    let outcome = scene.deploy(&image, "disk", arguments).unwrap();
    let said = &outcome.succeeded().stdout;
    assert!(said.contains("vg0 has 2 physical volumes"), "{said}");
    let (disk, result) = (scene.path("disk"), scene.path("result"));
    extract(&disk, 33 * MIB, 64 * MIB, &result).unwrap();
    assert_eq!(FileSystem::Lvm.problems(&result).unwrap(), "");
    let hostname = FileSystem::Lvm.text(&result, "/etc/hostname").unwrap();
    assert_eq!(hostname, "vm\n");
}

/// A thin volume `root` and its pool, in the text of LVM's metadata: lvcreate(8) makes none without
/// a kernel that knows them.
const THIN: &str = r#"
logical_volumes {
    root { id = "1qfY8r-D24U-cdBA-Ax29-dP7H-MKX5-PQqHyN" status = ["READ", "WRITE", "VISIBLE"] segment_count = 1
        segment1 { start_extent = 0 extent_count = 10 type = "thin" thin_pool = "pool"
            transaction_id = 0 device_id = 1 } }
    pool { id = "2qfY8r-D24U-cdBA-Ax29-dP7H-MKX5-PQqHyN" status = ["READ", "WRITE", "VISIBLE"] segment_count = 1
        segment1 { start_extent = 0 extent_count = 10 type = "thin-pool" metadata = "pool_tmeta"
            pool = "pool_tdata" transaction_id = 1 chunk_size = 128 } }
    pool_tmeta { id = "3qfY8r-D24U-cdBA-Ax29-dP7H-MKX5-PQqHyN" status = ["READ", "WRITE"] segment_count = 1
        segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 0] } }
    pool_tdata { id = "4qfY8r-D24U-cdBA-Ax29-dP7H-MKX5-PQqHyN" status = ["READ", "WRITE"] segment_count = 1
        segment1 { start_extent = 0 extent_count = 10 type = "striped" stripe_count = 1 stripes = ["pv0", 1] } }
}
"#;

#[test]
fn a_root_on_a_thin_volume_is_refused_by_name_and_kind() {
    let Some(scene) = Scene::set() else { return };
    let (content, metadata) = (scene.path("content"), scene.path("metadata"));
    File::create(&content).unwrap().set_len(64 * MIB).unwrap();
    let device = Loop::over(&content).unwrap();
    let file = metadata.to_str().unwrap();
    for (command, arguments) in [
        ("pvcreate", &[device.name()][..]),
        ("vgcreate", &["vg0", device.name()]),
        ("vgcfgbackup", &["--file", file, "vg0"]),
    ] {
        device.lvm(command, arguments).unwrap();
    }
    let text = fs::read_to_string(&metadata).unwrap();
    let (group, end) = text.rsplit_once('}').unwrap();
    fs::write(&metadata, format!("{group}{THIN}}}{end}")).unwrap();
    device
        .lvm("vgcfgrestore", &["--force", "--file", file, "vg0"])
        .unwrap();
    drop(device);
    let image = scene.path("image");
    Layout::Gpt.make(&image, &content, 64).unwrap();
    let mut command = scene.deployment(&image, "disk", ["--hostname=vm"]);
    let words = ["none of its volumes is the root", "vg0/root: thin,sparse"];
    scene.fails(&mut command, 1, &words);
}

/// A script on two devices that mounts where nobody else sees it.
fn aside(script: &str, devices: [&Loop; 2]) -> Tool {
    let arguments = ["--mount", "sh", "-c", script, "sh"];
    let names = devices.map(Loop::name);
    Tool::new("unshare").args(arguments).args(names)
}

/// Debian's own layout: the root in a subvolume that is not the default one, and here on two
/// devices of which the last grows.
#[test]
fn a_btrfs_of_two_devices_with_its_root_in_a_subvolume_grows() {
    let Some(scene) = Scene::set() else { return };
    let directory = scene.path("tree");
    fs::create_dir(&directory).unwrap();
    tree::debian(&directory).unwrap();
    let names = ["one", "two"].map(|name| scene.path(name));
    for name in &names {
        File::create(name).unwrap().set_len(128 * MIB).unwrap();
    }
    let [first, second] = names.each_ref().map(|name| Loop::over(name).unwrap());
    let script = "mkfs.btrfs -q -f -U \"$4\" -d single -m raid1 \"$1\" \"$2\" && \
                  mount -t btrfs -o \"device=$1,device=$2\" \"$1\" /mnt && \
                  btrfs -q subvolume create /mnt/@rootfs && cp -a \"$3\"/. /mnt/@rootfs/ && \
                  umount /mnt && btrfs device scan --forget";
    aside(script, [&first, &second])
        .arg(&directory)
        // The kernel remembers the devices of each file system that it has seen.
        .arg(tree::random_uuid().unwrap())
        .run()
        .unwrap();
    drop((first, second));
    let image = scene.path("image");
    let partitions = [
        NewPartition::new(1, 1, 128, Content::File(names[0].clone())),
        NewPartition::new(2, 129, 128, Content::File(names[1].clone())),
    ];
    disk::make(&image, 258, Table::Gpt, &partitions).unwrap();
    let arguments = ["--size=400M", "--hostname=vm"];
    scene.deploy(&image, "disk", arguments).unwrap().succeeded();
    let disk = scene.path("disk");
    extract(&disk, MIB, 128 * MIB, &names[0]).unwrap();
    extract(&disk, 129 * MIB, 270 * MIB, &names[1]).unwrap();
    let [first, second] = names.each_ref().map(|name| Loop::over(name).unwrap());
    let script = "btrfs device scan \"$1\" \"$2\" >/dev/null && btrfs check --readonly \"$1\" >&2 && \
                  mount -t btrfs -o \"ro,device=$1,device=$2,subvol=@rootfs\" \"$1\" /mnt && \
                  cat /mnt/etc/hostname && btrfs filesystem show --raw /mnt && \
                  umount /mnt && btrfs device scan --forget";
    let said = aside(script, [&first, &second]).run().unwrap();
    assert!(said.starts_with("vm\n"), "{said}");
    let size = format!("size {}", 270 * MIB);
    assert!(said.contains(&size), "{size} is not in {said}");
}
