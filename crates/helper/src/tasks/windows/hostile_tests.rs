//! Windows volumes that were made to harm or to confuse, mounted as the helper mounts them: each is
//! changed cleanly or refused in words, soon, and nothing outside of it is touched.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use snf_image_protocol::{Parameters, Properties};
use snf_image_testkit::ntfs::reparse::{self, Reparse};
use snf_image_testkit::{ntfs, windows};

use super::kinds_tests::{all_on_ntfs, asked};
use crate::disk::detect::mount_windows;
use crate::disk::mount::{Access, unmount_all};
use crate::guest::testing::Image;
use crate::guest::windows::registry::Hive;
use crate::guest::windows::system::SYSTEM;
use crate::run::testing::apart;

/// How long one may keep the helper busy.
const SOON: Duration = Duration::from_secs(20);
/// What is said of a link that is no way to write.
const NOWHERE: &str = "leads nowhere";

/// A volume that is as it should be; others are made from it.
struct Sound {
    directory: tempfile::TempDir,
}

impl Sound {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        windows::plant(windows::SERVER_2022, &tree).unwrap();
        ntfs::make(&directory.path().join("sound"), 32, &tree).unwrap();
        Sound { directory }
    }

    fn copy(&self) -> PathBuf {
        let copy = self.directory.path().join("volume");
        fs::copy(self.directory.path().join("sound"), &copy).unwrap();
        copy
    }

    /// One that is changed by commands.
    fn changed(&self, commands: &str) -> PathBuf {
        let volume = self.copy();
        let commands = format!("set -e; {commands}");
        ntfs::change(&volume, &commands, Path::new("/")).unwrap();
        volume
    }

    /// One with reparse points.
    fn with(&self, points: &[(&str, Reparse)]) -> PathBuf {
        let volume = self.copy();
        reparse::put(&volume, points).unwrap();
        volume
    }
}

/// Deploys as far as the volume allows it; what is refused is said.
fn deploy(volume: &Path, parameters: &Parameters) -> Result<(), String> {
    let begin = Instant::now();
    let image = Image::empty();
    let target = image.path("/");
    let done = apart(|| {
        let windows = mount_windows(volume, &target, Access::Write, |root| {
            Hive::replay(root, SYSTEM).map(drop)
        });
        let done = match windows {
            Ok(Some(_)) => image.run(all_on_ntfs, parameters).0.map(drop),
            Ok(None) => return Err("no Windows".to_owned()),
            Err(error) => Err(error),
        };
        let unmounted = unmount_all(&target);
        done.and(unmounted).map_err(|error| error.to_string())
    });
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    assert_eq!(ntfs::problems(volume).unwrap(), "");
    done
}

fn text(volume: &Path, file: &str) -> String {
    String::from_utf8_lossy(&ntfs::read(volume, file).unwrap()).into_owned()
}

#[test]
fn links_in_place_of_what_is_written_lead_nowhere_outside() {
    let sound = Sound::new();
    let panther = "Windows/Panther";
    for (name, point) in [
        (panther, Reparse::Junction("C:\\Other\\")),
        (panther, Reparse::Junction("C:\\..\\..\\beside\\outside\\")),
        (panther, Reparse::Junction("C:\\Windows\\Panther\\")),
        (panther, Reparse::Junction("UNC\\server\\share")),
        (
            panther,
            Reparse::Junction("Volume{01234567-0123-0123-0123-0123456789ab}\\"),
        ),
        (panther, Reparse::Link("..\\..\\..\\..\\beside\\outside")),
        (panther, Reparse::Wsl("/beside/outside/new")),
        ("Windows/Setup", Reparse::Wsl("../../../beside/outside/new")),
        (
            "Windows/Panther/Unattend.xml",
            Reparse::Wsl("/beside/outside/hostname"),
        ),
        ("Windows/Panther/Unattend.xml", Reparse::Compressed),
        (
            "Windows/Setup/Scripts/SetupComplete.cmd",
            Reparse::Compressed,
        ),
    ] {
        let volume = sound.changed("mkdir -p Other Windows/Setup/Scripts");
        reparse::put(&volume, &[(name, point)]).unwrap();
        let refused = deploy(&volume, &asked()).unwrap_err();
        assert!(refused.contains(NOWHERE), "{name} {point:?}: {refused}");
    }
    for (name, point) in [
        ("Windows", Reparse::Junction("C:\\Windows\\")),
        ("Windows/System32/config", Reparse::Wsl("/beside/outside")),
        ("Windows/System32/config/SYSTEM", Reparse::Compressed),
    ] {
        let volume = sound.with(&[(name, point)]);
        let refused = deploy(&volume, &asked()).unwrap_err();
        assert_eq!(refused, "no Windows", "{name} {point:?}");
    }
}

#[test]
fn links_that_stay_on_the_volume_are_followed_and_circles_end() {
    let sound = Sound::new();
    let volume = sound.changed("mkdir Other");
    reparse::put(&volume, &[("Windows/Panther", Reparse::Wsl("../Other"))]).unwrap();
    deploy(&volume, &asked()).unwrap();
    let file = text(&volume, "Other/Unattend.xml");
    assert!(file.contains("<ComputerName>vm1</ComputerName>"), "{file}");

    let volume = sound.with(&[
        ("Windows/Panther", Reparse::Wsl("Circle")),
        ("Windows/Circle", Reparse::Wsl("Panther")),
    ]);
    let refused = deploy(&volume, &asked()).unwrap_err();
    assert!(refused.contains("Too many levels"), "{refused}");
}

#[test]
fn an_answer_file_that_only_windows_reads_gives_way_where_that_is_asked_for() {
    let sound = Sound::new();
    let name = "Windows/Panther/Unattend.xml";
    let volume = sound.with(&[(name, Reparse::Compressed)]);
    let refused = deploy(&volume, &asked()).unwrap_err();
    assert!(refused.contains("IGNORE_UNATTEND"), "{refused}");
    let ignoring = [("IGNORE_UNATTEND".to_owned(), "yes".to_owned())];
    let parameters = Parameters {
        properties: Properties::new(ignoring).unwrap(),
        ..asked()
    };
    deploy(&volume, &parameters).unwrap();
    assert!(text(&volume, name).contains("<ComputerName>vm1</ComputerName>"));
}

const OWN: &str = "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\"><settings \
                   pass=\"specialize\"/></unattend>";

#[test]
fn streams_links_and_compression_of_files_that_are_changed_are_kept() {
    let sound = Sound::new();
    let compressed = "system.ntfs_attrib_be"; // 0x800 of winnt.h: compressed.
    let volume = sound.changed(&format!(
        "python3 -c 'import os; os.setxattr(\"Windows/System32/config\", \"{compressed}\", \
         bytes([0, 0, 8, 0])); os.setxattr(\"Windows/Panther\", \"{compressed}\", bytes([0, 0, 8, 0]))'
         for hive in SYSTEM SOFTWARE; do
             cp Windows/System32/config/$hive new; rm Windows/System32/config/$hive
             cp new Windows/System32/config/$hive; rm new
         done
         printf '{OWN}' > Windows/Panther/Unattend.xml
         printf kept > Windows/Panther/Unattend.xml:Zone.Identifier
         ln Windows/Panther/Unattend.xml Users/second.xml
         mkdir -p Windows/Setup/Scripts; printf 'echo own\\r\\n' > Windows/Setup/Scripts/SetupComplete.cmd
         printf kept > Windows/Setup/Scripts/SetupComplete.cmd:own"
    ));
    deploy(&volume, &asked()).unwrap();
    let file = text(&volume, "Windows/Panther/Unattend.xml");
    assert!(file.contains("<ComputerName>vm1</ComputerName>"), "{file}");
    assert_eq!(text(&volume, "Users/second.xml"), file);
    let stream = |file, name| ntfs::stream(&volume, file, name).unwrap();
    let zone = stream("Windows/Panther/Unattend.xml", "Zone.Identifier");
    assert_eq!(zone, b"kept");
    let script = "Windows/Setup/Scripts/SetupComplete.cmd";
    assert_eq!(stream(script, "own"), b"kept");
    assert!(text(&volume, script).ends_with("echo own\r\n"));
    let hive = sound.directory.path().join("SYSTEM");
    fs::write(
        &hive,
        ntfs::read(&volume, "Windows/System32/config/SYSTEM").unwrap(),
    )
    .unwrap();
    let keys = snf_image_testkit::hive::export(&hive).unwrap();
    let values = &keys["\\ControlSet001\\Control\\Terminal Server"];
    assert!(values.contains(&"\"fDenyTSConnections\"=dword:00000001".to_owned()));
}

#[test]
fn files_of_a_tebibyte_are_read_no_further_than_is_needed() {
    let sound = Sound::new();
    let system = "Windows/System32/config/SYSTEM";
    // A hive, with a hole behind it.
    let volume = sound.changed(&format!("truncate -s 1T {system}"));
    deploy(&volume, &asked()).unwrap();
    for (commands, words) in [
        (
            format!("truncate -s 0 {system}; truncate -s 1T {system}"),
            "is no registry hive",
        ),
        (
            format!("truncate -s 0 {system}; printf regf > {system}; truncate -s 1T {system}"),
            "is no registry hive",
        ),
        (
            "truncate -s 1T Windows/Panther/Unattend.xml".to_owned(),
            "larger than",
        ),
        (
            "mkdir -p Windows/Setup/Scripts; truncate -s 1T Windows/Setup/Scripts/SetupComplete.cmd"
                .to_owned(),
            "larger than",
        ),
    ] {
        let refused = deploy(&sound.changed(&commands), &asked()).unwrap_err();
        assert!(refused.contains(words), "{commands}: {refused}");
    }
}

#[test]
fn other_things_in_place_of_files_and_directories_are_refused() {
    let sound = Sound::new();
    let script = "Windows/Setup/Scripts/SetupComplete.cmd";
    for (commands, words) in [
        (
            "rm -r Windows/Panther; echo > Windows/Panther",
            "not a directory",
        ),
        ("echo > Windows/Setup", "not a directory"),
        ("mkdir Windows/Panther/Unattend.xml", "not a regular file"),
        ("mkfifo Windows/Panther/Unattend.xml", "not a regular file"),
        (
            "mknod Windows/Panther/Unattend.xml b 8 0",
            "not a regular file",
        ),
        (&format!("mkdir -p {script}"), "not a regular file"),
        (
            "rm Windows/System32/config/SOFTWARE; mkdir Windows/System32/config/SOFTWARE",
            "not a regular file",
        ),
    ] {
        let refused = deploy(&sound.changed(commands), &asked()).unwrap_err();
        assert!(refused.contains(words), "{commands}: {refused}");
    }
}

#[test]
fn names_that_differ_only_by_case_are_taken_for_one() {
    let sound = Sound::new();
    let refused = deploy(&sound.changed("mkdir WINDOWS"), &asked());
    assert_eq!(refused.unwrap_err(), "no Windows");
    // The same twice: one of them is changed, the other is as it was.
    let volume = sound.changed("cp -r Windows WINDOWS");
    deploy(&volume, &asked()).unwrap();
    let files = ntfs::files(&volume).unwrap();
    let has = |top| files.contains_key(&format!("{top}/Panther/Unattend.xml"));
    assert!(has("WINDOWS") != has("Windows"));

    let volume = sound.changed(&format!(
        "printf '{OWN}' > Windows/Panther/UNATTEND.XML; printf '{OWN}' > Windows/Panther/Unattend.xml"
    ));
    deploy(&volume, &asked()).unwrap();
    let files = ntfs::files(&volume).unwrap();
    assert!(files["Windows/Panther/UNATTEND.XML"] != files["Windows/Panther/Unattend.xml"]);
}

#[test]
fn directories_with_very_many_names_are_searched_and_not_listed() {
    let sound = Sound::new();
    let volume = sound.changed(
        "mkdir -p Windows/Setup/Scripts/snf-image; cd Windows/Panther; \
         seq -f 'Unattend-%g.xml' 3000 | xargs touch; cd ../Setup/Scripts/snf-image; \
         seq -f '%g-none.ps1' 3000 | xargs touch",
    );
    deploy(&volume, &asked()).unwrap();
}
