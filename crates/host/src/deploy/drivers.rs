//! Drivers for Windows that the node has, found by their name below WINDOWS_DRIVERS_DIR.
//!
//! An ISO file is not looked into: the helper gets it as a disk. Of a directory the drivers that may be
//! needed are read, for all versions of Windows; which one the image is, is known to the helper alone.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use snf_image_protocol::Drivers as Names;

use crate::request::Drivers;
use crate::source::beneath::{self, BeneathError};

/// The most that the files of a directory may have together, in bytes: they travel through memory.
/// Those of virtio-win 0.1.271 have some 30 MiB.
const MAX_BYTES: u64 = 128 << 20;
/// The most files of a directory, and the most entries of one directory in it.
const MAX_FILES: usize = 4096;

/// Where ISO 9660 has its first descriptor, and how that begins (ECMA-119, 8.1).
const DESCRIPTOR: u64 = 16 * 2048;
const ISO_9660: &[u8; 6] = b"\x01CD001";

/// Why there are no drivers to put into an image.
#[derive(Debug, thiserror::Error)]
pub enum DriversError {
    /// WINDOWS_DRIVERS_DIR is not there.
    #[error("the directory of drivers {} (WINDOWS_DRIVERS_DIR) cannot be opened: {error}", path.display())]
    Directory {
        /// WINDOWS_DRIVERS_DIR.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
    /// Nothing of that name, or it leads elsewhere.
    #[error("property WINDOWS_DRIVERS={name}: there is nothing of that name in {} (WINDOWS_DRIVERS_DIR)", directory.display())]
    Missing {
        /// The name.
        name: String,
        /// WINDOWS_DRIVERS_DIR.
        directory: PathBuf,
    },
    /// It is neither a directory with drivers nor an ISO file.
    #[error("property WINDOWS_DRIVERS={name}: {reason}")]
    Unfit {
        /// The name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// It cannot be read.
    #[error("reading the drivers {name}: {error}")]
    Read {
        /// The name.
        name: String,
        /// The system's answer.
        error: io::Error,
    },
}

/// Finds drivers by their name in the directory that holds those of the node.
///
/// # Errors
/// See [`DriversError`].
pub(super) fn find(name: &str, directory: &Path) -> Result<Drivers, DriversError> {
    let unfit = |reason| DriversError::Unfit {
        name: name.into(),
        reason,
    };
    let failed = |error| DriversError::Read {
        name: name.into(),
        error,
    };
    let found = beneath::find(directory, Path::new(name)).map_err(|error| match error {
        BeneathError::Directory(error) => DriversError::Directory {
            path: directory.into(),
            error,
        },
        BeneathError::Missing | BeneathError::Outside => DriversError::Missing {
            name: name.into(),
            directory: directory.into(),
        },
        BeneathError::Open(error) => failed(error),
    })?;
    let kind = found.metadata().map_err(failed)?.file_type();
    if kind.is_file() {
        let file = found.open().map_err(failed)?;
        return match is_iso(&file).map_err(failed)? {
            true => Ok(Drivers::Disk(file)),
            false => Err(unfit("it is no ISO file")),
        };
    }
    if !kind.is_dir() {
        return Err(unfit("it is neither a directory nor an ISO file"));
    }
    let mut files = Files::default();
    match files.collect(&found.path(), &mut Vec::new()) {
        Ok(()) if files.all.is_empty() => Err(unfit(
            "it holds no drivers in directories such as viostor/w10/amd64, as those of virtio-win do",
        )),
        Ok(()) => Ok(Drivers::Files(files.all)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(unfit(
            "its drivers are more than 4096 files or 128 MiB: give the ISO file instead",
        )),
        Err(error) => Err(failed(error)),
    }
}

fn is_iso(file: &File) -> io::Result<bool> {
    let mut begin = [0; 6];
    match file.read_exact_at(&mut begin, DESCRIPTOR) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| begin == *ISO_9660),
    }
}

/// Files with their places, as far as they were read.
#[derive(Default)]
struct Files {
    all: Vec<(String, Vec<u8>)>,
    bytes: u64,
}

impl Files {
    /// Reads what lies three directories down: driver, Windows, processor. `above` are their names.
    fn collect(&mut self, directory: &Path, above: &mut Vec<String>) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(directory)? {
            if entries.len() == MAX_FILES {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            entries.push(entry?);
        }
        // What is read does not depend on the order that the file system has.
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let is_wanted = match above.len() {
                0 => Names::NAMES
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(&name)),
                _ => Names::is_file_name(&name),
            };
            // Links are the administrator's own.
            let Ok(about) = fs::metadata(entry.path()) else {
                continue;
            };
            if !is_wanted {
                continue;
            }
            if above.len() < 3 && about.is_dir() {
                above.push(name);
                self.collect(&entry.path(), above)?;
                above.pop();
            } else if above.len() == 3 && about.is_file() {
                self.read(&entry.path(), format!("{}/{name}", above.join("/")))?;
            }
        }
        Ok(())
    }

    fn read(&mut self, path: &Path, place: String) -> io::Result<()> {
        let left = MAX_BYTES.saturating_sub(self.bytes);
        let mut content = Vec::new();
        let most = left.saturating_add(1);
        File::open(path)?.take(most).read_to_end(&mut content)?;
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        if length > left || self.all.len() == MAX_FILES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes = self.bytes.saturating_add(length);
        self.all.push((place, content));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A file with what its directories begin with.
    fn file(directory: &Path, path: &str) {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "content").unwrap();
    }

    #[test]
    fn of_a_directory_the_drivers_of_disks_and_network_are_read() {
        let directory = tempfile::tempdir().unwrap();
        for path in [
            "win/viostor/w10/amd64/viostor.sys",
            "win/viostor/w10/amd64/viostor.pdb",
            "win/viostor/w10/amd64/deeper/viostor.inf",
            "win/viostor/readme.txt",
            "win/NETKVM/2k22/ARM64/netkvm.inf",
            "win/Balloon/w10/amd64/balloon.sys",
            "win/guest-agent/qemu-ga.msi",
        ] {
            file(directory.path(), path);
        }
        let Drivers::Files(files) = find("win", directory.path()).unwrap() else {
            panic!("a directory is files");
        };
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "NETKVM/2k22/ARM64/netkvm.inf",
                "viostor/w10/amd64/viostor.sys"
            ]
        );
    }

    #[test]
    fn what_is_no_drivers_or_lies_elsewhere_is_refused_in_words() {
        let directory = tempfile::tempdir().unwrap();
        let within = directory.path().join("within");
        file(&within, "some/viostor/viostor.sys");
        file(&within, "text.iso");
        symlink("..", within.join("out")).unwrap();
        let mut iso = vec![0; 32768];
        iso.extend(ISO_9660);
        fs::write(within.join("real.iso"), iso).unwrap();
        symlink("real.iso", within.join("latest.iso")).unwrap();
        assert!(matches!(
            find("latest.iso", &within).unwrap(),
            Drivers::Disk(_)
        ));
        for (name, words) in [
            ("none", "there is nothing of that name in"),
            ("out", "there is nothing of that name in"),
            ("text.iso", "no ISO file"),
            ("some", "viostor/w10/amd64"),
        ] {
            let error = find(name, &within).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains(name), "{error}");
        }
        let error = find("x", Path::new("/nonexistent")).unwrap_err();
        assert!(error.to_string().contains("WINDOWS_DRIVERS_DIR"), "{error}");
    }
}
