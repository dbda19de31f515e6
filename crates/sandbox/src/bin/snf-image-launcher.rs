//! The launcher alone, so that this crate's tests have an executable to launch with.
// SPDX-License-Identifier: BSD-2-Clause

fn main() {
    snf_image_sandbox::launcher::main()
}
