//! Barrier: resource limits of setrlimit(2).
// SPDX-License-Identifier: BSD-2-Clause

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::core_dumps;
use crate::error::{ConfineError, Doing};
use crate::spec::Limits;

/// How many descriptors a confined program may have: those passed to it, and some of its own.
const OPEN_FILES: u64 = 512;

/// Sets the number of descriptors, whatever the caller's own soft limit was. A lower hard
/// limit stays: raising it takes a right that may be gone.
pub(crate) fn open_files() -> Result<(), ConfineError> {
    let doing = "limiting open files";
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).doing(doing)?;
    let limit = OPEN_FILES.min(hard);
    setrlimit(Resource::RLIMIT_NOFILE, limit, limit).doing(doing)
}

/// Sets all others: no core dump, which would hold what the program's memory held.
pub(crate) fn set(limits: &Limits) -> Result<(), ConfineError> {
    core_dumps::limit().doing("forbidding core dumps")?;
    if let Some(bytes) = limits.file_size {
        setrlimit(Resource::RLIMIT_FSIZE, bytes, bytes).doing("limiting the size of files")?;
    }
    if let Some(bytes) = limits.memory {
        setrlimit(Resource::RLIMIT_AS, bytes, bytes).doing("limiting memory")?;
    }
    if let Some(seconds) = limits.processor_seconds {
        setrlimit(Resource::RLIMIT_CPU, seconds, seconds).doing("limiting processor time")?;
    }
    Ok(())
}
