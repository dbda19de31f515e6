//! Barrier: a known environment, an empty input, a neutral directory.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::error::ConfineError;
use crate::spec::Spec;

/// Becomes the program. Returns only when that failed.
pub(crate) fn execute(spec: &Spec, null: File) -> ConfineError {
    // For each thread the C library of GNU would reserve 64 MiB of addresses, which count
    // against the limit of memory (mallopt(3), M_ARENA_MAX).
    let arenas = spec.limits.memory.map(|_| ("MALLOC_ARENA_MAX", "2"));
    let name = spec.name.as_deref().map(OsStr::new);
    let error = Command::new(&spec.program)
        .arg0(name.unwrap_or(spec.program.as_os_str()))
        .args(&spec.arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .envs(arenas)
        .current_dir("/")
        .stdin(Stdio::from(null))
        .exec();
    ConfineError::Execute {
        program: spec.program.display().to_string(),
        error,
    }
}
