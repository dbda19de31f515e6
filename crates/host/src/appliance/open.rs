//! Takes hold of the helper's files for one run, and finds out whether they can be trusted.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;

use super::error::{ApplianceError, Doing};
use super::files::digest;
use super::manifest::{FileEntry, MANIFEST_FILE, MAX_MANIFEST, Manifest, Unusable};

/// HELPER_DIR where no configuration names another.
pub const DEFAULT_DIRECTORY: &str = "/var/lib/snf-image/helper";

/// Where the package snf-image-appliance puts its helper.
const PACKAGED: &str = "/usr/lib/snf-image/appliance";

/// A helper whose files are open: a rebuild cannot change them under a running VM.
#[derive(Debug)]
pub struct Appliance {
    directory: PathBuf,
    manifest: Manifest,
    kernel: File,
    initrd: File,
    root: Option<File>,
}

impl Appliance {
    /// Opens the helper in `directory` (HELPER_DIR). The files' sizes are compared with the
    /// manifest, their contents only by [`Appliance::verify`]. Where [`DEFAULT_DIRECTORY`] has
    /// none of this release, the helper of the package snf-image-appliance is taken.
    ///
    /// # Errors
    /// When there is none, it is of another release, or a file is missing or has another
    /// size.
    pub fn open(directory: &Path) -> Result<Self, ApplianceError> {
        if directory == Path::new(DEFAULT_DIRECTORY) {
            Self::open_first(directory, Path::new(PACKAGED))
        } else {
            Self::open_in(directory)
        }
    }

    /// Opens the helper that was built here, unless there is none or it is of another release.
    fn open_first(built: &Path, packaged: &Path) -> Result<Self, ApplianceError> {
        match Self::open_in(built) {
            Err(error @ (ApplianceError::Missing(_) | ApplianceError::Stale { .. })) => {
                match Self::open_in(packaged) {
                    Err(ApplianceError::Missing(_)) => Err(error),
                    result => result,
                }
            }
            result => result,
        }
    }

    fn open_in(directory: &Path) -> Result<Self, ApplianceError> {
        let manifest = read(directory)?;
        match Self::with(directory, manifest.clone()) {
            // A rebuild may have replaced both after the manifest was read.
            Err(ApplianceError::Damaged { .. }) if read(directory)? != manifest => {
                Self::with(directory, read(directory)?)
            }
            result => result,
        }
    }

    fn with(directory: &Path, manifest: Manifest) -> Result<Self, ApplianceError> {
        Ok(Appliance {
            kernel: open(directory, &manifest.kernel)?,
            initrd: open(directory, &manifest.initrd)?,
            root: (manifest.root.as_ref())
                .map(|entry| open(directory, entry))
                .transpose()?,
            directory: directory.to_owned(),
            manifest,
        })
    }

    /// Compares the content of the files with the manifest. This reads some 60 MB, and
    /// twice as much where there is a root file system.
    ///
    /// # Errors
    /// When a file differs; it is named.
    pub fn verify(&self) -> Result<(), ApplianceError> {
        thread::scope(|scope| {
            let kernel = scope.spawn(|| self.verify_file(&self.kernel, &self.manifest.kernel));
            let initrd = self.verify_file(&self.initrd, &self.manifest.initrd);
            let root = match (&self.root, &self.manifest.root) {
                (Some(file), Some(entry)) => self.verify_file(file, entry),
                _ => Ok(()),
            };
            kernel
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread ended")).doing(hashing))?;
            initrd.and(root)
        })
    }

    fn verify_file(&self, file: &File, entry: &FileEntry) -> Result<(), ApplianceError> {
        let (sha256, _) = digest(file).doing(hashing)?;
        if sha256 == entry.sha256 {
            return Ok(());
        }
        Err(ApplianceError::Damaged {
            path: self.directory.join(&entry.name),
            why: "its SHA-256 is not the manifest's".to_owned(),
        })
    }

    /// The kernel, an uncompressed ELF file with a PVH entry, open for reading.
    #[must_use]
    pub fn kernel(&self) -> &File {
        &self.kernel
    }

    /// The initramfs, open for reading.
    #[must_use]
    pub fn initrd(&self) -> &File {
        &self.initrd
    }

    /// The root file system, open for reading, where there is one.
    #[must_use]
    pub fn root(&self) -> Option<&File> {
        self.root.as_ref()
    }

    /// Looks whether parameters on a floppy can be read in it.
    ///
    /// # Errors
    /// When its kernel is known to have no driver of one.
    pub fn check_floppy(&self) -> Result<(), ApplianceError> {
        if self.manifest.has_floppy == Some(false) {
            return Err(ApplianceError::NoFloppy(self.directory.clone()));
        }
        Ok(())
    }

    /// Where it lies.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is known about both; [`Manifest::describe`] is the text for a person.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

fn hashing() -> String {
    "reading the helper's files".to_owned()
}

fn read(directory: &Path) -> Result<Manifest, ApplianceError> {
    let path = directory.join(MANIFEST_FILE);
    let doing = || format!("reading {}", path.display());
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ApplianceError::Missing(directory.to_owned()));
        }
        other => other.doing(doing)?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_MANIFEST)
        .read_to_end(&mut bytes)
        .doing(doing)?;
    Manifest::parse(&bytes).map_err(|unusable| match unusable {
        Unusable::Stale { found, expected } => ApplianceError::Stale {
            directory: directory.to_owned(),
            found,
            expected,
        },
        Unusable::Damaged(why) => ApplianceError::Damaged { path, why },
    })
}

fn open(directory: &Path, entry: &FileEntry) -> Result<File, ApplianceError> {
    let path = directory.join(&entry.name);
    let damaged = |why: String| ApplianceError::Damaged {
        path: path.clone(),
        why,
    };
    let file = File::open(&path).map_err(|error| damaged(error.to_string()))?;
    let size = file
        .metadata()
        .map_err(|error| damaged(error.to_string()))?
        .len();
    if size == entry.size {
        Ok(file)
    } else {
        Err(damaged(format!("it has {size} bytes, not {}", entry.size)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::appliance::files::digest_of;
    use crate::appliance::manifest::tests::example;
    use std::fs;

    fn helper() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let mut manifest = example();
        for (entry, content) in [
            (&mut manifest.kernel, b"abc"),
            (&mut manifest.initrd, b"def"),
        ] {
            entry.sha256 = digest_of(content);
            fs::write(directory.path().join(&entry.name), content).unwrap();
        }
        write_manifest(directory.path(), &manifest);
        directory
    }

    fn write_manifest(directory: &Path, manifest: &Manifest) {
        let bytes = serde_json::to_vec(manifest).unwrap();
        fs::write(directory.join(MANIFEST_FILE), bytes).unwrap();
    }

    fn why_not(directory: &Path) -> String {
        Appliance::open(directory)
            .and_then(|appliance| appliance.verify())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_whole_helper_opens_and_verifies() {
        let directory = helper();
        Appliance::open(directory.path()).unwrap().verify().unwrap();
    }

    #[test]
    fn the_packaged_helper_stands_in_for_one_that_is_missing_or_stale_but_not_for_a_damaged_one() {
        let (built, packaged) = (helper(), helper());
        let chosen = || {
            Appliance::open_first(built.path(), packaged.path())
                .map(|appliance| appliance.directory().to_owned())
        };
        assert_eq!(chosen().unwrap(), built.path());
        fs::write(built.path().join("kernel-abababababab"), "damaged").unwrap();
        assert!(matches!(chosen(), Err(ApplianceError::Damaged { .. })));
        let mut stale = example();
        stale.release = "0.1".to_owned();
        write_manifest(built.path(), &stale);
        assert_eq!(chosen().unwrap(), packaged.path());
        fs::remove_file(built.path().join(MANIFEST_FILE)).unwrap();
        assert_eq!(chosen().unwrap(), packaged.path());
        fs::remove_file(packaged.path().join(MANIFEST_FILE)).unwrap();
        let error = chosen().unwrap_err().to_string();
        assert!(error.contains(built.path().to_str().unwrap()), "{error}");
    }

    #[test]
    fn a_missing_helper_says_how_to_get_one() {
        let directory = tempfile::tempdir().unwrap();
        assert!(why_not(directory.path()).contains("there is no helper in"));
        let why = why_not(&directory.path().join("none"));
        assert!(why.contains("run `snf-image helper build`"), "{why}");
    }

    #[test]
    fn a_stale_helper_names_both_releases() {
        let directory = helper();
        let mut manifest = example();
        manifest.release = "0.1".to_owned();
        write_manifest(directory.path(), &manifest);
        let why = why_not(directory.path());
        assert!(why.contains("release 0.1 (protocol"), "{why}");
        assert!(why.contains(env!("CARGO_PKG_VERSION")), "{why}");
    }

    #[test]
    fn a_damaged_file_is_named() {
        for (name, content) in [
            ("kernel-abababababab", &b"abX"[..]),
            ("initrd-abababababab", b"dXf"),
            ("initrd-abababababab", b"longer"),
            (MANIFEST_FILE, b"{}"),
            (MANIFEST_FILE, b""),
        ] {
            let directory = helper();
            fs::write(directory.path().join(name), content).unwrap();
            let why = why_not(directory.path());
            assert!(why.contains(name) && why.contains("is damaged"), "{why}");
        }
        let directory = helper();
        fs::remove_file(directory.path().join("initrd-abababababab")).unwrap();
        assert!(why_not(directory.path()).contains("initrd-abababababab is damaged"));
    }

    #[test]
    fn a_helper_without_the_driver_takes_no_parameters_on_a_floppy() {
        let directory = helper();
        for (has_floppy, is_refused) in [(None, false), (Some(true), false), (Some(false), true)] {
            let mut manifest = example();
            manifest.has_floppy = has_floppy;
            write_manifest(directory.path(), &manifest);
            let checked = Appliance::open(directory.path()).unwrap().check_floppy();
            assert_eq!(checked.is_err(), is_refused, "{has_floppy:?}");
        }
    }
}
