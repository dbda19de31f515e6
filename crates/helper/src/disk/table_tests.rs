use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::run::testing::{image, resize, tool};

fn read(mib: u64, script: &str) -> Table {
    let directory = tempfile::tempdir().unwrap();
    Table::read(&image(directory.path(), mib, script)).unwrap().unwrap()
}

fn overwrite(path: &PathBuf, offset: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

const GPT: &str = "label: gpt\nstart=2048, size=2048, type=uefi\nsize=4096, name=\"my root\"\n";

#[test]
fn a_gpt_gives_types_ids_and_names() {
    let table = read(16, GPT);
    assert_eq!((table.label, table.sector_size, table.damaged), (Label::Gpt, 512, false));
    assert_eq!(table.partition(1).unwrap().kind, "C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
    assert_eq!(table.partition(2).unwrap().start, 4096);
    assert_eq!(table.partition(1).unwrap().part_uuid.len(), 36);
    assert_eq!(table.numbers(), "1, 2");
}

#[test]
fn an_mbr_gives_part_uuids_as_the_kernel_does() {
    let table = read(16, "label: dos\nlabel-id: 0xabc\nsize=1MiB, type=c\n");
    let partition = table.partition(1).unwrap();
    assert_eq!(partition.part_uuid, "00000abc-01");
    assert_eq!(partition.kind, "0C");
}

#[test]
fn the_last_partition_is_last_by_position() {
    // Cloud images put their boot partitions 14 and 15 before partition 1.
    let script = "label: gpt\nimage14 : start=2048, size=2048\nimage15 : start=4096, \
                  size=2048\nimage1 : start=8192, size=2048\n";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image");
    let script = script.replace("image", path.to_str().unwrap());
    let table = Table::read(&image(directory.path(), 16, &script)).unwrap().unwrap();
    assert_eq!(table.last().unwrap().partition.number, 1);
    assert_eq!(table.partitions.len(), 3);
}

#[test]
fn a_logical_partition_grows_with_the_extended_one() {
    let table = read(
        32,
        "label: dos\nsize=2MiB\nstart=6144, size=20MiB, type=5\nstart=8192, size=2MiB, type=83\n\
         start=14336, size=2MiB, type=83\n",
    );
    let last = table.last().unwrap();
    assert_eq!(last.extended.unwrap().number, 2);
    assert!(last.partition.number > 4, "{last:?}");
}

#[test]
fn a_primary_partition_behind_the_extended_one_is_last() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image");
    let name = path.to_str().unwrap();
    let script = format!(
        "label: dos\n{name}1 : start=2048, size=2048\n{name}2 : start=4096, size=8192, type=5\n\
         {name}3 : start=16384, size=2048\n{name}5 : start=6144, size=2048\n"
    );
    let table = Table::read(&image(directory.path(), 16, &script)).unwrap().unwrap();
    let last = table.last().unwrap();
    assert_eq!((last.partition.number, last.extended), (3, None));
}

#[test]
fn an_empty_extended_partition_at_the_end_leaves_nothing_to_grow() {
    let table = read(16, "label: dos\nsize=1MiB\nsize=4MiB, type=5\n");
    assert_eq!(table.last(), None);
}

#[test]
fn a_disk_without_table_has_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("empty");
    resize(&path, 16 << 20);
    assert_eq!(Table::read(&path).unwrap(), None);
    tool("mkfs.fat", &["-F", "16"], &path);
    assert_eq!(Table::read(&path).unwrap(), None);
    resize(&path, 100);
    assert_eq!(Table::read(&path).unwrap(), None);
}

#[test]
fn a_broken_primary_gpt_is_told_and_the_backup_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = image(directory.path(), 16, GPT);
    overwrite(&path, 512 + 16, b"junk");
    let table = Table::read(&path).unwrap().unwrap();
    assert!(table.damaged);
    assert_eq!(table.partitions.len(), 2);
}

#[test]
fn a_gpt_broken_at_both_ends_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = image(directory.path(), 16, GPT);
    for signature in [&b"EFI PART"[..], b"EFI JUNK"] {
        overwrite(&path, 512, signature);
        overwrite(&path, 512 + 16, b"junk");
        overwrite(&path, (16 << 20) - 512 + 16, b"junk");
        let error = Table::read(&path).unwrap_err().to_string();
        assert!(error.starts_with("corrupt GPT: "), "{error}");
    }
}

#[test]
fn an_image_cut_short_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = image(directory.path(), 64, "label: dos\nsize=40MiB\n");
    resize(&path, 20 << 20);
    let error = Table::read(&path).unwrap_err().to_string();
    assert!(error.contains("the image is incomplete"), "{error}");
}

#[test]
fn a_table_of_another_kind_is_refused_by_name() {
    let json = br#"{"partitiontable":{"label":"sun","id":"0x0","sectorsize":512}}"#;
    let error = Table::parse(json, "/dev/vda").unwrap_err().to_string();
    assert!(error.contains("type sun"), "{error}");
}

#[test]
fn numbers_that_mean_nothing_are_refused() {
    let one = |node: &str, start: &str, size: &str, sector: &str| {
        let json = format!(
            r#"{{"partitiontable":{{"label":"gpt","id":"x","sectorsize":{sector},"partitions":
               [{{"node":"{node}","start":{start},"size":{size},"type":"83"}}]}}}}"#
        );
        Table::parse(json.as_bytes(), "/dev/vda")
    };
    assert!(one("/dev/vda1", "1", "2", "512").is_ok());
    for (node, start, size, sector) in [
        ("/dev/vdb1", "1", "2", "512"),
        ("/dev/vda", "1", "2", "512"),
        ("/dev/vda0", "1", "2", "512"),
        ("/dev/vda1", "-1", "2", "512"),
        ("/dev/vda1", "18446744073709551615", "2", "512"),
        ("/dev/vda1", "1", "2", "0"),
        ("/dev/vda1", "1", "2", "513"),
        ("/dev/vda1", "1", "2", "65536"),
    ] {
        assert!(one(node, start, size, sector).is_err(), "{node} {start} {size} {sector}");
    }
}

proptest! {
    #[test]
    fn no_output_of_sfdisk_makes_it_panic(json: Vec<u8>) {
        let _ = Table::parse(&json, "/dev/vda");
    }

    #[test]
    fn nothing_lies_behind_the_last_partition(
        entries in proptest::collection::vec((0..1000_u64, 1..1000_u64), 1..20)
    ) {
        let partitions: Vec<_> = entries.iter().zip(1..).map(|((start, size), number)| Partition {
            number, start: *start, size: *size, kind: "83".into(),
            part_uuid: String::new(), name: None,
        }).collect();
        let table = Table { label: Label::Gpt, sector_size: 512, partitions, damaged: false };
        let end = table.last().unwrap().partition.end();
        prop_assert!(table.partitions.iter().all(|entry| entry.end() <= end));
    }
}
