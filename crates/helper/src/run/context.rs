//! What every task works with.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use snf_image_protocol::{OsFamily, Parameters};

use crate::cloud_init::CloudInit;
use crate::disk::lvm::Lvm;
use crate::disk::table::Table;
use crate::error::Result;
use crate::guest::root::Root;
use crate::guest::windows::cloudbase_init::CloudbaseInit;
use crate::guest::windows::system::Windows;

/// How a task ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It did what it is for.
    Yes,
    /// There was nothing to do, and why.
    Skipped(String),
}

/// Takes what a task has to say while it works.
pub trait Reporter {
    /// What was found out or decided without being asked for.
    fn notice(&mut self, message: &str);
    /// Something that the administrator should know and that does not fail the run.
    fn warning(&mut self, message: &str);
}

/// A mount point of the image that is shut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shut {
    /// The directory, as fstab(5) names it.
    pub point: PathBuf,
    /// What the running machine has there, or why it alone has it.
    pub reason: &'static str,
}

/// The state that the tasks share. Facts are found out once and then stand here.
pub struct Context<'run> {
    /// What the host asked for.
    pub parameters: &'run Parameters,
    /// Where the parameters disk is mounted; the contents of injected files lie there.
    pub parameters_dir: PathBuf,
    /// The disks in Ganeti's order; the first holds the image.
    pub disks: Vec<PathBuf>,
    /// Where the image is mounted.
    pub target: PathBuf,
    /// The family of the image's system: given or detected.
    pub os_family: OsFamily,
    /// The number of the root partition: given or detected. `None`: the whole disk.
    pub root_partition: Option<u32>,
    /// The partition table of the first disk. `None`: it has none, the file system lies on
    /// the whole disk.
    pub table: Option<Table>,
    /// The volumes of LVM, once they were asked for.
    pub lvm: Option<Lvm>,
    /// The volume of LVM that holds the root, once it was found.
    pub root_volume: Option<PathBuf>,
    /// The NTFS that was grown, by which it is marked for a check of Windows.
    pub grown_ntfs: Option<PathBuf>,
    /// The mounted image, between `MountImage` and `UmountImage`.
    pub root: Option<Root>,
    /// The mount points of what only the running machine has: nothing can be written there.
    pub shut: Vec<Shut>,
    /// What is known of the image's Windows, once it is mounted; `None`: it is none.
    pub windows: Option<Windows>,
    /// cloud-init of the image, where it is used; `InitializeDatasource` finds out.
    pub cloud_init: Option<CloudInit>,
    /// Cloudbase-Init of the image, where it is used; `InitializeDatasource` finds out.
    pub cloudbase_init: Option<CloudbaseInit>,
    /// The disk with drivers for Windows, where there is one.
    pub drivers: Option<PathBuf>,
    /// Draws everything that must be unique. Seeded by the host when it opened the gate.
    pub random: StdRng,
    /// Where warnings go.
    pub reporter: &'run mut dyn Reporter,
}

impl Context<'_> {
    /// The mounted image.
    ///
    /// # Errors
    /// When `MountImage` did not run.
    pub fn root(&self) -> Result<&Root> {
        self.root
            .as_ref()
            .ok_or_else(|| crate::error::Error::image("the image is not mounted"))
    }

    /// The disk that holds the image.
    ///
    /// # Errors
    /// When there is no disk at all.
    pub fn first_disk(&self) -> Result<&Path> {
        self.disks
            .first()
            .map(PathBuf::as_path)
            .ok_or_else(|| crate::error::Error::image("the helper was given no disk"))
    }
}
