//! What several threads unpack is what one decoder makes of the whole, damaged or not.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{Cursor, Read, Write};

use proptest::prelude::*;

use super::*;

fn unpacked(compression: Compression, packed: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let packed = Packed::new(Box::new(Cursor::new(packed)));
    decoder(compression, packed).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn by_zstd(packed: &[u8]) -> io::Result<Vec<u8>> {
    ::zstd::decode_all(packed)
}

fn by_gzip(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    flate2::bufread::MultiGzDecoder::new(packed).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Text that packs well.
fn text(length: usize) -> Vec<u8> {
    let mut text: Vec<u8> = (0..length / 8)
        .flat_map(|at| format!("{at:8}").into_bytes())
        .collect();
    text.resize(length, b'-');
    text
}

/// A frame of zstd that says how much is in it, or does not.
fn frame(length: usize, says_length: bool) -> Vec<u8> {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(length.is_multiple_of(2)).unwrap();
    if says_length {
        encoder.set_pledged_src_size(Some(length as u64)).unwrap();
    }
    encoder.write_all(&text(length)).unwrap();
    encoder.finish().unwrap()
}

/// A frame without data.
fn skippable(length: u8) -> Vec<u8> {
    let mut frame = vec![0x53, 0x2a, 0x4d, 0x18, length, 0, 0, 0];
    frame.resize(8 + usize::from(length), 7);
    frame
}

/// A member as bgzip writes it.
fn block(length: usize) -> Vec<u8> {
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate.write_all(&text(length)).unwrap();
    let deflate = deflate.finish().unwrap();
    let mut block = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0".to_vec();
    block.extend(u16::try_from(deflate.len() + 25).unwrap().to_le_bytes());
    block.extend(deflate);
    let mut checksum = flate2::Crc::new();
    checksum.update(&text(length));
    block.extend(checksum.sum().to_le_bytes());
    block.extend(u32::try_from(length).unwrap().to_le_bytes());
    block
}

fn member(length: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&text(length)).unwrap();
    encoder.finish().unwrap()
}

fn zstd_piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0_usize..300_000, any::<bool>()).prop_map(|(length, says)| frame(length, says)),
        (0_usize..300, any::<bool>()).prop_map(|(length, says)| frame(length, says)),
        any::<u8>().prop_map(skippable),
    ]
}

fn gzip_piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => (0_usize..65_537).prop_map(block),
        1 => (0_usize..100_000).prop_map(member),
    ]
}

/// Nothing, another byte somewhere, or an end somewhere.
#[derive(Debug, Clone)]
enum Damage {
    None,
    Byte(prop::sample::Index, u8),
    End(prop::sample::Index),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            Just(Damage::None),
            any::<(prop::sample::Index, u8)>().prop_map(|(at, byte)| Damage::Byte(at, byte)),
            any::<prop::sample::Index>().prop_map(Damage::End),
        ]
    }

    fn done_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Damage::None => {}
            Damage::Byte(at, byte) => *at.get_mut(bytes) = *byte,
            // Without a byte it is no compressed data, and no decoder is asked.
            Damage::End(at) => bytes.truncate(at.index(bytes.len()).max(1)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn frames_of_zstd_are_what_its_own_decoder_says(
        pieces in prop::collection::vec(zstd_piece(), 1..8), damage in Damage::any()
    ) {
        let mut packed = pieces.concat();
        damage.done_to(&mut packed);
        match (unpacked(Compression::Zstd, packed.clone()), by_zstd(&packed)) {
            (Ok(ours), Ok(theirs)) => prop_assert!(ours == theirs),
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{:?} {:?}", ours.map(|o| o.len()), theirs.map(|t| t.len())),
        }
    }

    /// Except that a block which lies about its length is damaged.
    #[test]
    fn members_of_gzip_are_what_its_decoder_says(
        pieces in prop::collection::vec(gzip_piece(), 1..8), damage in Damage::any()
    ) {
        let mut packed = pieces.concat();
        damage.done_to(&mut packed);
        match (unpacked(Compression::Gzip, packed.clone()), by_gzip(&packed)) {
            (Ok(ours), Ok(theirs)) => prop_assert!(ours == theirs),
            (Err(_), _) if !matches!(damage, Damage::None) => {}
            (ours, theirs) => prop_assert!(false, "{:?} {:?}", ours.map(|o| o.len()), theirs.map(|t| t.len())),
        }
    }
}

/// A compression, and how its tools pack standard input, and test it.
const TOOLS: [(Compression, &str, &str); 8] = [
    (Compression::Gzip, "gzip", "gzip -t"),
    (Compression::Gzip, "pigz -p 2 -b 128", "gzip -t"),
    (Compression::Bzip2, "bzip2 -1", "bzip2 -t"),
    (Compression::Xz, "xz -0 -T1", "xz -t"),
    (Compression::Xz, "xz -0 -T2 --block-size=64KiB", "xz -t"),
    (Compression::Zstd, "zstd -q", "zstd -q -t"),
    (Compression::Zstd, "pzstd -q -1 -p 2", "zstd -q -t"),
    (Compression::Lz4, "lz4 -q -B4", "lz4 -q -t"),
];

/// What a shell script makes of a file, and whether it is content with it.
fn run(script: &str, input: &std::path::Path) -> (Vec<u8>, bool) {
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .stdin(std::fs::File::open(input).unwrap())
        .output()
        .unwrap();
    (output.stdout, output.status.success())
}

#[test]
fn damage_is_found_wherever_the_tools_find_it() {
    let folder = tempfile::tempdir().unwrap();
    let (raw, file) = (folder.path().join("raw"), folder.path().join("file"));
    std::fs::write(&raw, text(300_000)).unwrap();
    for (compression, pack, test) in TOOLS {
        let (packed, _) = run(pack, &raw);
        assert!(unpacked(compression, packed.clone()).unwrap() == text(300_000));
        let places = [
            0..24,
            packed.len() / 2..packed.len() / 2 + 4,
            packed.len() - 24..packed.len(),
        ];
        for at in places.into_iter().flatten() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x10;
            for bytes in [&damaged, &packed[..at]] {
                if Compression::of(bytes) != Some(compression) {
                    continue;
                }
                std::fs::write(&file, bytes).unwrap();
                let (_, is_whole) = run(test, &file);
                let ours = unpacked(compression, bytes.to_vec());
                let length = bytes.len();
                assert_eq!(ours.is_ok(), is_whole, "{pack}, byte {at} of {length}");
            }
        }
    }
}

#[test]
fn blocks_without_end_take_no_memory() {
    // A frame of raw blocks that hold nothing, and many skippable frames.
    let mut endless = MAGIC_AND_HEADER.to_vec();
    endless.resize(MAGIC_AND_HEADER.len() + (34 << 20), 0);
    assert!(unpacked(Compression::Zstd, endless).is_err());
    let frame = skippable(255);
    let many = frame.repeat((34 << 20) / frame.len());
    assert!(unpacked(Compression::Zstd, many).unwrap().is_empty());
}

/// A frame's magic number, no flags, a window of 1 KiB.
const MAGIC_AND_HEADER: &[u8] = b"\x28\xb5\x2f\xfd\0\0";
