//! Drivers of virtio for a Windows: which ones it needs, and where they are in virtio-win.
//!
//! virtio-win has directories `DRIVER/WINDOWS/PROCESSOR` (`viostor/2k22/amd64`), in an ISO file or out of it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use snf_image_protocol::Drivers;

use crate::error::{Doing, Error, Result};
use crate::guest::windows::system::{FIRST_BUILD_OF_11, Windows};

mod registry;

pub use registry::{STORAGE, Storage, add_path, register};

/// The most entries that are looked at in a directory, and files of one driver.
const MAX_ENTRIES: usize = 4096;
const MAX_FILES: usize = 64;
/// The largest file of a driver, in bytes.
pub const MAX_FILE: u64 = 32 << 20;

/// A driver that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// As virtio-win calls it.
    pub name: &'static str,
    /// The directories of Windows and processor, such as `2k22/amd64`.
    pub place: String,
    /// Its files: the name, and where it is.
    pub files: Vec<(String, PathBuf)>,
}

/// Finds the drivers for a Windows. Those that there are none of are left out.
///
/// # Errors
/// When a directory cannot be read, or one has too many files.
pub fn find(media: &Path, windows: &Windows) -> Result<Vec<Driver>> {
    let mut found = Vec::new();
    for name in Drivers::NAMES {
        let Some(directory) = child(media, name)? else {
            continue;
        };
        for edition in editions(windows) {
            let Some(at) = child(&directory, edition)? else {
                continue;
            };
            let Some(at) = child(&at, windows.architecture.name())? else {
                continue;
            };
            let files = files(&at)?;
            if files.iter().any(|(name, _)| is_inf(name)) {
                found.push(Driver {
                    name,
                    place: format!("{edition}/{}", windows.architecture.name()),
                    files,
                });
                break;
            }
        }
    }
    Ok(found)
}

/// What virtio-win calls a Windows, and behind it those whose drivers serve it as well: the ones of the
/// same version of NT, and of Windows 10 and later those of earlier builds.
#[must_use]
pub fn editions(windows: &Windows) -> &'static [&'static str] {
    match (windows.version, windows.is_server) {
        ((6, 0), _) => &["2k8"],
        ((6, 1), true) => &["2k8R2", "w7"],
        ((6, 1), false) => &["w7", "2k8R2"],
        ((6, 2), true) => &["2k12", "w8"],
        ((6, 2), false) => &["w8", "2k12"],
        ((6, 3), true) => &["2k12R2", "w8.1"],
        ((6, 3), false) => &["w8.1", "2k12R2"],
        ((10, _), true) => match windows.build {
            26_000.. => &["2k25", "2k22", "2k19", "2k16"],
            20_348.. => &["2k22", "2k19", "2k16"],
            17_763.. => &["2k19", "2k16"],
            _ => &["2k16", "w10"],
        },
        ((10, _), false) if windows.build >= FIRST_BUILD_OF_11 => &["w11", "w10"],
        ((10, _), false) => &["w10"],
        _ => &[],
    }
}

/// The directory of a name, in upper or lower case.
fn child(directory: &Path, name: &str) -> Result<Option<PathBuf>> {
    let mut found = None;
    for (entry, path) in entries(directory)? {
        if entry.eq_ignore_ascii_case(name) && path.is_dir() {
            found = Some(path);
        }
    }
    Ok(found)
}

fn files(directory: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut files: Vec<_> = entries(directory)?
        .into_iter()
        .filter(|(name, path)| Drivers::is_file_name(name) && path.is_file())
        .collect();
    files.sort();
    if files.len() > MAX_FILES {
        return Err(Error::image(format!(
            "the directory {} of the drivers has more than {MAX_FILES} files",
            directory.display()
        )));
    }
    Ok(files)
}

fn entries(directory: &Path) -> Result<Vec<(String, PathBuf)>> {
    let doing = || format!("reading the drivers in {}", directory.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).doing(doing)?.take(MAX_ENTRIES) {
        let entry = entry.doing(doing)?;
        if let Ok(name) = entry.file_name().into_string() {
            entries.push((name, entry.path()));
        }
    }
    Ok(entries)
}

/// Without that file Windows installs nothing.
fn is_inf(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".inf")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::windows::answer_file::Architecture;
    use crate::guest::windows::system::Setup;

    fn windows(version: (u32, u32), build: u32, is_server: bool) -> Windows {
        Windows {
            version,
            build,
            product: "Windows".into(),
            is_server,
            architecture: Architecture::Arm64,
            setup: Setup::Generalized,
            control_set: "ControlSet001".into(),
            answer_file: None,
        }
    }

    #[test]
    fn a_windows_is_called_as_virtio_win_calls_it() {
        for (windows, first) in [
            (windows((6, 0), 6002, false), "2k8"),
            (windows((6, 1), 7601, true), "2k8R2"),
            (windows((6, 1), 7601, false), "w7"),
            (windows((6, 2), 9200, true), "2k12"),
            (windows((6, 3), 9600, false), "w8.1"),
            (windows((10, 0), 14_393, true), "2k16"),
            (windows((10, 0), 17_763, true), "2k19"),
            (windows((10, 0), 20_348, true), "2k22"),
            (windows((10, 0), 26_100, true), "2k25"),
            (windows((10, 0), 19_045, false), "w10"),
            (windows((10, 0), 26_100, false), "w11"),
        ] {
            assert_eq!(editions(&windows).first(), Some(&first), "{windows}");
        }
    }

    #[test]
    fn the_nearest_drivers_that_are_whole_are_taken_whatever_their_case() {
        let media = tempfile::tempdir().unwrap();
        for path in [
            "viostor/2k19/ARM64/viostor.inf",
            "viostor/2k16/ARM64/viostor.inf",
            "viostor/2k22/amd64/viostor.inf",
            "VIOSCSI/2K22/arm64/VIOSCSI.INF",
            "VIOSCSI/2K22/arm64/vioscsi.pdb",
            "VIOSCSI/2K22/arm64/a name",
            "NetKVM/2k22/ARM64/netkvm.sys",
        ] {
            let path = media.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = find(media.path(), &windows((10, 0), 20_348, true)).unwrap();
        let named: Vec<_> = found
            .iter()
            .map(|driver| (driver.name, driver.place.as_str(), driver.files.len()))
            .collect();
        assert_eq!(
            named,
            [("viostor", "2k19/arm64", 1), ("vioscsi", "2k22/arm64", 1)]
        );
    }
}
