//! Tables of any content behind a header that is right, of every kind of image.
// SPDX-License-Identifier: BSD-2-Clause
#![no_main]

mod memory;

use libfuzzer_sys::fuzz_target;
use memory::{Memory, go_through, put};
use snf_image_qcow2::Image;

fuzz_target!(|input: (u8, u32, Vec<(u16, u8, u64)>, Vec<u8>)| {
    let (kind, size, words, data) = input;
    let size = size % (4 << 20);
    let version = 2 + u64::from(kind & 1);
    let has_subclusters = version == 3 && kind & 2 != 0;
    let is_zstd = version == 3 && kind & 4 != 0;
    let least = if has_subclusters { 14 } else { 9 };
    let cluster_bits = least + u32::from(kind >> 4) % 4;
    let cluster = 1_usize << cluster_bits;
    // Header, reference counts, first level, two tables of the second level, data.
    let mut image = vec![0; cluster * 8];
    image[..4].copy_from_slice(b"QFI\xfb");
    put(&mut image, 0, 0x5146_49fb << 32 | version);
    put(&mut image, 20, u64::from(cluster_bits) << 32);
    put(&mut image, 24, u64::from(size).max(1));
    let entry = if has_subclusters { 16 } else { 8 };
    let span = (cluster / entry * cluster) as u64;
    let first_level = u64::from(size).div_ceil(span).min(cluster as u64 / 8);
    put(&mut image, 32, first_level);
    put(&mut image, 40, 2 * cluster as u64);
    put(&mut image, 48, cluster as u64);
    put(&mut image, 56, 1 << 32);
    if version == 3 {
        put(
            &mut image,
            72,
            u64::from(is_zstd) << 3 | u64::from(has_subclusters) << 4,
        );
        put(&mut image, 96, 4 << 32 | 112);
        image[104] = u8::from(is_zstd);
    }
    put(&mut image, 2 * cluster, 3 * cluster as u64);
    put(&mut image, 2 * cluster + 8, 4 * cluster as u64);
    let start = 5 * cluster;
    let length = data.len().min(3 * cluster);
    image[start..start + length].copy_from_slice(&data[..length]);
    // Entries that are near to right: the fuzzer's own word, or flags over a cluster's offset.
    for (place, how, word) in words.iter().take(200) {
        let table = 2 + usize::from(how >> 6) % 3;
        let at = table * cluster + usize::from(*place) % (cluster / 8) * 8;
        let near = (word & 7) << cluster_bits | word & (0xff << 56) | (word >> 8) & 1;
        let value = match how & 3 {
            0 => *word,
            1 => near,
            2 => {
                1 << 62
                    | (start as u64 + (word & 0xfff))
                    | (word >> 12 & 3) << 61_u32.min(62 - (cluster_bits - 8))
            }
            _ => word & 0xffff_ffff | (!word & 0xffff_ffff) << 32,
        };
        put(&mut image, at, value);
    }
    let cut = usize::from(kind >> 3 & 1) * (size as usize % 1024);
    image.truncate(image.len() - cut.min(image.len() / 2));
    if let Ok(image) = Image::open(Memory(image), 1 << 40) {
        go_through(&image);
    }
});
