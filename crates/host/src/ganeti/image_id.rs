//! The OS parameter img_id: which image, and how it is opened without leaving IMAGE_DIR.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::config::Settings;
use crate::reference::Reference;
use crate::request::Image;
use crate::source::beneath::{self, BeneathError};
use crate::source::{Source, SourceError, Url};
use crate::store::StoredName;
use crate::verification::{Document, no_scheme};

/// A file below IMAGE_DIR, by its name there (an absolute path that begins with IMAGE_DIR means the
/// same), a URL, the name of an image in a store, what a back-end knows, or null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageId(Reference);

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
    /// Reads `NAME`, `local://NAME`, `file://NAME`, a URL, the name of an image in a store, `SCHEME:…` or
    /// `null`.
    ///
    /// # Errors
    /// When it is of another form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let reference = Reference::parse(text)?;
        match &reference {
            Reference::Path(name) => check_name(name)?,
            Reference::Url(_) | Reference::Stored(_) | Reference::Null | Reference::External(_) => {
            }
        }
        Ok(ImageId(reference))
    }

    /// Whether it is `null`: there is no image.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.0 == Reference::Null
    }

    /// Whether the node's administrator trusts the image to say itself what it is (DETECT_FORMAT).
    #[must_use]
    pub fn is_detected(&self, settings: &Settings) -> bool {
        let mut prefixes = settings.detect_format.iter();
        prefixes.any(|prefix| prefix.covers(&self.0, &settings.image_dir))
    }

    /// The image, opened where it is a file.
    ///
    /// # Errors
    /// See [`ImageError`].
    pub fn open(&self, settings: &Settings) -> Result<Image, ImageError> {
        match &self.0 {
            Reference::Path(name) => Ok(Image::Open(open(name, settings)?)),
            Reference::Url(url) => Ok(Image::Url(url.clone())),
            Reference::Stored(name) => Ok(Image::Stored(name.clone())),
            Reference::Null => Ok(Image::Keep),
            Reference::External(id) => Ok(Image::External(id.clone())),
        }
    }
}

/// A list of digests or a signature: a file below IMAGE_DIR, as for images, or a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentId {
    /// A name below IMAGE_DIR.
    Name(PathBuf),
    /// It is fetched.
    Url(Url),
    /// It is in a store.
    Stored(StoredName),
}

impl DocumentId {
    /// Reads `NAME`, `local://NAME`, `file://NAME` or a URL.
    ///
    /// # Errors
    /// When it is of another form.
    pub fn parse(text: &str) -> Result<Self, String> {
        match Reference::parse(text)? {
            Reference::Path(name) => check_name(&name).map(|()| DocumentId::Name(name)),
            Reference::Null => Ok(DocumentId::Name(text.into())),
            Reference::Url(url) => Ok(DocumentId::Url(url)),
            Reference::Stored(name) => Ok(DocumentId::Stored(name)),
            Reference::External(id) => Err(no_scheme(&id)),
        }
    }

    /// The document, opened where it is a file.
    ///
    /// # Errors
    /// See [`ImageError`].
    pub fn open(&self, settings: &Settings) -> Result<Document, ImageError> {
        match self {
            DocumentId::Name(name) => Ok(Document::Open(open(name, settings)?)),
            DocumentId::Url(url) => Ok(Document::Url(url.clone())),
            DocumentId::Stored(name) => Ok(Document::Stored(name.clone())),
        }
    }
}

fn check_name(name: &Path) -> Result<(), String> {
    let text = name.to_string_lossy();
    if text.is_empty() || text.len() > 4095 || text.chars().any(char::is_control) {
        return Err("the name of the image is empty, too long or holds a control character".into());
    }
    if name.components().any(|part| part == Component::ParentDir) {
        return Err("the name of the image must not hold .. as a component".into());
    }
    Ok(())
}

/// Opens a file. No link leads out of IMAGE_DIR, and nothing but a regular file is ever opened.
fn open(image: &Path, settings: &Settings) -> Result<Source, ImageError> {
    let directory = &settings.image_dir;
    let name = image.to_path_buf();
    let outside = || ImageError::Outside {
        name: name.clone(),
        directory: directory.clone(),
    };
    let full = directory.join(image);
    let relative = full.strip_prefix(directory).map_err(|_| outside())?;
    if full.starts_with(&settings.helper_dir) {
        return Err(ImageError::Helper(name));
    }
    let failed = |error| ImageError::Open {
        name: image.to_path_buf(),
        error,
    };
    let found = beneath::find(directory, relative).map_err(|error| match error {
        BeneathError::Directory(error) => ImageError::Directory {
            path: directory.clone(),
            error,
        },
        BeneathError::Missing => ImageError::Missing {
            name: name.clone(),
            directory: directory.clone(),
        },
        BeneathError::Outside => outside(),
        BeneathError::Open(error) => failed(error),
    })?;
    if !found.metadata().map_err(failed)?.is_file() {
        return Err(ImageError::Special(name));
    }
    Ok(Source::from_file(found.open().map_err(failed)?, &full)?)
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
        match ImageId::parse(id).unwrap().open(&settings)? {
            Image::Open(source) => Ok(source),
            other => panic!("{other}"),
        }
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
            "http://",
            "https://[::1",
            "-s:x",
            "a\nb",
        ] {
            assert!(ImageId::parse(id).is_err(), "{id:?}");
        }
    }
}
