//! The file of an OS variant.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::ConfigError;
use super::file::{Config, read};

/// Why a variant cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VariantError {
    /// A name that could lead elsewhere.
    #[error(
        "{0:?} cannot be the name of a variant: letters, digits, dots, hyphens, underscores, plus signs"
    )]
    Name(String),
    /// No directory of variants.
    #[error("the directory of variants {0} does not exist: see VARIANTS_DIR")]
    Directory(PathBuf),
    /// Listed, but without its file.
    #[error("variant {name} is listed in {} but has no file {}: make one, it may be empty", list.display(), path.display())]
    Missing {
        /// The variant.
        name: String,
        /// The list.
        list: PathBuf,
        /// The file that should be there.
        path: PathBuf,
    },
    /// Neither listed nor there.
    #[error("there is no variant {name}: it is not listed in {} and there is no file {}", list.display(), path.display())]
    Unknown {
        /// The variant.
        name: String,
        /// The list.
        list: PathBuf,
        /// The file that would make it one.
        path: PathBuf,
    },
}

impl Config {
    /// Lets the file `<variant>.conf` in `VARIANTS_DIR` change what stands so far.
    ///
    /// # Errors
    /// When there is no such variant, or its file cannot be used.
    pub fn apply_variant(&mut self, variant: &str) -> Result<(), ConfigError> {
        let directory = &self.settings.variants_dir;
        let path = directory.join(format!("{variant}.conf"));
        if !is_name(variant) {
            return Err(VariantError::Name(variant.chars().take(80).collect()).into());
        }
        let text = match read(&path) {
            Err(ConfigError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(missing(directory, variant, path).into());
            }
            text => text?,
        };
        self.apply(&path, &text)
    }
}

/// Which of the three ways in which it is missing.
fn missing(directory: &Path, variant: &str, path: PathBuf) -> VariantError {
    if !directory.is_dir() {
        return VariantError::Directory(directory.into());
    }
    let list = directory.with_file_name("variants.list");
    let text = fs::read_to_string(&list).unwrap_or_default();
    let name = variant.to_owned();
    if text.lines().any(|line| line.trim() == variant) {
        VariantError::Missing { name, list, path }
    } else {
        VariantError::Unknown { name, list, path }
    }
}

fn is_name(variant: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    !variant.is_empty()
        && variant.len() <= 200
        && !variant.starts_with('.')
        && variant.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(directory: &Path, variant: &str) -> String {
        let mut config = Config::default();
        config.settings.variants_dir = directory.into();
        config.apply_variant(variant).unwrap_err().to_string()
    }

    #[test]
    fn a_variant_changes_settings_and_parameters() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(
            directory.path().join("small.conf"),
            "HELPER_MEMORY=256\nIMG_FORMAT=diskdump\n",
        )
        .unwrap();
        let mut config = Config::default();
        config.settings.variants_dir = directory.path().into();
        config.apply_variant("small").unwrap();
        assert_eq!(config.settings.helper_memory_mib, 256);
        assert_eq!(config.parameters["img_format"].value.expose(), "diskdump");
    }

    #[test]
    fn each_way_of_being_missing_is_said() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("variants");
        assert!(fault(&directory, "default").contains("does not exist"));
        fs::create_dir(&directory).unwrap();
        fs::write(root.path().join("variants.list"), "default\nlisted\n").unwrap();
        assert!(fault(&directory, "listed").contains("is listed in"));
        assert!(fault(&directory, "other").contains("there is no variant other"));
        for name in ["../default", "", ".x", "a/b", "a\nb"] {
            assert!(
                fault(&directory, name).contains("cannot be the name"),
                "{name:?}"
            );
        }
    }
}
