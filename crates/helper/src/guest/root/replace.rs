//! Replaces a file as a whole: nobody ever sees half of it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::attributes::{Attributes, copy_extended, copy_label};
use super::place::{Place, require_regular};
use super::{HOW_TO_EDIT, HOW_TO_READ, Root, Ways, failed, shown};
use crate::error::{Doing, Error, Result};

/// How many names are tried for the file that is written; each taken one is left alone.
const NAMES_TRIED: usize = 1000;

/// What a file has of the one that it replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Owner, group, permissions and all extended attributes.
    Everything,
    /// Only the SELinux label, which says what a path is for.
    Label,
}

impl Root {
    /// Gives a file new content. It keeps its owner, group, permissions and extended
    /// attributes; where there was none, a file with the attributes `fresh` is made. A link
    /// at the end of the path is followed inside the root and stays.
    ///
    /// # Errors
    /// When its directory does not exist, when it is no regular file, or when it cannot be
    /// written; it is unchanged then.
    pub fn rewrite(&self, path: impl AsRef<Path>, content: &[u8], fresh: Attributes) -> Result<()> {
        self.put(path.as_ref(), content, fresh, Keep::Everything)
    }

    /// Makes a file, or replaces one, with these attributes whatever was there. A link at
    /// the end of the path is followed inside the root and stays.
    ///
    /// # Errors
    /// As for [`Root::rewrite`].
    pub fn install(
        &self,
        path: impl AsRef<Path>,
        content: &[u8],
        attributes: Attributes,
    ) -> Result<()> {
        self.put(path.as_ref(), content, attributes, Keep::Label)
    }

    fn put(&self, path: &Path, content: &[u8], attributes: Attributes, keep: Keep) -> Result<()> {
        let place = self.place(path)?;
        self.check_link(path, place.as_ref())?;
        let Some(place) = place else {
            return Err(Error::image(format!(
                "{} cannot be written: the directory that should hold it does not exist",
                shown(path)
            )));
        };
        let writing = || format!("writing {}", shown(path));
        if self.ways == Ways::Windows {
            return overwrite(&place, path, content);
        }
        let attributes = match &place.found {
            Some(found) => {
                require_regular(path, found)?;
                match keep {
                    Keep::Everything => Attributes::of(found),
                    Keep::Label => attributes,
                }
            }
            None => attributes,
        };
        let mut new = NewFile::create(place.directory.as_fd(), path)?;
        // Content first: a write takes capabilities and set-user-id bits away again.
        new.file.write_all(content).doing(writing)?;
        attributes.give(&new.file).doing(writing)?;
        self.give_extended(path, &place, &new.file, keep)
            .doing(writing)?;
        new.rename_to(&place).doing(writing)
    }

    fn give_extended(
        &self,
        path: &Path,
        place: &Place,
        to: &File,
        keep: Keep,
    ) -> rustix::io::Result<()> {
        if place.found.is_none() {
            return self.label(path, place, FileType::RegularFile, to);
        }
        let old = openat(&place.directory, &place.name, HOW_TO_READ, Mode::empty())?;
        match keep {
            Keep::Everything => copy_extended(old, to)?,
            Keep::Label => copy_label(old, to)?,
        }
        self.label_anew(path, place, to)
    }
}

/// Writes into the file that is there, or makes one: its access list, its streams and whatever
/// else Windows keeps of it stay. Should that fail midway, so does the deployment.
fn overwrite(place: &Place, path: &Path, content: &[u8]) -> Result<()> {
    if let Some(found) = &place.found {
        require_regular(path, found)?;
    }
    let flags = match &place.found {
        Some(_) => HOW_TO_EDIT,
        None => HOW_TO_EDIT | OFlags::CREATE | OFlags::EXCL,
    };
    let write = || {
        let file = openat(
            &place.directory,
            &place.name,
            flags,
            Mode::RUSR | Mode::WUSR,
        )?;
        let mut file = File::from(file);
        file.set_len(0)?;
        file.write_all(content)
    };
    write().doing(|| format!("writing {}", shown(path)))
}

/// A directory held with `O_PATH`, opened so that its attributes can be read.
pub(super) fn readable(directory: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(directory, c".", flags, Mode::empty())
}

/// A file under a name of its own, removed again unless it takes another's place.
struct NewFile<'place> {
    directory: BorrowedFd<'place>,
    name: String,
    file: File,
    renamed: bool,
}

impl<'place> NewFile<'place> {
    fn create(directory: BorrowedFd<'place>, path: &Path) -> Result<Self> {
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        for number in 0..NAMES_TRIED {
            let name = format!(".snf-image-{number}.new");
            match openat(directory, &name, flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => {
                    return Ok(NewFile {
                        directory,
                        name,
                        file: file.into(),
                        renamed: false,
                    });
                }
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(failed("making a file beside", path, errno)),
            }
        }
        Err(failed("making a file beside", path, Errno::EXIST))
    }

    fn rename_to(mut self, place: &Place) -> rustix::io::Result<()> {
        renameat(self.directory, &self.name, &place.directory, &place.name)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            // Nothing more can be done about a failure: the task fails already.
            let _ = unlinkat(self.directory, &self.name, AtFlags::empty());
        }
    }
}
