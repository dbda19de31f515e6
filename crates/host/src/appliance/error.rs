//! Why there is no usable helper, or why none could be built.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::path::PathBuf;

/// A failure to build the helper or to take hold of it, with the way out where there is one.
#[derive(Debug, thiserror::Error)]
pub enum ApplianceError {
    /// The directory or its manifest does not exist.
    #[error(
        "there is no helper in {}: run `snf-image helper build` or install the package \
         snf-image-appliance",
        .0.display()
    )]
    Missing(PathBuf),
    /// The helper was built by another release.
    #[error(
        "the helper in {} was built by release {found}, this is {expected}: run `snf-image helper build`",
        .directory.display()
    )]
    Stale {
        /// Where it lies.
        directory: PathBuf,
        /// Release and protocol that built it.
        found: String,
        /// Release and protocol of this program.
        expected: String,
    },
    /// A file is not what the manifest says.
    #[error("the helper's file {} is damaged: {why}; run `snf-image helper build`", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What differs.
        why: String,
    },
    /// The parameters cannot reach it as they are to.
    #[error(
        "HELPER_PARAMETERS=floppy: the kernel of the helper in {} has no driver of a floppy; set \
         HELPER_PARAMETERS=virtio, or build another with HELPER_BUILDER=debootstrap",
        .0.display()
    )]
    NoFloppy(PathBuf),
    /// Another build has the lock.
    #[error("another `snf-image helper build` is at work on {}: wait for its end", .0.display())]
    Busy(PathBuf),
    /// The system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done and to what, as a gerund.
        doing: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A program that the build needs failed.
    #[error("{program} failed with {status}{}", cause(.stderr))]
    Program {
        /// Its name.
        program: String,
        /// How it ended.
        status: String,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// A program is not installed.
    #[error("there is no {program} on this machine: install the package {package}")]
    NotInstalled {
        /// The program.
        program: String,
        /// The Debian package that brings it.
        package: String,
    },
    /// apt offers no kernel.
    #[error(
        "apt offers no package {0} with a kernel: run `apt-get update`, name another with \
         HELPER_KERNEL, or a kernel with --kernel FILE --modules DIRECTORY"
    )]
    NoKernelPackage(String),
    /// The kernel cannot be used.
    #[error("the kernel {} cannot be used: {why}", .path.display())]
    Kernel {
        /// Where it came from.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The kernel's modules cannot be used.
    #[error("the modules in {} cannot be used: {why}", .path.display())]
    Modules {
        /// Their directory.
        path: PathBuf,
        /// What is wrong with them.
        why: String,
    },
    /// The helper's program cannot be used.
    #[error("the helper's program {} cannot be used: {why}", .path.display())]
    Helper {
        /// The program.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A signal asked for the end.
    #[error("building the helper was interrupted; the old one, if any, is untouched")]
    Cancelled,
}

impl ApplianceError {
    /// Whether a file that was named for a build is at fault, and nothing was touched.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            ApplianceError::Kernel { .. }
                | ApplianceError::Modules { .. }
                | ApplianceError::Helper { .. }
        )
    }
}

/// Says what was being done when the system refused.
pub(super) trait Doing<T> {
    /// Turns the system's error into ours.
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, ApplianceError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, ApplianceError> {
        self.map_err(|source| ApplianceError::Io {
            doing: doing(),
            source: source.into(),
        })
    }
}

/// The line that apt and its relatives mark as the first error, else the last one.
fn cause(stderr: &str) -> String {
    let mut lines = stderr.lines().filter(|line| !line.trim().is_empty());
    let marked = lines.clone().find(|line| line.starts_with("E: "));
    marked
        .or_else(|| lines.next_back())
        .map(|line| format!(": {}", line.trim()))
        .unwrap_or_default()
}
