//! Keeps the memory of this very process out of files and from other processes of its user.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;

use nix::sys::resource::{Resource, setrlimit};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Forbids core dumps of this process, which would hold a tenant's secrets, and tracing by another of the
/// same user without further rights (PR_SET_DUMPABLE of prctl(2)). A program that is executed can be
/// traced again, but the limit goes on to it.
///
/// # Errors
/// When the kernel refuses.
pub fn forbid_core_dumps() -> io::Result<()> {
    // The kernel pays no heed to the limit where a program takes the dumps, as core(5) says, but to this.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(Into::into)
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
        assert_eq!(numbers, ["0", "0", "bytes"]);
    }
}
