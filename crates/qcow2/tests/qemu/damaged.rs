//! Images that were cut, bent or made up by hand: each is read or refused, and nothing else.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_qcow2::{Error, Image, ReadError};
use tempfile::TempDir;

use crate::chance::Chance;
use crate::support::{InMemory, ROOM, as_qemu_sees_it, read_all, run};

/// A small image with data, compressed data and zero clusters.
fn good(options: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("noise"), Chance::new(7).bytes(9000)).unwrap();
    let create = [
        "create", "-q", "-f", "qcow2", "-o", options, "image", "300k",
    ];
    run("qemu-img", folder.path(), &create);
    let writes = [
        "write -c -P 5 64k 64k",
        "write -z 16k 16k",
        "write -s noise 128k 100k",
    ];
    let commands = writes.iter().flat_map(|write| ["-c", write]);
    let arguments: Vec<_> = commands.chain(["-f", "qcow2", "image"]).collect();
    run("qemu-io", folder.path(), &arguments);
    std::fs::read(folder.path().join("image")).unwrap()
}

/// The disk, or why there is none.
fn disk(image: Vec<u8>) -> Result<Vec<u8>, String> {
    match Image::open(InMemory(image), 1 << 30) {
        Ok(image) => read_all(&image, 0),
        Err(error) => Err(error.to_string()),
    }
}

fn refusal(image: Vec<u8>) -> Error {
    match Image::open(InMemory(image), ROOM).unwrap_err() {
        ReadError::Image(error) => error,
    }
}

fn word(image: &[u8], at: u64) -> u64 {
    let at = usize::try_from(at).unwrap();
    u64::from_be_bytes(image[at..at + 8].try_into().unwrap())
}

fn put(image: &mut [u8], at: u64, value: u64) {
    let at = usize::try_from(at).unwrap();
    image[at..at + 8].copy_from_slice(&value.to_be_bytes());
}

const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

/// Where the first-level table is, and the second-level table that its first entry leads to.
fn tables(image: &[u8]) -> (u64, u64) {
    let first = word(image, 40);
    (first, word(image, first) & OFFSET)
}

const KINDS: [&str; 4] = [
    "compat=0.10,cluster_size=4k",
    "compat=1.1,cluster_size=512",
    "compat=1.1,cluster_size=64k,compression_type=zstd",
    "compat=1.1,cluster_size=16k,extended_l2=on",
];

#[test]
fn an_image_cut_anywhere_is_refused_or_reads_as_qemu_img_reads_it() {
    for options in KINDS {
        let whole = good(options);
        let folder = TempDir::new().unwrap();
        let (mut read, mut refused) = (0, 0);
        for length in (0..whole.len()).step_by(512) {
            match disk(whole[..length].to_vec()) {
                Err(reason) => {
                    assert!(!reason.contains('\n'), "{reason}");
                    refused += 1;
                }
                // Few of them, and as few times as there are sectors in a cluster is qemu-img run.
                Ok(disk) => {
                    std::fs::write(folder.path().join("image"), &whole[..length]).unwrap();
                    let expected = as_qemu_sees_it(folder.path(), "image");
                    assert!(expected == Ok(disk), "{options} cut at {length}");
                    read += 1;
                }
            }
        }
        assert!(
            read < 128 && refused > read / 2,
            "{options}: {read} of {refused}"
        );
    }
}

#[test]
fn an_image_cut_within_a_sector_of_its_last_cluster_is_truncated() {
    let whole = good("compat=1.1,cluster_size=4k");
    let cut = whole[..whole.len() - 700].to_vec();
    let Error::OutOfFile {
        table: "cluster", ..
    } = refusal(cut)
    else {
        panic!("another reason");
    };
}

#[test]
fn no_bent_byte_brings_it_down() {
    let mut chance = Chance::new(1);
    for options in KINDS {
        let whole = good(options);
        let (first, second) = tables(&whole);
        let length = whole.len() as u64;
        for round in 0..4000 {
            let mut bent = whole.clone();
            for _ in 0..1 + chance.below(3) {
                // Where it hurts: the header, the tables, compressed data; and anywhere.
                let near = [0, first, second, chance.below(length)][round % 4];
                let at = (near + chance.below(112)).min(length - 1);
                bent[usize::try_from(at).unwrap()] = chance.bytes(1)[0];
            }
            if let Err(reason) = disk(bent) {
                assert!(!reason.contains('\n'), "{reason}");
            }
        }
    }
}

#[test]
fn what_leads_out_of_the_file_or_between_clusters_is_refused() {
    let whole = good("compat=1.1,cluster_size=4k");
    let (first, second) = tables(&whole);
    let file = whole.len() as u64;
    let far = 1 << 40;
    // The first cluster of the disk is unallocated: its entry is free for use.
    for (at, value, expected) in [
        (
            first,
            far,
            Error::OutOfFile {
                table: "L2 table",
                offset: far,
                file,
            },
        ),
        (
            first,
            second + 512,
            Error::Unaligned {
                table: "L2 table",
                offset: second + 512,
            },
        ),
        (
            second,
            far,
            Error::OutOfFile {
                table: "cluster",
                offset: far,
                file,
            },
        ),
        (
            second,
            512,
            Error::Unaligned {
                table: "cluster",
                offset: 512,
            },
        ),
        (
            second,
            1 << 62 | far,
            Error::OutOfFile {
                table: "compressed cluster",
                offset: far,
                file,
            },
        ),
    ] {
        let mut bent = whole.clone();
        put(&mut bent, at, value);
        assert_eq!(refusal(bent), expected);
    }
}

#[test]
fn version_2_has_no_zero_clusters_and_a_subcluster_is_one_thing() {
    let mut bent = good("compat=0.10,cluster_size=4k");
    let (_, second) = tables(&bent);
    put(&mut bent, second, 1);
    assert_eq!(refusal(bent), Error::ZeroCluster { at: 0 });

    let whole = good("compat=1.1,cluster_size=16k,extended_l2=on");
    let (_, second) = tables(&whole);
    // The cluster at 128 KiB is the eighth.
    for (entry, bits) in [(0, 1), (8, 1 << 32 | 1)] {
        let mut bent = whole.clone();
        put(&mut bent, second + entry * 16 + 8, bits);
        assert_eq!(refusal(bent), Error::Subclusters { at: entry << 14 });
    }
}

#[test]
fn tables_that_lead_to_themselves_and_clusters_that_overlap_end() {
    let whole = good("compat=1.1,cluster_size=4k");
    let (first, second) = tables(&whole);
    // The second-level table is its own first cluster of data, and the first-level one the next.
    let mut looped = whole.clone();
    put(&mut looped, second, second);
    put(&mut looped, second + 8, first);
    let read = disk(looped.clone()).unwrap();
    let table = usize::try_from(second).unwrap();
    assert!(read[..4096] == looped[table..table + 4096]);
    // The first-level table is a second-level one too: whatever that means, it is refused or read.
    let mut looped = whole.clone();
    put(&mut looped, first, first);
    let _ = disk(looped);
    // Each cluster of the disk is one and the same.
    let mut same = whole;
    let data = word(&same, second + 32 * 8);
    for entry in 0..75 {
        put(&mut same, second + entry * 8, data);
    }
    let read = disk(same).unwrap();
    assert!(read.chunks(4096).all(|cluster| *cluster == read[..4096]));
}

#[test]
fn a_huge_first_level_table_whose_entries_are_all_alike_takes_no_time() {
    // 32 MiB of entries that lead to one table of 2 MiB: 2 EiB, all of them zeroes.
    let cluster: u64 = 2 << 20;
    let mut image = vec![0; usize::try_from(cluster * 20).unwrap()];
    image[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    put(&mut image, 20, 21 << 32);
    put(&mut image, 24, 1 << 61);
    put(&mut image, 32, 1 << 22);
    put(&mut image, 40, cluster);
    put(&mut image, 48, cluster * 17);
    put(&mut image, 56, 1 << 32);
    put(&mut image, 96, 4 << 32 | 104);
    for entry in 0..1 << 22 {
        put(&mut image, cluster + entry * 8, cluster * 18);
    }
    let begun = std::time::Instant::now();
    let image = Image::open(InMemory(image), u64::MAX).unwrap();
    assert_eq!(image.size(), 1 << 61);
    assert!(begun.elapsed().as_secs() < 20);
}

#[test]
fn damaged_compressed_data_is_refused_where_it_is() {
    for compression in ["zlib", "zstd"] {
        let whole = good(&format!("cluster_size=64k,compression_type={compression}"));
        let (_, second) = tables(&whole);
        let packed = word(&whole, second + 8) & 0x003f_ffff_ffff_ffff;
        let at = usize::try_from(packed).unwrap();
        let mut bent = whole.clone();
        bent[at..at + 16].fill(0xff);
        let reason = disk(bent).unwrap_err();
        assert!(
            reason.contains("for byte 65536 of the disk is damaged"),
            "{reason}"
        );
    }
}
