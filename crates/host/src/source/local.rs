//! A raw image in a regular file or on a block device, opened once and read by descriptor.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, Mode, OFlags, SeekFrom, fadvise, open, seek};
use rustix::io::Errno;

/// An image that is open for reading. Its name is looked up once: whatever happens to the
/// path afterwards, the bytes come from the file that was checked.
#[derive(Debug)]
pub struct Source {
    file: File,
    path: PathBuf,
    length: u64,
    identity: (u64, u64),
    /// For regular files.
    times: Option<Times>,
}

/// When a file was changed, in seconds and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Times {
    /// Its content. Whoever owns the file can set this back.
    content: (i64, i64),
    /// Anything of it (ctime). The kernel alone sets this.
    anything: (i64, i64),
}

impl Times {
    fn of(metadata: &Metadata) -> Self {
        Times {
            content: (metadata.mtime(), metadata.mtime_nsec()),
            anything: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Why an image cannot be read, or cannot be trusted to be what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is nothing of that name.
    #[error("image {} does not exist", path.display())]
    Missing {
        /// The image.
        path: PathBuf,
    },
    /// It is of a kind that holds no image.
    #[error("image {} is {what}; give a regular file or a block device", path.display())]
    Unfit {
        /// The image.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// It holds no byte.
    #[error("image {} is empty", path.display())]
    Empty {
        /// The image.
        path: PathBuf,
    },
    /// The system refused to open it.
    #[error("cannot open image {}: {error}", path.display())]
    Open {
        /// The image.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The system could not read it.
    #[error("cannot read image {} at byte {offset}: {error}", path.display())]
    Read {
        /// The image.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// Why.
        error: io::Error,
    },
    /// It ends before the length it had when it was opened.
    #[error("image {} shrank while it was copied: it ends before byte {expected} of {length}", path.display())]
    Shrank {
        /// The image.
        path: PathBuf,
        /// The end of what should have been read.
        expected: u64,
        /// Its length when it was opened.
        length: u64,
    },
    /// Its length or time of change is not what it was.
    #[error("image {} was changed while it was copied; deploy again once nobody writes to it", path.display())]
    Changed {
        /// The image.
        path: PathBuf,
    },
    /// Its inode is not what it was: it cannot be told that all who read it read the same.
    #[error(
        "image {} was written to, renamed, removed or given other rights while it was verified and copied; \
         deploy again once nobody does",
        path.display()
    )]
    Touched {
        /// The image.
        path: PathBuf,
    },
}

impl Source {
    /// Opens the image at `path` and settles its length. Links are followed.
    ///
    /// # Errors
    /// When it is missing, empty, unreadable, or neither a regular file nor a block device.
    /// Named pipes and devices that would block or act when opened are refused unopened.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => SourceError::Missing { path: path.into() },
            _ => SourceError::Open {
                path: path.into(),
                error,
            },
        };
        refuse_unfit(path, &std::fs::metadata(path).map_err(failed)?)?;
        // NONBLOCK: should the path lead to a pipe by now, the open returns all the same.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        Self::from_file(file.into(), path)
    }

    /// Takes over an image that is open for reading; `path` is for messages.
    ///
    /// # Errors
    /// When it is empty, unreadable, or neither a regular file nor a block device.
    pub fn from_file(file: File, path: &Path) -> Result<Self, SourceError> {
        let failed = |error: io::Error| SourceError::Open {
            path: path.into(),
            error,
        };
        let metadata = file.metadata().map_err(failed)?;
        refuse_unfit(path, &metadata)?;
        let (length, times) = if metadata.file_type().is_block_device() {
            (
                seek(&file, SeekFrom::End(0)).map_err(|errno| failed(errno.into()))?,
                None,
            )
        } else {
            (metadata.len(), Some(Times::of(&metadata)))
        };
        if length == 0 {
            return Err(SourceError::Empty { path: path.into() });
        }
        // Only a hint: without it the copy is as right, and a little slower from a slow disk.
        let _ = fadvise(&file, 0, None, Advice::Sequential);
        let identity = (metadata.dev(), metadata.ino());
        Ok(Source {
            file,
            path: path.into(),
            length,
            identity,
            times,
        })
    }

    /// The same open image once more.
    ///
    /// # Errors
    /// When descriptors have run out.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Source {
            file: self.file.try_clone()?,
            path: self.path.clone(),
            ..*self
        })
    }

    /// The path it was opened by, for messages only.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file, for a reader that takes it from its beginning to its end.
    pub(crate) fn reader(&self) -> &File {
        &self.file
    }

    /// Its length in bytes, as it was when it was opened; never zero.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// File system and inode, which tell whether two descriptors lead to one file.
    pub(crate) fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// Fills `buffer` with the bytes at `offset`.
    ///
    /// # Errors
    /// When the system cannot read, or the image ends before the buffer is full.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), SourceError> {
        let wanted = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        self.file
            .read_exact_at(buffer, offset)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => SourceError::Shrank {
                    path: self.path.clone(),
                    expected: offset.saturating_add(wanted),
                    length: self.length,
                },
                _ => SourceError::Read {
                    path: self.path.clone(),
                    offset,
                    error,
                },
            })
    }

    /// The next range that may hold data at or after `from`; the bytes before it are zeroes.
    /// `None` when there are only zeroes up to the end. A source that cannot tell holes from
    /// data, such as a block device, is one range.
    ///
    /// # Errors
    /// When the system cannot search (lseek(2) with SEEK_DATA, SEEK_HOLE).
    pub fn next_data(&self, from: u64) -> Result<Option<Range<u64>>, SourceError> {
        if from >= self.length {
            return Ok(None);
        }
        let start = match seek(&self.file, SeekFrom::Data(from)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return Ok(None),
            Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some(from..self.length)),
            Err(errno) => return Err(self.search_failed(from, errno)),
        };
        if start >= self.length {
            return Ok(None);
        }
        match seek(&self.file, SeekFrom::Hole(start)) {
            Ok(end) => Ok(Some(start..end.min(self.length))),
            // It shrank between the two questions: reading up to the end will say so.
            Err(Errno::NXIO) => Ok(Some(start..self.length)),
            Err(errno) => Err(self.search_failed(start, errno)),
        }
    }

    /// Looks whether the file is still as it was when it was opened. Somebody who writes to
    /// it during the copy would leave a mixture of old and new on the target.
    ///
    /// # Errors
    /// When its length or its time of change differs.
    pub fn check_unchanged(&self) -> Result<(), SourceError> {
        self.times_now().map(drop)
    }

    /// Looks whether nothing at all of the file's inode has changed since it was opened. That is for an
    /// image that is read twice, once to verify it and once to copy it: its owner could change it in
    /// between and set the time of that back, but not the inode's own (ctime).
    ///
    /// # Errors
    /// When its length or one of its times differs.
    pub fn check_untouched(&self) -> Result<(), SourceError> {
        if self.times_now()? == self.times {
            return Ok(());
        }
        Err(SourceError::Touched {
            path: self.path.clone(),
        })
    }

    /// When the file was changed, of which the time of its content is as it was.
    fn times_now(&self) -> Result<Option<Times>, SourceError> {
        let Some(before) = &self.times else {
            return Ok(None);
        };
        let metadata = self.file.metadata().map_err(|error| SourceError::Open {
            path: self.path.clone(),
            error,
        })?;
        let now = Times::of(&metadata);
        if metadata.len() == self.length && now.content == before.content {
            Ok(Some(now))
        } else {
            Err(SourceError::Changed {
                path: self.path.clone(),
            })
        }
    }

    fn search_failed(&self, offset: u64, errno: Errno) -> SourceError {
        SourceError::Read {
            path: self.path.clone(),
            offset,
            error: errno.into(),
        }
    }
}

fn refuse_unfit(path: &Path, metadata: &Metadata) -> Result<(), SourceError> {
    match super::unfit(metadata.file_type()) {
        Some(what) => Err(SourceError::Unfit {
            path: path.into(),
            what,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn refusal(path: &Path) -> String {
        Source::open(path).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_image_is_refused_by_name_and_kind() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let fifo = at("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR).unwrap();
        let _listener = UnixListener::bind(at("socket")).unwrap();
        File::create(at("empty")).unwrap();
        std::os::unix::fs::symlink(at("nothing"), at("dangling")).unwrap();
        for (path, reason) in [
            (at("missing"), "does not exist"),
            (at("dangling"), "does not exist"),
            (at("empty"), "is empty"),
            (folder.path().into(), "is a directory"),
            (fifo, "is a named pipe (FIFO)"),
            (at("socket"), "is a socket"),
            ("/dev/zero".into(), "is a character device"),
        ] {
            let message = refusal(&path);
            assert!(message.contains(reason), "{message}");
            assert!(message.contains(&*path.to_string_lossy()), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn holes_are_told_from_data() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        let file = File::create(&path).unwrap();
        file.set_len(16 << 20).unwrap();
        file.write_all_at(&[7; 4096], 4 << 20).unwrap();
        let source = Source::open(&path).unwrap();
        assert_eq!(source.length(), 16 << 20);
        let data = source.next_data(0).unwrap().unwrap();
        assert!(
            data.start <= 4 << 20 && data.end >= (4 << 20) + 4096 && data.end < 16 << 20,
            "{data:?}"
        );
        assert_eq!(source.next_data(data.end).unwrap(), None);
        assert_eq!(source.next_data(16 << 20).unwrap(), None);
    }

    #[test]
    fn the_open_file_is_read_whatever_its_name_leads_to_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        std::fs::write(&path, b"old").unwrap();
        let source = Source::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        let mut buffer = [0; 3];
        source.read_at(&mut buffer, 0).unwrap();
        assert_eq!(&buffer, b"old");
        source.check_unchanged().unwrap();
    }

    #[test]
    fn growing_and_shrinking_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        for length in [1, 8192] {
            std::fs::write(&path, [1; 4096]).unwrap();
            let source = Source::open(&path).unwrap();
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(length)
                .unwrap();
            assert!(matches!(
                source.check_unchanged(),
                Err(SourceError::Changed { .. })
            ));
        }
        let source = Source::open(&path).unwrap();
        let mut buffer = [0; 4096];
        assert!(matches!(
            source.read_at(&mut buffer, 8000),
            Err(SourceError::Shrank { .. })
        ));
    }
}
