//! Tables of many shapes, read beside `sfdisk`, and damaged ones.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::run::testing::{image, resize, tool};

fn read(mib: u64, script: &str) -> Table {
    let directory = tempfile::tempdir().unwrap();
    Table::read(&image(directory.path(), mib, script))
        .unwrap()
        .unwrap()
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
    assert_eq!(
        (table.label, table.sector_size, table.needs_repair),
        (Label::Gpt, 512, false)
    );
    assert_eq!(
        table.partition(1).unwrap().kind,
        "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
    );
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
    let table = Table::read(&image(directory.path(), 16, &script))
        .unwrap()
        .unwrap();
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
    let table = Table::read(&image(directory.path(), 16, &script))
        .unwrap()
        .unwrap();
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
    assert!(table.needs_repair);
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
fn a_gpt_for_larger_sectors_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = image(directory.path(), 16, GPT);
    let head = device::head(&path, 1024).unwrap();
    overwrite(&path, 4096, &head[512..]);
    overwrite(&path, 512, &[0; 512]);
    overwrite(&path, (16 << 20) - 512, &[0; 512]);
    let error = Table::read(&path).unwrap_err().to_string();
    assert!(error.contains("sectors of 4096 bytes"), "{error}");
}

/// What `sfdisk` reads, as (number, start, size, type, part_uuid, name).
type Row = (u64, u64, u64, String, String, Option<String>);

fn oracle(path: &Path) -> Vec<Row> {
    let json: serde_json::Value = serde_json::from_str(&tool("sfdisk", &["--json"], path)).unwrap();
    let table = &json["partitiontable"];
    let id = table["id"]
        .as_str()
        .unwrap()
        .trim_start_matches("0x")
        .to_lowercase();
    let rows = table["partitions"].as_array().unwrap().iter();
    rows.map(|entry| {
        let node = entry["node"].as_str().unwrap();
        let number = node
            .strip_prefix(path.to_str().unwrap())
            .unwrap()
            .parse()
            .unwrap();
        let uuid = entry["uuid"].as_str().map(str::to_lowercase);
        (
            number,
            entry["start"].as_u64().unwrap(),
            entry["size"].as_u64().unwrap(),
            format!("{:0>2}", entry["type"].as_str().unwrap().to_uppercase()),
            uuid.unwrap_or_else(|| format!("{id:0>8}-{number:02x}")),
            entry["name"].as_str().map(Into::into),
        )
    })
    .collect()
}

#[test]
fn sfdisk_reads_the_same_from_tables_of_many_shapes() {
    for script in [
        GPT,
        "label: gpt\ntable-length: 4\nsize=1MiB\n",
        "label: gpt\ntable-length: 256\n@200 : size=1MiB, name=\"ünïcode 日本\"\n",
        "label: gpt\nfirst-lba: 34\n@128 : start=34, size=6\n@1 : start=2048, size=1\n",
        "label: gpt\n@3 : start=9000, size=1000\n@2 : start=2048, size=100\n",
        "label: dos\nlabel-id: 0x1\n@4 : size=1MiB, type=ef, bootable\n",
        "label: dos\n@1 : start=63, size=1000, type=83\n@3 : start=1063, size=1, type=7\n",
        "label: dos\n@2 : start=2048, size=20000, type=f\n@5 : start=4096, size=2048\n\
         @6 : start=8192, size=2048, type=82\n@7 : start=12288, size=1\n",
        "label: dos\n@1 : start=20480, size=2048, type=83\n@4 : start=2048, size=16384, type=5\n\
         @5 : start=2049, size=10\n",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("image");
        let script = script.replace('@', name.to_str().unwrap());
        let path = image(directory.path(), 16, &script);
        let table = Table::read(&path).unwrap().unwrap();
        let rows: Vec<Row> = table
            .partitions
            .iter()
            .map(|entry| {
                let entry = entry.clone();
                let number = entry.number.into();
                (
                    number,
                    entry.start,
                    entry.size,
                    entry.kind,
                    entry.part_uuid,
                    entry.name,
                )
            })
            .collect();
        assert_eq!(rows, oracle(&path), "{script}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_junk_in_a_table_makes_it_panic(
        gpt: bool, junk in proptest::collection::vec((0..2048_usize, any::<u8>()), 1..20)
    ) {
        let directory = tempfile::tempdir().unwrap();
        let script = if gpt { GPT } else { "label: dos\nsize=1MiB\nsize=4MiB, type=5\nsize=1MiB\n" };
        let path = image(directory.path(), 8, script);
        for (offset, byte) in junk {
            overwrite(&path, offset as u64, &[byte]);
        }
        let _ = Table::read(&path);
    }

    #[test]
    fn nothing_lies_behind_the_last_partition(
        entries in proptest::collection::vec((0..1000_u64, 1..1000_u64), 1..20)
    ) {
        let partitions: Vec<_> = entries.iter().zip(1..).map(|((start, size), number)| Partition {
            number, start: *start, size: *size, kind: "83".into(),
            part_uuid: String::new(), name: None, attributes: 0,
        }).collect();
        let table = Table { label: Label::Gpt, sector_size: 512, partitions, end: 0, unreachable: 0,
            needs_repair: false };
        let end = table.last().unwrap().partition.end();
        prop_assert!(table.partitions.iter().all(|entry| entry.end() <= end));
    }
}
