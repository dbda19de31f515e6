//! The small read-only disk that carries the parameters, made in memory without a visible file.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Component, Path};
use std::process::{Command, Stdio};

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use snf_image_protocol::{PARAMETERS_FILE, PARAMS_LABEL, Parameters};
use snf_image_sandbox::die_with_caller;

use crate::private_dir::PrivateDir;
use crate::text::excerpt;

/// The capacity of a 3.5-inch high-density floppy, in bytes.
const FLOPPY: u64 = 1440 * 1024;
/// The block size of the file system, in bytes.
const BLOCK: u64 = 1024;
/// The page size of this architecture, in bytes.
const PAGE: u64 = 4096;
/// Room for the file system's own structures, in bytes.
const OVERHEAD: u64 = 512 * 1024;
/// Room for the inode, the directory entry and the last, partly filled block of a file.
const OVERHEAD_PER_FILE: u64 = 3 * BLOCK;

/// A disk image whose size is fixed first, so that QEMU can start with it, and whose content
/// comes later. It lives in a memfd: nothing is left when its descriptors are closed.
#[derive(Debug)]
pub struct ParamsDisk {
    image: File,
    size: u64,
    files: u64,
}

/// Why there is no parameters disk.
#[derive(Debug, thiserror::Error)]
pub enum ParamsError {
    /// The content is larger than what was announced, or than a floppy.
    #[error(
        "the parameters with the files to inject do not fit on their disk of {0} bytes{hint}",
        hint = hint(*.0)
    )]
    TooLarge(u64),
    /// A file that would lie outside the directory of the files.
    #[error("{0:?} is not the name of a file on the parameters disk")]
    Name(String),
    /// mke2fs could not be run.
    #[error("cannot run mke2fs (package e2fsprogs): {0}")]
    Tool(io::Error),
    /// mke2fs failed.
    #[error("mke2fs could not make the parameters disk: {0}")]
    Failed(String),
    /// A system call failed.
    #[error("making the parameters disk: {0}")]
    System(#[from] io::Error),
}

/// A floppy alone has a capacity that nobody has chosen.
fn hint(capacity: u64) -> &'static str {
    if capacity == FLOPPY {
        ", a floppy: set HELPER_PARAMETERS=virtio for a disk of any size"
    } else {
        ""
    }
}

impl ParamsDisk {
    /// A disk for at most `files` files that have `bytes` bytes together, beside
    /// `parameters.json`, whose size counts too.
    ///
    /// # Errors
    /// When the system gives no memory file.
    pub fn with_capacity(bytes: u64, files: usize) -> Result<Self, ParamsError> {
        let files = u64::try_from(files).unwrap_or(u64::MAX);
        let size = OVERHEAD
            .saturating_add(bytes)
            // Indirect blocks take 1/256, and there is air.
            .saturating_add(bytes / 64)
            .saturating_add(files.saturating_add(1).saturating_mul(OVERHEAD_PER_FILE))
            .checked_next_multiple_of(4096)
            .ok_or(ParamsError::TooLarge(u64::MAX))?;
        Self::of_size(size, files)
    }

    /// A disk of a floppy's capacity.
    ///
    /// # Errors
    /// When the system gives no memory file.
    pub fn floppy() -> Result<Self, ParamsError> {
        Self::of_size(FLOPPY, 128)
    }

    fn of_size(size: u64, files: u64) -> Result<Self, ParamsError> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let image = rustix::fs::memfd_create("snf-image-params", flags).map_err(io::Error::from)?;
        // Whoever runs as HELPER_USER must not open it through the /proc entry of QEMU.
        rustix::fs::fchmod(&image, Mode::RUSR | Mode::WUSR).map_err(io::Error::from)?;
        let image = File::from(image);
        image.set_len(size)?;
        Ok(ParamsDisk { image, size, files })
    }

    /// The image for QEMU: another opening, for reading only.
    ///
    /// # Errors
    /// When it cannot be opened a second time: /proc is missing.
    pub fn open_for_reading(&self) -> Result<File, ParamsError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(self.path(), flags, Mode::empty());
        Ok(opened.map_err(io::Error::from)?.into())
    }

    /// Writes parameters and files (name on the disk, content), then seals the image against
    /// every change. To be done before the gate opens.
    ///
    /// # Errors
    /// When they do not fit, or mke2fs is missing or fails.
    pub fn fill(
        &self,
        parameters: &Parameters,
        files: &[(String, impl AsRef<[u8]>)],
    ) -> Result<(), ParamsError> {
        // Memory comes in pages, so small files take more there than on the disk.
        let pages = self.files.saturating_add(2).saturating_mul(2 * PAGE);
        let directory = PrivateDir::new(self.size.saturating_add(pages))?;
        let root = directory.path();
        self.write(
            &root,
            PARAMETERS_FILE,
            &serde_json::to_vec(parameters).map_err(io::Error::from)?,
        )?;
        for (name, content) in files {
            self.write(&root, name, content.as_ref())?;
        }
        self.make_file_system(&root)?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&self.image, seals).map_err(io::Error::from)?;
        Ok(())
    }

    fn write(&self, root: &Path, name: &str, content: &[u8]) -> Result<(), ParamsError> {
        let relative = Path::new(name);
        let is_plain = |part| matches!(part, Component::Normal(_));
        if name.is_empty() || !relative.components().all(is_plain) {
            return Err(ParamsError::Name(name.into()));
        }
        let path = root.join(relative);
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, content));
        written.map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull => ParamsError::TooLarge(self.size),
            _ => error.into(),
        })
    }

    /// Both paths lead through this process's /proc entry, which only root may follow.
    fn make_file_system(&self, content: &Path) -> Result<(), ParamsError> {
        let inodes = self.files.saturating_add(32).to_string();
        let mut command = Command::new("mke2fs");
        command
            .args(["-q", "-F", "-t", "ext2", "-m", "0", "-O", "^resize_inode"])
            .args(["-b", &BLOCK.to_string(), "-N", &inodes, "-L", PARAMS_LABEL])
            .arg("-d")
            .arg(content)
            .arg(self.path())
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        let output = die_with_caller(&mut command)
            .output()
            .map_err(ParamsError::Tool)?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        if text.contains("Could not allocate") || text.contains("No space") {
            return Err(ParamsError::TooLarge(self.size));
        }
        let last = text.lines().last().unwrap_or_default();
        Err(ParamsError::Failed(excerpt(last.as_bytes(), 500)))
    }

    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.image.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn parameters() -> Parameters {
        serde_json::from_value(serde_json::json!({
            "version": 1, "hostname": "vm1", "password": "geheim", "password_hash": null,
            "authorized_keys": [], "host_keys": [], "nics": [], "properties": {}, "personality": [],
            "windows": {"product_key": null, "answer_file": null, "time_zone": "UTC", "drivers": null},
        }))
        .unwrap()
    }

    fn debugfs(disk: &ParamsDisk, request: &str) -> Vec<u8> {
        let output = Command::new("debugfs")
            .args(["-R", request])
            .arg(disk.path())
            .output()
            .unwrap();
        output.stdout
    }

    #[test]
    fn the_disk_holds_parameters_and_files_and_is_sound() {
        let files: Vec<_> = (0..300_usize)
            .map(|index| (format!("files/{index}"), vec![b'x'; index * 7]))
            .collect();
        let bytes: usize = files.iter().map(|(_, content)| content.len()).sum();
        let disk = ParamsDisk::with_capacity(bytes as u64 + 1000, files.len()).unwrap();
        let for_qemu = disk.open_for_reading().unwrap();
        disk.fill(&parameters(), &files).unwrap();
        let written: Parameters =
            serde_json::from_slice(&debugfs(&disk, "cat parameters.json")).unwrap();
        assert_eq!(written, parameters());
        assert_eq!(debugfs(&disk, "cat files/299"), vec![b'x'; 299 * 7]);
        let check = Command::new("e2fsck").arg("-fn").arg(disk.path()).status();
        assert!(check.unwrap().success());
        let label = Command::new("blkid")
            .arg("-p")
            .arg(disk.path())
            .output()
            .unwrap();
        assert!(String::from_utf8_lossy(&label.stdout).contains("LABEL=\"SNF-PARAMS\""));
        assert_eq!(for_qemu.metadata().unwrap().len(), disk.size);
        (&disk.image).write_all(b"x").unwrap_err();
        disk.image.set_len(0).unwrap_err();
    }

    #[test]
    fn a_large_file_fits_when_it_was_announced() {
        let files = [("files/0".to_owned(), vec![7; 9_000_000])];
        let disk = ParamsDisk::with_capacity(9_001_000, 1).unwrap();
        disk.fill(&parameters(), &files).unwrap();
    }

    #[test]
    fn thousands_of_files_fit_when_they_were_announced() {
        let files: Vec<_> = (0..3000)
            .map(|index| (format!("files/{index}"), b"x".to_vec()))
            .collect();
        let disk = ParamsDisk::with_capacity(4000, files.len()).unwrap();
        disk.fill(&parameters(), &files).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_refused_in_words() {
        for size in [1_430_000, 1_474_560, 3_000_000] {
            let disk = ParamsDisk::floppy().unwrap();
            let error = disk
                .fill(&parameters(), &[("files/0".to_owned(), vec![7; size])])
                .unwrap_err();
            assert!(matches!(error, ParamsError::TooLarge(1_474_560)), "{error}");
            assert!(error.to_string().contains("HELPER_PARAMETERS=virtio"));
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let disk = ParamsDisk::with_capacity(1000, 1).unwrap();
        for name in ["", "/etc/x", "../x", "files/../../x"] {
            let error = disk.fill(&parameters(), &[(name.to_owned(), Vec::new())]);
            assert!(matches!(error, Err(ParamsError::Name(_))), "{name}");
        }
    }
}
