//! The program `snf-image-helper`: the first process of the helper VM, and those that it confines.
// SPDX-License-Identifier: BSD-2-Clause

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(code) = snf_image_helper::confine::main(&arguments) {
        return code;
    }
    snf_image_helper::init::main();
    ExitCode::SUCCESS
}
