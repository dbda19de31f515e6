//! Phony Windows images through the real helper VM, read back with tools that are not ours.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::Scene;
use snf_image_testkit::disk::{self, Content, MIB, NewPartition, Table, gpt_problems};
use snf_image_testkit::filesystem::extract;
use snf_image_testkit::ntfs::circle;
use snf_image_testkit::ntfs::journal::{self, Journal};
use snf_image_testkit::tool::Tool;
use snf_image_testkit::windows::{
    self, CONFIG, Edition, SERVER_2008_R2, SERVER_2022, WINDOWS_7, WINDOWS_11_ARM, XP,
};
use snf_image_testkit::{hive, ntfs};

mod cloudbase_init;
mod kinds;
mod virtio;

/// The type of a partition of Windows in a GPT.
const BASIC_DATA: &str = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7";
/// The type of a recovery partition in a GPT.
const RECOVERY: &str = "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC";
/// The size of the NTFS of an image, in MiB.
const SIZE: u64 = 48;
/// Where the partition of a dump begins on its disk, in bytes.
const START: usize = 1 << 20;

/// An NTFS with a Windows in a file.
fn volume(scene: &Scene, edition: Edition) -> PathBuf {
    changed(scene, edition, |_| {})
}

/// The same, changed before it is put there.
fn changed(scene: &Scene, edition: Edition, change: impl FnOnce(&Path)) -> PathBuf {
    let tree = scene.path("tree");
    windows::plant(edition, &tree).unwrap();
    change(&tree);
    let volume = scene.path("volume");
    ntfs::make(&volume, SIZE, &tree).unwrap();
    fs::remove_dir_all(tree).unwrap();
    volume
}

fn partition(number: u32, start: u64, size: u64, kind: &str, content: Content) -> NewPartition {
    let kind = kind.to_owned();
    NewPartition {
        kind,
        ..NewPartition::new(number, start, size, content)
    }
}

/// A disk as Windows makes it: system partition, reserved partition, C:.
fn gpt(scene: &Scene, volume: &Path) -> PathBuf {
    let image = scene.path("image");
    let reserved = "E3C9E316-0B5C-4DB8-817D-F92DF00215AE";
    let partitions = [
        partition(1, 1, 16, "uefi", Content::Fat("12345678".into())),
        partition(2, 17, 1, reserved, Content::Empty),
        partition(3, 18, SIZE, BASIC_DATA, Content::File(volume.into())),
    ];
    disk::make(&image, SIZE + 20, Table::Gpt, &partitions).unwrap();
    image
}

/// The last partition of a disk in a file.
fn last(scene: &Scene, disk: &str) -> PathBuf {
    let disk = scene.path(disk);
    let partition = disk::last_partition(&disk).unwrap();
    let result = scene.path("result");
    extract(&disk, partition.offset(), partition.size * 512, &result).unwrap();
    result
}

/// The files that are new or others than before, but for the registry; none is gone.
fn changed_files(before: &Path, after: &Path) -> Vec<String> {
    let (before, after) = (ntfs::files(before).unwrap(), ntfs::files(after).unwrap());
    assert!(before.keys().all(|name| after.contains_key(name)));
    after
        .into_iter()
        .filter(|(name, digest)| before.get(name) != Some(digest) && !name.starts_with(CONFIG))
        .map(|(name, _)| name)
        .collect()
}

/// A hive of a volume, as hivexregedit exports it.
fn exported(scene: &Scene, volume: &Path, name: &str) -> hive::Export {
    let hive = scene.path(name);
    let content = ntfs::read(volume, &format!("{CONFIG}/{name}")).unwrap();
    fs::write(&hive, content).unwrap();
    hive::export(&hive).unwrap()
}

/// Of the registry nothing has changed but what keeps remote desktop off during setup.
fn registry_is_the_same_but_for_remote_desktop(scene: &Scene, before: &Path, after: &Path) {
    for name in ["SOFTWARE", "SYSTEM"] {
        let [old, new] = [before, after].map(|volume| exported(scene, volume, name));
        let lines = hive::difference(&old, &new);
        let is_expected = |line: &String| line.contains("\"fDenyTSConnections\"=");
        assert!(lines.iter().all(is_expected), "{lines:?}");
    }
}

#[test]
fn a_windows_is_found_grown_and_given_files_and_nothing_else_changes() {
    let Some(scene) = Scene::set() else { return };
    let volume = volume(&scene, SERVER_2022);
    let image = gpt(&scene, &volume);
    let file = scene.write("file", "content\r\n").unwrap();
    let injection = format!(
        "--inject={}:/WINDOWS/system32/New Folder/A file.txt",
        file.display()
    );
    let outcome = scene
        .deploy(&image, "disk", ["--size=160M", "-v", &injection])
        .unwrap();
    outcome.succeeded();
    for words in [
        "windows on partition 3",
        "Windows Server 2022 Standard (10.0.20348, amd64, generalized)",
        "Windows checks it when it starts",
    ] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }

    assert_eq!(gpt_problems(&scene.path("disk")).unwrap(), "");
    let result = last(&scene, "disk");
    assert_eq!(ntfs::problems(&result).unwrap(), "");
    let (size, is_marked) = ntfs::state(&result).unwrap();
    assert!(size > 138 * MIB && is_marked, "{size}");
    let name = "Windows/System32/New Folder/A file.txt";
    assert_eq!(ntfs::read(&result, name).unwrap(), b"content\r\n");
    assert_eq!(
        changed_files(&volume, &result),
        [
            "Windows/Panther/Unattend.xml",
            "Windows/Setup/Scripts/SetupComplete.cmd",
            "Windows/Setup/Scripts/snf-image/90-remote-desktop.ps1",
            "Windows/Setup/Scripts/snf-image/first-boot.ps1",
            name,
        ]
    );
    registry_is_the_same_but_for_remote_desktop(&scene, &volume, &result);
    // What its directory passes on, as Windows would give it.
    let inherited = ntfs::security(&result, name).unwrap();
    let directory = ntfs::security(&result, "Windows").unwrap();
    // What is passed on to a file is not passed on any further.
    assert_eq!(inherited, directory.replace("00031400", "00001400"));
}

/// An MBR with the volume alone.
fn mbr(scene: &Scene, volume: &Path) -> PathBuf {
    let image = scene.path("image");
    let content = Content::File(volume.into());
    let partitions = [partition(1, 1, SIZE, "7", content)];
    disk::make(&image, SIZE + 2, Table::Mbr, &partitions).unwrap();
    image
}

/// Where the answer file of a deployment goes.
const ANSWER_FILE: &str = "Windows/Panther/Unattend.xml";
const KEY: &str = "ABCDE-12345-ABCDE-12345-ABCDE";

/// An answer file of an administrator, for two architectures.
fn answers() -> String {
    let component = |architecture| {
        format!(
            "<component name=\"Microsoft-Windows-Shell-Setup\" processorArchitecture=\"{architecture}\" \
             publicKeyToken=\"31bf3856ad364e35\" language=\"neutral\" versionScope=\"nonSxS\">\
             <ComputerName>*</ComputerName><RegisteredOwner>{architecture}</RegisteredOwner>\
             </component>"
        )
    };
    let both = ["x86", "arm64"].map(component).concat();
    format!(
        "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\"><settings pass=\"specialize\">{both}\
         </settings></unattend>\n"
    )
}

/// What an element of the answer file says for an architecture.
fn answer(scene: &Scene, volume: &Path, architecture: &str, element: &str) -> String {
    let file = scene.path("answer file");
    fs::write(&file, ntfs::read(volume, ANSWER_FILE).unwrap()).unwrap();
    let expression =
        format!("string(//*[@processorArchitecture='{architecture}']/*[local-name()='{element}'])");
    let said = Tool::new("xmllint")
        .args(["--xpath", &expression])
        .arg(file)
        .run();
    said.unwrap().trim_end().to_owned()
}

#[test]
fn a_windows_that_was_not_shut_down_is_mended_and_takes_the_answer_file_of_the_deployment() {
    let Some(scene) = Scene::set() else { return };
    let volume = changed(&scene, WINDOWS_7, |tree| {
        hive::interrupt(&tree.join(CONFIG).join("SYSTEM")).unwrap();
    });
    // A hive of a tebibyte, nearly all of it a hole.
    let commands = format!(
        "printf 'before the crash' > note.txt; truncate -s 1T {CONFIG}/SOFTWARE; \
         printf '<!DOCTYPE hostile>' > Unattend.xml"
    );
    ntfs::change(&volume, &commands, Path::new("/")).unwrap();
    Tool::new("ntfsfix").arg(&volume).run().unwrap();
    journal::leave(
        &volume,
        Journal::Committed,
        b"before the crash",
        b"after the replay",
    )
    .unwrap();
    let image = scene.path("image");
    let partitions = [partition(1, 1, SIZE, "7", Content::File(volume))];
    disk::make(&image, SIZE + 1, Table::Mbr, &partitions).unwrap();

    let answers = scene.write("answers", answers()).unwrap();
    let key = scene.write("key", KEY).unwrap();
    let arguments = [
        "--hostname=vm1.example.org".to_owned(),
        format!("--answer-file={}", answers.display()),
        format!("--product-key-file={}", key.display()),
        // ntfsresize touches none that is marked.
        "--property=OFFLINE_NTFSRESIZE=no".to_owned(),
        format!("--size={}M", SIZE + 33),
        "-v".to_owned(),
    ];
    let outcome = scene.deploy(&image, "disk", arguments).unwrap();
    outcome.succeeded();
    for words in [
        "Windows 7 Professional (6.1.7601, x86, generalized)",
        "left for Windows to grow",
        "the NTFS of partition 1 of the image is marked for a check",
        "config/SYSTEM of the image was being written when the machine stopped",
        "setup uses the answer file of this deployment",
    ] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    let result = last(&scene, "disk");
    // The partition has grown; ntfsfix looks for the end of the volume at the end of the file.
    let file = File::options().write(true).open(&result).unwrap();
    assert!(file.metadata().unwrap().len() > (SIZE + 30) * MIB);
    file.set_len(SIZE * MIB).unwrap();
    assert_eq!(ntfs::problems(&result).unwrap(), "");
    let (size, is_marked) = ntfs::state(&result).unwrap();
    assert!(is_marked && size <= SIZE * MIB, "{size}");
    let step = "Windows/Setup/Scripts/snf-image/05-volume.ps1";
    let step = String::from_utf8(ntfs::read(&result, step).unwrap()).unwrap();
    assert!(step.contains("'extend filesystem'"), "{step}");
    assert_eq!(
        ntfs::read(&result, "note.txt").unwrap(),
        b"after the replay"
    );
    assert!(ntfs::read(&result, "Unattend.xml").is_err());
    let system = scene.path("SYSTEM");
    let bytes = ntfs::read(&result, &format!("{CONFIG}/SYSTEM")).unwrap();
    fs::write(&system, bytes).unwrap();
    let keys = hive::export(&system).unwrap();
    let switch = "\"fDenyTSConnections\"=dword:00000001";
    assert!(keys[r"\ControlSet001\Control\Terminal Server"].contains(&switch.to_owned()));
    let said = |architecture, element| answer(&scene, &result, architecture, element);
    assert_eq!(said("x86", "ComputerName"), "vm1");
    assert_eq!(said("x86", "ProductKey"), KEY);
    assert_eq!(said("x86", "RegisteredOwner"), "x86");
    // What is for other processors is not for this machine.
    assert_eq!(said("arm64", "ComputerName"), "*");
    assert_eq!(said("arm64", "ProductKey"), "");
}

#[test]
fn the_answer_file_and_the_key_of_an_instance_get_into_its_windows() {
    let Some(scene) = Scene::set() else { return };
    let volume = volume(&scene, WINDOWS_11_ARM);
    gpt(&scene, &volume);
    scene.write("answers.xml", answers()).unwrap();
    scene.blank("disk", 96).unwrap();
    let outcome = scene
        .script("")
        .unwrap()
        .with_disks(&["disk"])
        .with_image()
        .with("OSP_OS_ANSWER_FILE", "answers.xml")
        .with("OSP_OS_PRODUCT_KEY", KEY)
        .run("create")
        .unwrap();
    outcome.succeeded();
    assert!(!outcome.stderr.contains(KEY), "{}", outcome.stderr);
    let result = last(&scene, "disk");
    assert_eq!(ntfs::problems(&result).unwrap(), "");
    let said = |architecture, element| answer(&scene, &result, architecture, element);
    assert_eq!(said("arm64", "ComputerName"), "inst1");
    assert_eq!(said("arm64", "ProductKey"), KEY);
    assert_eq!(said("x86", "ComputerName"), "*");
}

#[test]
fn a_server_of_2009_grows_in_its_master_boot_record() {
    let Some(scene) = Scene::set() else { return };
    let image = mbr(&scene, &volume(&scene, SERVER_2008_R2));
    let arguments = [
        "--size=96M",
        "-v",
        "--property=OFFLINE_NTFSRESIZE_NOCHECK=yes",
    ];
    let outcome = scene.deploy(&image, "disk", arguments).unwrap();
    outcome.succeeded();
    let words = "Windows Server 2008 R2 Standard (6.1.7601, amd64, generalized)";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    let result = last(&scene, "disk");
    assert_eq!(ntfs::problems(&result).unwrap(), "");
    let (size, is_marked) = ntfs::state(&result).unwrap();
    assert!(size > 92 * MIB && !is_marked, "{size}");
}

#[test]
fn a_dump_of_an_ntfs_becomes_a_disk_that_boots_from_its_own_boot_sector() {
    let Some(scene) = Scene::set() else { return };
    volume(&scene, SERVER_2008_R2);
    scene.blank("disk", 96).unwrap();
    let script = scene.script("").unwrap().with_disks(&["disk"]);
    let outcome = script
        .with("OSP_IMG_ID", "volume")
        .with("OSP_IMG_FORMAT", "ntfsdump")
        .run("create")
        .unwrap();
    outcome.succeeded();

    let disk = fs::read(scene.path("disk")).unwrap();
    let code = fs::read("/usr/lib/syslinux/mbr/mbr.bin").unwrap();
    assert!(
        disk.starts_with(&code) && disk[446] == 0x80,
        "the active one"
    );
    let table = disk::partitions(&scene.path("disk")).unwrap();
    assert_eq!(
        (table.len(), table[0].start, &*table[0].kind),
        (1, 2048, "7")
    );
    // What a boot sector of NTFS looks at: tracks, heads, and the sectors before it.
    assert_eq!(disk[START + 0x18..][..8], [63, 0, 255, 0, 0, 8, 0, 0]);
    let result = last(&scene, "disk");
    assert_eq!(ntfs::problems(&result).unwrap(), "");
    assert!(ntfs::state(&result).unwrap().0 > 92 * MIB);
    let answers = ntfs::read(&result, "Windows/Panther/Unattend.xml").unwrap();
    let answers = String::from_utf8(answers).unwrap();
    assert!(answers.contains("<ComputerName>inst1</"), "{answers}");
}

#[test]
fn a_windows_before_vista_is_told_by_its_name_and_can_be_deployed_as_it_is() {
    let Some(scene) = Scene::set() else { return };
    let image = mbr(&scene, &volume(&scene, XP));
    let refused = scene.deploy(&image, "disk", ["--size=96M"]).unwrap();
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("before Vista"),
        "{}",
        refused.stderr
    );
    let arguments = ["--size=96M", "-v", "--property=EXCLUDE_MOUNTED_TASKS=yes"];
    let outcome = scene.deploy(&image, "disk", arguments).unwrap();
    outcome.succeeded();
    let words = "windows-legacy on partition 1";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    assert!(ntfs::state(&last(&scene, "disk")).unwrap().0 > 92 * MIB);
}

#[test]
fn a_recovery_partition_behind_the_system_is_named_and_nothing_grows() {
    let Some(scene) = Scene::set() else { return };
    let volume = volume(&scene, SERVER_2022);
    let image = scene.path("image");
    let recovery = scene.path("recovery");
    fs::create_dir(scene.path("empty")).unwrap();
    ntfs::make(&recovery, 8, &scene.path("empty")).unwrap();
    let partitions = [
        partition(1, 1, SIZE, BASIC_DATA, Content::File(volume)),
        partition(2, SIZE + 1, 8, RECOVERY, Content::File(recovery)),
    ];
    disk::make(&image, SIZE + 10, Table::Gpt, &partitions).unwrap();
    let outcome = scene.deploy(&image, "disk", ["--size=160M", "-v"]).unwrap();
    outcome.succeeded();
    assert!(
        outcome
            .stderr
            .contains("is the recovery partition of Windows"),
        "{}",
        outcome.stderr
    );
    let (old, new) = (
        disk::partitions(&image).unwrap(),
        disk::partitions(&scene.path("disk")).unwrap(),
    );
    assert_eq!((old[0].size, old[1].start), (new[0].size, new[1].start));
}

#[test]
fn a_windows_that_must_not_be_touched_is_refused_by_name() {
    let Some(scene) = Scene::set() else { return };
    let volume = volume(&scene, SERVER_2022);

    let hibernated = scene.path("hibernated");
    fs::copy(&volume, &hibernated).unwrap();
    let commands = "printf hibr > hiberfil.sys && head -c 8188 /dev/zero >> hiberfil.sys";
    ntfs::change(&hibernated, commands, Path::new("/")).unwrap();

    let encrypted = scene.path("encrypted");
    fs::copy(&volume, &encrypted).unwrap();
    let file = File::options().write(true).open(&encrypted).unwrap();
    file.write_all_at(b"-FVE-FS-", 3).unwrap();

    for (volume, words) in [
        (hibernated, ["partition 3", "hibernated"]),
        (encrypted, ["3: BitLocker", "OSFAMILY"]),
    ] {
        let image = gpt(&scene, &volume);
        let outcome = scene.deploy(&image, "disk", Vec::<String>::new()).unwrap();
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        for word in words {
            assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
        }
    }
}

#[test]
#[ignore = "two programs go round and round for a minute each: cargo xtask test --slow"]
fn a_windows_in_which_one_goes_round_and_round_is_refused_after_a_minute() {
    let Some(scene) = Scene::set() else { return };
    let volume = changed(&scene, SERVER_2022, |tree| {
        fs::write(tree.join("note.txt"), "before the crash").unwrap();
        for number in 0..400 {
            let name = format!("a name {number:03}.txt");
            fs::write(tree.join(CONFIG).join(name), "").unwrap();
        }
    });
    let circle = scene.path("circle");
    fs::copy(&volume, &circle).unwrap();
    circle::close(&circle).unwrap();
    journal::leave(
        &volume,
        Journal::Endless,
        b"before the crash",
        b"after the replay",
    )
    .unwrap();
    for (volume, words) in [
        (
            circle,
            ["driver of NTFS ended while it was in use", "chkdsk"],
        ),
        (
            volume,
            ["what its journal holds cannot be applied", "partition 3"],
        ),
    ] {
        let image = gpt(&scene, &volume);
        let begin = Instant::now();
        let outcome = scene.deploy(&image, "disk", Vec::<String>::new()).unwrap();
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        for word in words {
            assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
        }
        assert!(begin.elapsed() < Duration::from_secs(110));
    }
}
