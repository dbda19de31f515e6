//! The program `snf-image-helper`: the first process of the helper VM.
// SPDX-License-Identifier: BSD-2-Clause

fn main() {
    snf_image_helper::init::main();
}
