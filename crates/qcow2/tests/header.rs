//! Headers made by qemu-img(1), headers bent by hand, and bytes at random.
// SPDX-License-Identifier: BSD-2-Clause
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use snf_image_qcow2::{Compression, Error, Header, Limits};
use tempfile::TempDir;

const ROOM: u64 = 1 << 50;

fn make(folder: &Path, options: &str, size: &str) -> PathBuf {
    let path = folder.join("image.qcow2");
    let output = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-o", options])
        .arg(&path)
        .arg(size)
        .output()
        .unwrap();
    assert!(output.status.success(), "{options}: {output:?}");
    path
}

fn judge(bytes: &[u8], file: u64) -> Result<Header, Error> {
    let header = Header::parse(&bytes[..bytes.len().min(Header::LENGTH)])?;
    header.check(&Limits {
        file,
        virtual_size: ROOM,
    })?;
    Ok(header)
}

fn judge_file(path: &Path) -> Result<Header, Error> {
    let bytes = std::fs::read(path).unwrap();
    judge(&bytes, bytes.len() as u64)
}

/// The bytes of a good image, to be bent.
fn good(options: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    std::fs::read(make(folder.path(), options, "1G")).unwrap()
}

fn bent(options: &str, at: usize, value: &[u8]) -> Result<Header, Error> {
    let mut bytes = good(options);
    bytes[at..at + value.len()].copy_from_slice(value);
    judge(&bytes, bytes.len() as u64)
}

#[test]
fn what_qemu_img_makes_is_understood() {
    for (options, version, bits, compression, subclusters) in [
        ("compat=0.10", 2, 16, Compression::Deflate, false),
        ("compat=1.1", 3, 16, Compression::Deflate, false),
        (
            "compat=1.1,cluster_size=512",
            3,
            9,
            Compression::Deflate,
            false,
        ),
        (
            "compat=1.1,cluster_size=2M,refcount_bits=1",
            3,
            21,
            Compression::Deflate,
            false,
        ),
        (
            "compression_type=zstd,lazy_refcounts=on",
            3,
            16,
            Compression::Zstd,
            false,
        ),
        (
            "extended_l2=on,cluster_size=128k",
            3,
            17,
            Compression::Deflate,
            true,
        ),
        ("preallocation=metadata", 3, 16, Compression::Deflate, false),
    ] {
        for size in ["512", "1G", "3584"] {
            let folder = TempDir::new().unwrap();
            let header = judge_file(&make(folder.path(), options, size)).unwrap();
            assert_eq!(header.version, version, "{options}");
            assert_eq!(header.cluster_size(), 1 << bits, "{options}");
            assert_eq!(header.compression(), Ok(compression), "{options}");
            assert_eq!(header.has_subclusters(), subclusters, "{options}");
            let bytes = if size == "1G" {
                1 << 30
            } else {
                size.parse().unwrap()
            };
            assert_eq!(header.size, bytes, "{options}");
        }
    }
}

#[test]
fn an_image_that_needs_another_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let base = folder.path().join("base.raw");
    std::fs::write(&base, [0; 4096]).unwrap();
    let options = format!("backing_file={},backing_fmt=raw", base.display());
    assert_eq!(
        judge_file(&make(folder.path(), &options, "1M")),
        Err(Error::BackingFile)
    );
    let options = format!("data_file={},data_file_raw=on", base.display());
    assert_eq!(
        judge_file(&make(folder.path(), &options, "1M")),
        Err(Error::ExternalData)
    );
}

#[test]
fn each_impossible_field_is_refused_for_its_own_reason() {
    let v3 = "compat=1.1";
    for (at, value, error) in [
        (4, &4_u32.to_be_bytes()[..], Error::Version(4)),
        (4, &1_u32.to_be_bytes(), Error::Version(1)),
        (20, &8_u32.to_be_bytes(), Error::ClusterBits(8)),
        (20, &22_u32.to_be_bytes(), Error::ClusterBits(22)),
        (20, &u32::MAX.to_be_bytes(), Error::ClusterBits(u32::MAX)),
        (24, &0_u64.to_be_bytes(), Error::Empty),
        (
            24,
            &u64::MAX.to_be_bytes(),
            Error::TooLarge {
                size: u64::MAX,
                most: ROOM,
            },
        ),
        (
            24,
            &(1_u64 << 40).to_be_bytes(),
            Error::L1Size {
                entries: 2,
                needed: 2048,
            },
        ),
        (32, &1_u32.to_be_bytes(), Error::Encrypted(1)),
        (32, &2_u32.to_be_bytes(), Error::Encrypted(2)),
        (
            36,
            &1_u32.to_be_bytes(),
            Error::L1Size {
                entries: 1,
                needed: 2,
            },
        ),
        (
            36,
            &u32::MAX.to_be_bytes(),
            Error::L1Size {
                entries: u32::MAX,
                needed: 2,
            },
        ),
        (
            40,
            &7_u64.to_be_bytes(),
            Error::Unaligned {
                table: "L1 table",
                offset: 7,
            },
        ),
        (
            48,
            &512_u64.to_be_bytes(),
            Error::Unaligned {
                table: "refcount table",
                offset: 512,
            },
        ),
        (72, &2_u64.to_be_bytes(), Error::Corrupt),
        (72, &4_u64.to_be_bytes(), Error::ExternalData),
        (72, &8_u64.to_be_bytes(), Error::CompressionBit),
        (
            72,
            &(1_u64 << 5 | 1).to_be_bytes(),
            Error::UnknownFeatures(1 << 5),
        ),
        (
            72,
            &(1_u64 << 63).to_be_bytes(),
            Error::UnknownFeatures(1 << 63),
        ),
        (96, &7_u32.to_be_bytes(), Error::RefcountOrder(7)),
        (100, &96_u32.to_be_bytes(), Error::HeaderLength(96)),
        (100, &108_u32.to_be_bytes(), Error::HeaderLength(108)),
        (
            100,
            &(1_u32 << 30).to_be_bytes(),
            Error::HeaderLength(1 << 30),
        ),
        (104, &[1], Error::CompressionBit),
        (104, &[9], Error::UnknownCompression(9)),
    ] {
        assert_eq!(bent(v3, at, value), Err(error), "at {at}: {value:?}");
    }
    assert_eq!(
        bent("extended_l2=on", 20, &13_u32.to_be_bytes()),
        Err(Error::SubclusterSize(13))
    );
}

#[test]
fn a_table_outside_the_file_is_refused() {
    let file = good("compat=1.1").len() as u64;
    for offset in [0, 1 << 40, u64::MAX << 16] {
        let refused = Err(Error::OutOfFile {
            table: "L1 table",
            offset,
            file,
        });
        assert_eq!(bent("compat=1.1", 40, &offset.to_be_bytes()), refused);
    }
    assert!(matches!(
        bent("compat=1.1", 56, &u32::MAX.to_be_bytes()),
        Err(Error::OutOfFile {
            table: "refcount table",
            ..
        })
    ));
}

#[test]
fn a_header_cut_short_is_refused_at_every_length() {
    for options in ["compat=0.10", "compat=1.1"] {
        let bytes = good(options);
        let needed = if options == "compat=0.10" { 72 } else { 105 };
        for length in 0..needed {
            assert!(
                matches!(
                    Header::parse(&bytes[..length]),
                    Err(Error::Magic | Error::Truncated { .. })
                ),
                "{options} {length}"
            );
        }
        Header::parse(&bytes[..needed]).unwrap();
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), head: bool, version in 2_u32..4) {
        if head && bytes.len() >= 8 {
            bytes[..4].copy_from_slice(b"QFI\xfb");
            bytes[4..8].copy_from_slice(&version.to_be_bytes());
        }
        let _ = judge(&bytes, 1 << 30);
    }

    #[test]
    fn what_is_accepted_can_be_addressed(
        bits in 0_u32..40, size: u64, l1: u32, offset: u64, features in 0_u64..32, file: u64
    ) {
        let mut bytes = [0_u8; Header::LENGTH];
        bytes[..4].copy_from_slice(b"QFI\xfb");
        for (at, value) in [(4, 3), (20, bits), (36, l1), (56, 1), (96, 4), (100, 112)] {
            bytes[at..at + 4].copy_from_slice(&u32::to_be_bytes(value));
        }
        for (at, value) in [(24, size), (40, offset & (u64::MAX << 21)), (48, 1 << 21), (72, features)] {
            bytes[at..at + 8].copy_from_slice(&u64::to_be_bytes(value));
        }
        if let Ok(header) = judge(&bytes, file) {
            prop_assert!((9..=21).contains(&header.cluster_bits));
            prop_assert!(header.size > 0 && header.size <= ROOM);
            prop_assert!(header.l1_table_offset + u64::from(header.l1_size) * 8 <= file);
            let per_table = header.cluster_size() / if header.has_subclusters() { 16 } else { 8 };
            let covered = u128::from(header.l1_size) * u128::from(per_table * header.cluster_size());
            prop_assert!(covered >= u128::from(header.size));
        }
    }
}
