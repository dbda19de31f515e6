//! Hives that were not finished, with logs of both kinds, and what hivex and others find in them.
// SPDX-License-Identifier: BSD-2-Clause

use proptest::prelude::*;
use sha2::{Digest, Sha256};
use snf_image_testkit::hive;

use super::super::{Purpose, Value};
use super::*;
use crate::guest::testing::{Image, samples};

const HIVE: &str = "/Windows/System32/config/SYSTEM";

/// A hive at three moments, the latest last, and where its bins end in each.
struct Moments([Vec<u8>; 3]);

fn moments() -> Moments {
    let image = Image::empty();
    image.directory("/Windows/System32/config");
    let path = image.path(HIVE);
    hive::make(
        &path,
        "[\\A]\n\"x\"=\"first\"\n\n[\\A\\B]\n\"y\"=dword:00000007\n",
    )
    .unwrap();
    let mut all = vec![std::fs::read(&path).unwrap()];
    for (name, length) in [("second", 3000), ("third", 9000)] {
        image.confined(|root| {
            let mut hive = Hive::open(&root, HIVE, Purpose::Set).unwrap().unwrap();
            hive.set("A", "x", &Value::text(name)).unwrap();
            let long = Value::binary(&vec![7; length]);
            hive.set(&format!("A\\{name}"), "long", &long).unwrap();
            hive.finish().unwrap();
        });
        all.push(std::fs::read(&path).unwrap());
    }
    Moments(all.try_into().unwrap())
}

fn with_sum(mut bytes: Vec<u8>) -> Vec<u8> {
    let base: [u8; 512] = bytes[..512].try_into().unwrap();
    bytes[CHECKSUM..CHECKSUM + 4].copy_from_slice(&checksum(&base).to_le_bytes());
    bytes
}

/// A hive as it is when the machine stops while it is written: with these sequence numbers.
fn unfinished(hive: &[u8], first: u32, second: u32) -> Vec<u8> {
    let mut bytes = hive.to_vec();
    bytes[SEQUENCE_1..SEQUENCE_1 + 4].copy_from_slice(&first.to_le_bytes());
    bytes[SEQUENCE_2..SEQUENCE_2 + 4].copy_from_slice(&second.to_le_bytes());
    with_sum(bytes)
}

/// The first block of a log.
fn base_of_log(hive: &[u8], kind: u32, sequence: u32) -> Vec<u8> {
    let mut base = unfinished(&hive[..512], sequence, sequence);
    base[TYPE..TYPE + 4].copy_from_slice(&kind.to_le_bytes());
    with_sum(base)
}

/// The places of the bins where one hive differs from another, in pages of that length.
fn changed(old: &[u8], new: &[u8], length: usize) -> Vec<usize> {
    let bins = 4096..new.len();
    let pages = bins.step_by(length);
    pages
        .filter(|at| old.get(*at..at + length) != Some(&new[*at..at + length]))
        .collect()
}

/// An entry that makes one hive another.
fn entry(old: &[u8], new: &[u8], sequence: u32) -> Vec<u8> {
    let pages = changed(old, new, 4096);
    let mut references = Vec::new();
    let mut content = Vec::new();
    for at in &pages {
        references.extend(u32::try_from(at - 4096).unwrap().to_le_bytes());
        references.extend(4096_u32.to_le_bytes());
        content.extend(&new[*at..at + 4096]);
    }
    let length = (REFERENCES + references.len() + content.len()).next_multiple_of(512);
    let number = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let mut bytes = b"HvLE".to_vec();
    bytes.extend(number(length));
    bytes.extend(number(0));
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(number(new.len() - 4096));
    bytes.extend(number(pages.len()));
    let rest = [references, content].concat();
    let mut rest = rest;
    rest.resize(length - REFERENCES, 0);
    bytes.extend(marvin(&rest).to_le_bytes());
    bytes.extend(marvin(&bytes).to_le_bytes());
    bytes.extend(rest);
    bytes
}

/// A log of the older kind that makes one hive another.
fn log_of_pages(old: &[u8], new: &[u8], sequence: u32) -> Vec<u8> {
    let mut base = new[..512].to_vec();
    base[WRITTEN..WRITTEN + 8].copy_from_slice(&old[WRITTEN..WRITTEN + 8]);
    let mut log = base_of_log(&base, OF_PAGES, sequence);
    let mut vector = vec![0; (new.len() - 4096) / 512 / 8];
    let mut content: Vec<u8> = Vec::new();
    for at in changed(old, new, 512) {
        let bit = (at - 4096) / 512;
        vector[bit / 8] |= 1 << (bit % 8);
        content.extend(&new[at..at + 512]);
    }
    log.extend(b"DIRT");
    log.extend(vector);
    log.resize(log.len().next_multiple_of(512), 0);
    log.extend(content);
    log
}

/// Applies logs to a hive, and gives it as it is then; `None` when none of them fitted.
fn replayed(hive: &[u8], logs: &[(&str, &[u8])]) -> Option<Vec<u8>> {
    let image = Image::empty();
    image.file(HIVE, hive);
    for (end, log) in logs {
        image.file(&format!("{HIVE}{end}"), log);
    }
    let pages = image.confined(|root| Hive::replay(&root, HIVE).unwrap());
    let bytes = std::fs::read(image.path(HIVE)).unwrap();
    if pages.is_none() {
        assert!(bytes == hive);
        return None;
    }
    let opened = image.confined(|root| Hive::open(&root, HIVE, Purpose::Set).map(|_| ()));
    opened.unwrap();
    Some(bytes)
}

/// The same for hives that differ in nothing but what is said in their first blocks.
#[track_caller]
fn is_now(found: Option<Vec<u8>>, wanted: &[u8]) {
    let found = found.expect("a log that fits");
    assert!(found[4096..] == wanted[4096..], "other bins");
    assert_eq!(exported(&found), exported(wanted));
}

/// What hivexregedit(1) finds in a hive.
fn exported(bytes: &[u8]) -> hive::Export {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    hive::export(file.path()).unwrap()
}

#[test]
fn what_stands_in_one_log_or_in_both_is_written_into_the_hive() {
    let Moments([first, second, third]) = moments();
    let hive = unfinished(&first, 12, 11);
    let (one, two) = (entry(&first, &second, 12), entry(&second, &third, 13));
    let log = |sequence, entries: &[&[u8]]| {
        [base_of_log(&first, OF_ENTRIES, sequence), entries.concat()].concat()
    };
    let both = log(12, &[&one, &two]);
    is_now(
        replayed(&hive, &[(".LOG1", &both), (".LOG2", &[0; 4096])]),
        &third,
    );
    // The later ones may lie in the first log.
    let (later, earlier) = (log(13, &[&two]), log(12, &[&one]));
    let logs: [(&str, &[u8]); 2] = [(".LOG1", &later), (".LOG2", &earlier)];
    is_now(replayed(&hive, &logs), &third);
    is_now(replayed(&hive, &[(".LOG2", &earlier)]), &second);
}

#[test]
fn what_was_not_written_into_the_log_whole_is_not_used() {
    let Moments([first, second, third]) = moments();
    let hive = unfinished(&first, 12, 11);
    let (one, two) = (entry(&first, &second, 12), entry(&second, &third, 13));
    let base = base_of_log(&first, OF_ENTRIES, 12);
    let whole = [base.clone(), one.clone(), two].concat();
    let mut bent = whole.clone();
    *bent.last_mut().unwrap() ^= 1;
    let cut = &whole[..whole.len() - 1];
    let gap = [base.clone(), one, entry(&second, &third, 14)].concat();
    for log in [&bent[..], cut, &gap] {
        is_now(replayed(&hive, &[(".LOG1", log)]), &second);
    }
    // Logs that are older than the hive, do not begin where they say, or are none.
    let old = base_of_log(&first, OF_ENTRIES, 10);
    let stale = [old, entry(&first, &second, 10)].concat();
    let other = [base.clone(), entry(&first, &second, 13)].concat();
    for log in [&stale[..], &other, &base, b"", &first] {
        assert!(replayed(&hive, &[(".LOG1", log)]).is_none());
    }
    // A hive that is finished needs none.
    let finished = unfinished(&first, 12, 12);
    assert!(replayed(&finished, &[(".LOG1", &whole)]).is_none());
}

#[test]
fn a_log_of_windows_7_is_written_into_the_hive_too() {
    let Moments([first, _, third]) = moments();
    let hive = unfinished(&first, 12, 11);
    let log = log_of_pages(&first, &third, 12);
    is_now(replayed(&hive, &[(".LOG1", &log)]), &third);
    // One that was written at another time, or has not all of its pages.
    let mut other = log.clone();
    other[WRITTEN] ^= 1;
    let other = with_sum(other);
    for log in [&other[..], &log[..log.len() - 1]] {
        assert!(replayed(&hive, &[(".LOG1", log)]).is_none());
    }
}

#[test]
fn a_hive_that_its_log_does_not_make_whole_is_refused() {
    let Moments([first, second, _]) = moments();
    let hive = unfinished(&first, 12, 11);
    let mut broken = second.clone();
    broken[4096..4100].copy_from_slice(b"none");
    let log = [
        base_of_log(&first, OF_ENTRIES, 12),
        entry(&first, &broken, 12),
    ]
    .concat();
    let image = Image::empty();
    image.file(HIVE, &hive).file(&format!("{HIVE}.LOG1"), &log);
    let error = image.confined(|root| Hive::replay(&root, HIVE).unwrap_err().to_string());
    assert!(error.contains("does not make it whole"), "{error}");
    // One that is longer than any.
    image.file(HIVE, &hive);
    let file = File::options()
        .write(true)
        .open(image.path(&format!("{HIVE}.LOG1")))
        .unwrap();
    file.set_len(MAX_LOG + 1).unwrap();
    let error = image.confined(|root| Hive::replay(&root, HIVE).unwrap_err().to_string());
    assert!(error.contains("longer than 256 MiB"), "{error}");
}

/// Hives of machines that ran, with their logs, and what the bins are after yarp, which the author
/// of the format's description wrote, has applied them.
const REAL: [(&str, [&str; 2], &str); 3] = [
    (
        "SYSTEM_B",
        ["SYSTEM_B.LOG1", "SYSTEM_B.LOG2"],
        "b6e091176b3d00b7b97efdeaeef519b1adfbaa5f6d8118d5c44fa2dcfeb5029a",
    ),
    (
        "UsrClass.dat",
        ["UsrClass.dat.LOG1", "UsrClass.dat.LOG2"],
        "ecc04a58aa3d2467871e80e393eb8469a5fdd425f37fc88f55308efc2f384930",
    ),
    (
        "transactions_NTUSER.DAT",
        [
            "transactions_ntuser.dat.log1",
            "transactions_ntuser.dat.log2",
        ],
        "9c5e83727e19ff8f7fd95b73ba006dbc20dffbeead9ace35a88753f3fc7e4299",
    ),
];

#[test]
fn logs_of_real_machines_are_applied_as_others_apply_them() {
    let Some(folder) = samples("hives/regipy") else {
        return;
    };
    let read = |name: &str| {
        let path = folder.join(format!("{name}.xz"));
        let arguments = ["--decompress", "--stdout"];
        let output = std::process::Command::new("xz")
            .args(arguments)
            .arg(path)
            .output();
        output.unwrap().stdout
    };
    for (name, logs, sum) in REAL {
        if !folder.join(format!("{name}.xz")).exists() {
            eprintln!("skipped: no {name}");
            continue;
        }
        let logs = logs.map(read);
        let logs: [(&str, &[u8]); 2] = [(".LOG1", &logs[0]), (".LOG2", &logs[1])];
        let found = replayed(&read(name), &logs).unwrap();
        let bins = usize::try_from(field(&found, BINS)).unwrap();
        let found = Sha256::digest(&found[4096..4096 + bins]);
        let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, sum, "{name}");
    }
}

#[test]
fn what_windows_itself_made_of_such_hives_comes_out() {
    let Some(folder) = samples("hives/yarp") else {
        return;
    };
    for (folder, name, recovered) in [
        (
            folder.join("NewDirtyHive1"),
            "NewDirtyHive",
            "RecoveredHive_Windows10",
        ),
        (
            folder.join("OldDirtyHive"),
            "OldDirtyHive",
            "RecoveredHive_Windows7",
        ),
    ] {
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let logs = ENDS.map(|end| read(&format!("{name}{end}")));
        let logs: [(&str, &[u8]); 2] = [(ENDS[0], &logs[0]), (ENDS[1], &logs[1])];
        let found = replayed(&read(name), &logs).unwrap();
        let wanted = read(recovered);
        assert_eq!(exported(&found), exported(&wanted), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Damage in a log of either kind is an error or nothing, never a panic.
    #[test]
    fn no_damage_to_a_log_makes_it_panic(
        damage in prop::collection::vec((0_usize..1 << 14, any::<u8>()), 0..8), is_old: bool
    ) {
        let hive = unfinished(&hive::empty(), 12, 11);
        let new = { let mut new = hive.clone(); new[5000] = 1; new };
        let mut log = if is_old {
            log_of_pages(&hive, &new, 12)
        } else {
            [base_of_log(&hive, OF_ENTRIES, 12), entry(&hive, &new, 12)].concat()
        };
        for (at, byte) in damage {
            let at = at % log.len();
            log[at] = byte;
        }
        // What checksums would find is let through.
        let log = {
            let mut log = with_sum(log);
            if !is_old && log.len() > 512 + REFERENCES {
                let hash = marvin(&log[512 + REFERENCES..]).to_le_bytes();
                log[512 + HASH_1..512 + HASH_2].copy_from_slice(&hash);
                let hash = marvin(&log[512..512 + HASH_2]).to_le_bytes();
                log[512 + HASH_2..512 + REFERENCES].copy_from_slice(&hash);
            }
            log
        };
        let image = Image::empty();
        image.file(HIVE, &hive).file(&format!("{HIVE}.LOG1"), &log);
        let _ = image.confined(|root| Hive::replay(&root, HIVE));
    }
}
