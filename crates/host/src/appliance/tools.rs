//! The programs that the helper calls, with everything that they are linked to.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::error::ApplianceError;
use super::run::{PATH, Program};
use crate::cancel::Cancel;

/// The programs that the helper's tasks call, and the Debian packages that bring them.
const TOOLS: [(&str, &str); 4] = [
    ("blockdev", "util-linux"),
    ("sfdisk", "fdisk"),
    ("e2fsck", "e2fsprogs"),
    ("resize2fs", "e2fsprogs"),
];

/// Those that few images need. They lie packed in the helper until they are wanted.
const RARE: [(&str, &str); 11] = [
    ("btrfs", "btrfs-progs"),
    ("busybox", "busybox-static"),
    ("lowntfs-3g", "ntfs-3g"),
    ("lvm", "lvm2"),
    ("ntfs-3g.probe", "ntfs-3g"),
    ("ntfsfix", "ntfs-3g"),
    ("ntfsrecover", "ntfs-3g"),
    ("ntfsresize", "ntfs-3g"),
    ("resize.f2fs", "f2fs-tools"),
    ("xfs_growfs", "xfsprogs"),
    ("xorriso", "xorriso"),
];

/// The tools on this machine.
#[derive(Debug)]
pub(super) struct Tools {
    /// Programs, libraries and the loader, by the paths that they must have.
    pub(super) files: BTreeSet<PathBuf>,
    /// The same for each rare program, without what is among the others.
    pub(super) packed: BTreeMap<&'static str, BTreeSet<PathBuf>>,
    /// Versions of the packages, where dpkg knows them.
    pub(super) versions: BTreeMap<String, String>,
}

/// Finds the tools and their libraries.
///
/// # Errors
/// When one is not installed.
pub(super) fn collect(cancel: &Cancel) -> Result<Tools, ApplianceError> {
    let mut programs = Vec::new();
    for (program, package) in TOOLS {
        programs.push(locate(program, package)?);
    }
    let files = with_libraries(programs, cancel)?;
    let mut packed = BTreeMap::new();
    for (program, package) in RARE {
        let own = with_libraries(vec![locate(program, package)?], cancel)?;
        packed.insert(program, &own - &files);
    }
    Ok(Tools {
        files,
        packed,
        versions: versions(None, cancel)?,
    })
}

fn with_libraries(
    programs: Vec<PathBuf>,
    cancel: &Cancel,
) -> Result<BTreeSet<PathBuf>, ApplianceError> {
    let listed = Program::new("lddtree", "pax-utils")
        .args(["--list"])
        .args(&programs)
        .run(cancel)?;
    let mut files: BTreeSet<_> = listed.lines().map(PathBuf::from).collect();
    files.extend(programs);
    Ok(files)
}

fn locate(program: &str, package: &str) -> Result<PathBuf, ApplianceError> {
    PATH.split(':')
        .map(|directory| PathBuf::from(directory).join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| ApplianceError::NotInstalled {
            program: program.to_owned(),
            package: package.to_owned(),
        })
}

/// The versions of the tools' packages on this machine, or in the system with this database.
/// Nothing where there is no dpkg or it knows none of the packages.
pub(super) fn versions(
    database: Option<&Path>,
    cancel: &Cancel,
) -> Result<BTreeMap<String, String>, ApplianceError> {
    let all = TOOLS.into_iter().chain(RARE);
    let packages: BTreeSet<_> = all.map(|(_, package)| package).collect();
    let answer = Program::new("dpkg-query", "dpkg")
        .args(database.map(|path| format!("--admindir={}", path.display())))
        .args(["--showformat=${Package} ${Version}\n", "--show"])
        .args(packages)
        .run(cancel);
    match answer {
        Ok(text) => Ok(text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(package, version)| (package.to_owned(), version.to_owned()))
            .collect()),
        Err(ApplianceError::Cancelled) => Err(ApplianceError::Cancelled),
        Err(_) => Ok(BTreeMap::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_brings_its_libraries_and_the_loader() {
        let tools = collect(&Cancel::new().unwrap()).unwrap();
        let has = |part: &str| {
            tools
                .files
                .iter()
                .any(|path| path.to_string_lossy().contains(part))
        };
        for part in [
            "/sfdisk",
            "/e2fsck",
            "/resize2fs",
            "/libfdisk.so",
            "/ld-linux",
        ] {
            assert!(has(part), "{part} is missing in {:?}", tools.files);
        }
        let packed = |program: &str, part: &str| {
            let mut files = tools.packed[program].iter();
            files.any(|path| path.to_string_lossy().contains(part))
        };
        assert!(packed("lvm", "/lvm") && packed("lvm", "/libdevmapper.so"));
        assert!(!packed("lvm", "/libc.so") && !has("/libdevmapper.so"));
    }

    #[test]
    fn a_missing_tool_is_named_with_its_package() {
        let error = locate("no-such-tool", "its-package")
            .unwrap_err()
            .to_string();
        assert!(error.contains("no-such-tool") && error.contains("its-package"));
    }
}
