//! The OS parameter img_id: which image, and how it is opened without leaving IMAGE_DIR.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use crate::config::Settings;
use crate::source::{Source, SourceError};

/// A file below IMAGE_DIR, by its name there; an absolute path that begins with IMAGE_DIR
/// means the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageId(PathBuf);

/// Why there is no such image to read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// IMAGE_DIR is not there.
    #[error("the directory of images {path} (IMAGE_DIR) cannot be opened: {error}")]
    Directory {
        /// IMAGE_DIR.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
    /// Nothing of that name.
    #[error("image {name} does not exist in {directory} (IMAGE_DIR)")]
    Missing {
        /// The name.
        name: PathBuf,
        /// IMAGE_DIR.
        directory: PathBuf,
    },
    /// The name leads elsewhere.
    #[error("image {name} lies outside of {directory} (IMAGE_DIR), to which images are confined")]
    Outside {
        /// The name.
        name: PathBuf,
        /// IMAGE_DIR.
        directory: PathBuf,
    },
    /// It belongs to snf-image itself.
    #[error("image {0} lies in HELPER_DIR, which holds no images")]
    Helper(PathBuf),
    /// Not a regular file.
    #[error("image {0} is not a regular file")]
    Special(PathBuf),
    /// The system refused to open it.
    #[error("image {name} cannot be opened: {error}")]
    Open {
        /// The name.
        name: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
    /// It cannot be read as an image.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl ImageId {
    /// Reads `NAME` or `local://NAME`.
    ///
    /// # Errors
    /// When it is of another form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = match text.split_once(':') {
            None => text,
            Some(("local" | "file", rest)) => rest
                .strip_prefix("//")
                .ok_or("after local: two slashes and the name of an image must follow")?,
            Some((scheme, _)) => {
                let scheme: String = scheme.chars().take(20).collect();
                return Err(format!(
                    "this release has no source {scheme:?}: give the name of an image in IMAGE_DIR"
                ));
            }
        };
        if text == "null" {
            return Err(
                "this release has no source \"null\": give the name of an image in IMAGE_DIR"
                    .into(),
            );
        }
        if name.is_empty() || name.len() > 4095 || name.chars().any(char::is_control) {
            return Err(
                "the name of the image is empty, too long or holds a control character".into(),
            );
        }
        if Path::new(name)
            .components()
            .any(|part| part == Component::ParentDir)
        {
            return Err("the name of the image must not hold .. as a component".into());
        }
        Ok(ImageId(name.into()))
    }

    /// Opens the image. No link leads out of IMAGE_DIR, and nothing but a regular file is
    /// ever opened.
    ///
    /// # Errors
    /// See [`ImageError`].
    pub fn open(&self, settings: &Settings) -> Result<Source, ImageError> {
        let directory = &settings.image_dir;
        let name = self.0.clone();
        let outside = || ImageError::Outside {
            name: name.clone(),
            directory: directory.clone(),
        };
        let full = directory.join(&self.0);
        let relative = full.strip_prefix(directory).map_err(|_| outside())?;
        if full.starts_with(&settings.helper_dir) {
            return Err(ImageError::Helper(name));
        }
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let root = openat2(
            CWD,
            directory,
            flags | OFlags::DIRECTORY,
            Mode::empty(),
            ResolveFlags::empty(),
        )
        .map_err(|errno| ImageError::Directory {
            path: directory.clone(),
            error: errno.into(),
        })?;
        let confined = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let found = match openat2(&root, relative, flags, Mode::empty(), confined) {
            Ok(found) => File::from(found),
            Err(Errno::NOENT) => {
                return Err(ImageError::Missing {
                    name,
                    directory: directory.clone(),
                });
            }
            Err(Errno::XDEV) => return Err(outside()),
            Err(errno) => {
                return Err(ImageError::Open {
                    name,
                    error: errno.into(),
                });
            }
        };
        let failed = |error| ImageError::Open {
            name: self.0.clone(),
            error,
        };
        if !found.metadata().map_err(failed)?.is_file() {
            return Err(ImageError::Special(name));
        }
        // The same file again, for reading now.
        let file = File::open(format!("/proc/self/fd/{}", found.as_raw_fd())).map_err(failed)?;
        Ok(Source::from_file(file, &full)?)
    }
}

impl std::fmt::Display for ImageId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.display().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn open(directory: &Path, id: &str) -> Result<Source, ImageError> {
        let settings = Settings {
            image_dir: directory.join("images"),
            helper_dir: directory.join("images/helper"),
            ..Settings::default()
        };
        ImageId::parse(id).unwrap().open(&settings)
    }

    #[test]
    fn only_regular_files_within_the_directory_are_images() {
        let directory = tempfile::tempdir().unwrap();
        let images = directory.path().join("images");
        fs::create_dir_all(images.join("sub")).unwrap();
        fs::create_dir_all(images.join("helper")).unwrap();
        for file in ["images/sub/debian", "images/helper/kernel", "secret"] {
            fs::write(directory.path().join(file), "content").unwrap();
        }
        symlink("sub/debian", images.join("link")).unwrap();
        symlink("../secret", images.join("escape")).unwrap();
        symlink("/etc", images.join("etc")).unwrap();
        let status = std::process::Command::new("mkfifo")
            .arg(images.join("pipe"))
            .status();
        assert!(status.unwrap().success());

        let absolute = images.join("sub/debian").display().to_string();
        for id in [
            "sub/debian",
            "local://sub/debian",
            "local:///sub/debian",
            "link",
            &absolute,
        ] {
            match open(directory.path(), id) {
                Ok(source) => assert_eq!(source.length(), 7),
                Err(fault) => assert!(id == "local:///sub/debian", "{id}: {fault}"),
            }
        }
        for (id, words) in [
            ("nothing", "does not exist in"),
            ("escape", "lies outside of"),
            ("etc/passwd", "lies outside of"),
            ("/etc/passwd", "lies outside of"),
            ("helper/kernel", "HELPER_DIR"),
            ("pipe", "is not a regular file"),
            ("sub", "is not a regular file"),
        ] {
            let fault = open(directory.path(), id).unwrap_err().to_string();
            assert!(fault.contains(words), "{id}: {fault}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for id in [
            "",
            "../x",
            "a/../b",
            "local:x",
            "local://",
            "null",
            "http://example.org/x",
            "pithos://a/b",
            "a\nb",
        ] {
            assert!(ImageId::parse(id).is_err(), "{id:?}");
        }
    }
}
