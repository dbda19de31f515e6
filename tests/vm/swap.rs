//! Swap space that is asked for, and swap space that is in the way of a disk that grows.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use harness::Scene;
use snf_image_testkit::disk::{self, Content, MIB, NewPartition, Partition, Table};
use snf_image_testkit::ext::Ext;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree::{self, ROOT_UUID};

const SWAP_ID: &str = "0a1b2c3d-1111-4222-8333-444455556666";

fn root(scene: &Scene, number: u32, start: u64, size: u64) -> NewPartition {
    let directory = scene.path("tree");
    fs::create_dir(&directory).unwrap();
    tree::debian(&directory).unwrap();
    let content = Content::Ext {
        kind: "ext4",
        uuid: ROOT_UUID.to_owned(),
        tree: directory,
    };
    NewPartition::new(number, start, size, content)
}

/// Puts swap space with a name at so many MiB of an image.
fn make_swap(scene: &Scene, image: &Path, start: u64, mib: u64) {
    let made = scene.path("swap");
    File::create(&made).unwrap().set_len(mib * MIB).unwrap();
    let mkswap = Tool::new("mkswap").args(["-U", SWAP_ID, "-L", "the-swap"]);
    mkswap.arg(&made).run().unwrap();
    let image = File::options().write(true).open(image).unwrap();
    let bytes = fs::read(made).unwrap();
    image.write_all_at(&bytes, start * MIB).unwrap();
}

/// What blkid(8) finds in a partition.
fn found(disk: &Path, partition: &Partition) -> String {
    let offset = partition.offset().to_string();
    let blkid = Tool::new("blkid").args(["-p", "-o", "export", "-O", &offset]);
    blkid.arg(disk).run().unwrap()
}

/// The partition of a number.
fn partition(disk: &Path, number: u32) -> Partition {
    let node = format!("{}{number}", disk.display());
    let mut all = disk::partitions(disk).unwrap().into_iter();
    all.find(|partition| partition.node == node).unwrap()
}

fn check(disk: &Path, root: &Partition) -> Ext {
    let root = Ext::at(disk, root.offset());
    assert_eq!(root.problems().unwrap(), "");
    root
}

#[test]
fn swap_space_that_is_asked_for_is_made_and_named_in_fstab() {
    let Some(scene) = Scene::set() else { return };
    let image: PathBuf = scene.small_image(tree::debian).unwrap();
    let arguments = ["--size=160M", "--property=SWAP=3:32"];
    scene.deploy(&image, "disk", arguments).unwrap().succeeded();
    let disk = scene.path("disk");
    assert_eq!(disk::gpt_problems(&disk).unwrap(), "");
    let swap = partition(&disk, 3);
    assert_eq!((swap.size, swap.name.as_deref()), (32 * 2048, Some("swap")));
    let said = found(&disk, &swap);
    assert!(said.contains("TYPE=swap"), "{said}");
    let uuid = said.lines().find_map(|line| line.strip_prefix("UUID="));
    let line = format!("UUID={} none swap sw 0 0\n", uuid.unwrap());
    let first = partition(&disk, 1);
    let root = check(&disk, &first);
    assert!(root.text("/etc/fstab").unwrap().ends_with(&line));
    // The root has all the rest.
    assert_eq!(first.start + first.size, swap.start);
    assert_eq!(root.size().unwrap(), first.size * 512);

    // The same once more, over what is there.
    let again = ["--property=SWAP=3:32"];
    scene
        .deploy(Path::new("null"), "disk", again)
        .unwrap()
        .succeeded();
    assert_eq!(found(&disk, &swap), said);
    assert_eq!(partition(&disk, 1), first);
    let fstab = check(&disk, &first).text("/etc/fstab").unwrap();
    assert_eq!(fstab.matches("swap").count(), 1, "{fstab}");

    let mut absent = scene.deployment(&image, "other", ["--property=SWAP=b"]);
    scene.fails(&mut absent, 2, &["SWAP=b", "names disk 2"]);
    let mut large = scene.deployment(&image, "other", ["--size=160M", "--property=SWAP=3:500"]);
    scene.fails(&mut large, 1, &["SWAP=3:500", "MiB are free"]);
}

#[test]
fn swap_space_in_the_way_of_growth_moves_and_keeps_its_names() {
    let Some(scene) = Scene::set() else { return };
    // As Debian's installer leaves a disk.
    let image = scene.path("image");
    let mut first = root(&scene, 1, 1, 60);
    first.kind = "83".into();
    first.extra = "bootable".into();
    let mut extended = NewPartition::new(2, 62, 17, Content::Empty);
    extended.kind = "extended".into();
    let mut swap = NewPartition::new(5, 63, 16, Content::Empty);
    swap.kind = "82".into();
    disk::make(&image, 80, Table::Mbr, &[first, extended, swap]).unwrap();
    make_swap(&scene, &image, 63, 16);
    let outcome = scene
        .deploy(&image, "disk", ["--size=160M", "--json"])
        .unwrap();
    let said = &outcome.succeeded().stdout;
    assert!(said.contains("was moved to the end of the disk"), "{said}");
    let disk = scene.path("disk");
    let swap = partition(&disk, 5);
    assert_eq!((swap.start, swap.size), (144 * 2048, 16 * 2048));
    let said = found(&disk, &swap);
    assert!(said.contains(&format!("UUID={SWAP_ID}\n")), "{said}");
    assert!(said.contains("LABEL=the-swap\n"), "{said}");
    let first = partition(&disk, 1);
    assert_eq!(first.start + first.size, 143 * 2048);
    assert_eq!(check(&disk, &first).size().unwrap(), first.size * 512);
    Tool::new("sfdisk")
        .args(["--verify", "--quiet"])
        .arg(&disk)
        .run()
        .unwrap();
}
