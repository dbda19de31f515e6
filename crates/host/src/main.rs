//! The `snf-image` command, and the other names it is called by.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use snf_image::cli::Cli;
use snf_image::ganeti::{self, Script};
use snf_image::role::Role;
use snf_image::roles;
use snf_image_sandbox::{forbid_core_dumps, keep_inherited_from_programs, launcher};

fn main() -> ExitCode {
    // Before anything secret is read. Only a filter of system calls around all of this could refuse it.
    let _ = forbid_core_dumps();
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let name = arguments.first().cloned().unwrap_or_default();
    if launcher::is_launcher(&name) {
        launcher::main();
    }
    if let Some(role) = Role::from_argv0(&name) {
        roles::main(role);
    }
    // Linux before 5.11 cannot; programs then see what the caller left open, which they do not use.
    let _ = keep_inherited_from_programs();
    if let Some(script) = Script::from_argv0(&name) {
        return ganeti::run(script, arguments.get(1..).unwrap_or_default());
    }
    if Path::new(&name)
        .file_name()
        .is_some_and(|name| name == "snf-image-update-helper")
    {
        arguments.splice(0..1, ["snf-image", "helper", "build"].map(OsString::from));
    }
    snf_image::commands::run(&Cli::parse_from(arguments))
}
