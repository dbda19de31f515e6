//! Any bytes as an image: most of them get no further than the header.
// SPDX-License-Identifier: BSD-2-Clause
#![no_main]

mod memory;

use libfuzzer_sys::fuzz_target;
use memory::{Memory, go_through};
use snf_image_qcow2::Image;

fuzz_target!(|bytes: &[u8]| {
    let mut image = bytes.to_vec();
    // What begins otherwise is refused at once.
    if let Some(magic) = image.get_mut(..4) {
        magic.copy_from_slice(b"QFI\xfb");
    }
    if let Ok(image) = Image::open(Memory(image), 1 << 40) {
        go_through(&image);
    }
});
