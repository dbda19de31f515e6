//! Keeps the memory of this very process out of files and from other processes of its user.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// The limit, in bytes, that forbids both kinds of dumps: no file is made that small, and of a program that
/// takes dumps the kernel knows it as the word for none, which 0 is not. See the kernel's fs/coredump.c.
const NONE: u64 = 1;

/// Forbids core dumps of this process and of what it executes. A lower limit stays: raising it takes a right
/// that may be gone.
pub(crate) fn limit() -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    let limit = NONE.min(hard);
    setrlimit(Resource::RLIMIT_CORE, limit, limit)
}

/// Forbids core dumps of this process, which would hold a tenant's secrets, and tracing by another of the
/// same user without further rights (PR_SET_DUMPABLE of prctl(2)). A program that is executed can be
/// traced again, but the limit goes on to it.
///
/// # Errors
/// When the kernel refuses.
pub fn forbid_core_dumps() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    limit().map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_file_nor_a_program_gets_a_dump() {
        forbid_core_dumps().unwrap();
        assert_eq!(
            rustix::process::dumpable_behavior().unwrap(),
            DumpableBehavior::NotDumpable
        );
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core"));
        let numbers: Vec<_> = core.unwrap().split_whitespace().skip(4).collect();
        assert!(
            matches!(numbers[..], [soft @ ("0" | "1"), hard, "bytes"] if soft == hard),
            "{numbers:?}"
        );
    }
}
