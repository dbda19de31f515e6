//! Any bytes as the compressed data of a cluster, and data that was really compressed, bent.
// SPDX-License-Identifier: BSD-2-Clause
#![no_main]

mod memory;

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use memory::{Memory, go_through, put};
use snf_image_qcow2::Image;

const CLUSTER: usize = 1 << 12;

fuzz_target!(|input: (bool, bool, bool, Vec<u8>, Vec<(u16, u8)>)| {
    let (is_zstd, is_real, is_exact, data, bent) = input;
    let mut packed = data;
    if is_real {
        packed.resize(CLUSTER, 0x61);
        packed = if is_zstd {
            zstd::bulk::compress(&packed, 1).unwrap()
        } else {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Default::default());
            encoder.write_all(&packed).unwrap();
            encoder.finish().unwrap()
        };
        if is_exact {
            // Nothing is bent: it has to be read.
        } else {
            for (place, value) in bent {
                let place = usize::from(place) % packed.len();
                packed[place] ^= value;
            }
        }
    }
    packed.truncate(2 * CLUSTER - 512);
    let start = 4 * CLUSTER;
    let mut image = vec![0; start + packed.len()];
    put(&mut image, 0, 0x5146_49fb << 32 | 3);
    put(&mut image, 20, 12 << 32);
    put(&mut image, 24, CLUSTER as u64);
    put(&mut image, 32, 1);
    put(&mut image, 40, 2 * CLUSTER as u64);
    put(&mut image, 48, CLUSTER as u64);
    put(&mut image, 56, 1 << 32);
    put(&mut image, 72, u64::from(is_zstd) << 3);
    put(&mut image, 96, 4 << 32 | 112);
    image[104] = u8::from(is_zstd);
    put(&mut image, 2 * CLUSTER, 3 * CLUSTER as u64);
    let sectors = (packed.len() / 512) as u64;
    put(
        &mut image,
        3 * CLUSTER,
        1 << 62 | sectors << 58 | start as u64,
    );
    image[start..].copy_from_slice(&packed);
    if packed.is_empty() {
        return;
    }
    let image = Image::open(Memory(image), 1 << 40).unwrap();
    go_through(&image);
    if is_real && is_exact && packed.len() < 2 * CLUSTER - 512 {
        image.read_at(&mut [0; CLUSTER], 0).unwrap();
    }
});
