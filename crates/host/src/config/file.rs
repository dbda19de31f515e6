//! Finds, checks and reads configuration files.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{SettingError, Settings, SyntaxError, parse};

/// Read in this order where they exist; a later one wins.
pub const DEFAULT_FILES: [&str; 2] = ["/etc/snf-image/snf-image.conf", "/etc/default/snf-image"];

/// The largest configuration file, in bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("reading the configuration {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Somebody other than its owner could have written it.
    #[error(
        "the configuration {0} could be changed by others: it must belong to root or to you \
         and be writable by its owner alone (chmod go-w)"
    )]
    Writable(PathBuf),
    /// Larger than 1 MiB, or not text.
    #[error("the configuration {0} is larger than 1 MiB or is not UTF-8 text")]
    NotText(PathBuf),
    /// A line that is no assignment.
    #[error("{path}: {source}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line and what is wrong with it.
        source: SyntaxError,
    },
    /// A setting with a value that it does not take.
    #[error("{path}: line {line}: {source}")]
    Setting {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The setting.
        source: SettingError,
    },
}

/// The settings, and warnings about names that mean nothing. With `given` that file alone
/// is read and must exist; without it [`DEFAULT_FILES`] are.
///
/// # Errors
/// The first fault of a file.
pub fn load(given: Option<&Path>) -> Result<(Settings, Vec<String>), ConfigError> {
    let mut settings = Settings::default();
    let mut warnings = Vec::new();
    let files: Vec<&Path> = match given {
        Some(path) => vec![path],
        None => DEFAULT_FILES.iter().map(Path::new).collect(),
    };
    for path in files {
        let text = match read(path) {
            Err(ConfigError::Read { source, .. })
                if given.is_none() && source.kind() == io::ErrorKind::NotFound =>
            {
                continue;
            }
            text => text?,
        };
        apply(path, &text, &mut settings, &mut warnings)?;
    }
    Ok((settings, warnings))
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.into(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let me = rustix::process::geteuid().as_raw();
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a regular file")));
    }
    if metadata.mode() & 0o022 != 0 || ![0, me].contains(&metadata.uid()) {
        return Err(ConfigError::Writable(path.into()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Some(bytes)
        .filter(|bytes| u64::try_from(bytes.len()).is_ok_and(|size| size <= MAX_SIZE))
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| ConfigError::NotText(path.into()))
}

fn apply(
    path: &Path,
    text: &str,
    settings: &mut Settings,
    warnings: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let assignments = parse(text).map_err(|source| ConfigError::Syntax {
        path: path.into(),
        source,
    })?;
    for assignment in assignments {
        let known = settings
            .set(&assignment.name, &assignment.value)
            .map_err(|source| ConfigError::Setting {
                path: path.into(),
                line: assignment.line,
                source,
            })?;
        if !known {
            warnings.push(format!(
                "{}: line {}: {} is not a setting of this release and has no effect",
                path.display(),
                assignment.line,
                assignment.name
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_file_changes_settings_and_unknown_names_are_said() {
        let file = file("HELPER_MEMORY=256\nIMAGE_COLOUR=red\n");
        let (settings, warnings) = load(Some(file.path())).unwrap();
        assert_eq!(settings.helper_memory_mib, 256);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("IMAGE_COLOUR"), "{warnings:?}");
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let file = file("HELPER_MEMORY=256\n");
        fs::set_permissions(file.path(), Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(
            load(Some(file.path())),
            Err(ConfigError::Writable(_))
        ));
    }

    #[test]
    fn faults_name_file_and_line() {
        let file = file("HELPER_MEMORY=256\nHELPER_ACCEL=xen\n");
        let fault = load(Some(file.path())).unwrap_err().to_string();
        assert!(fault.contains("line 2: HELPER_ACCEL=\"xen\""), "{fault}");
    }

    #[test]
    fn a_file_that_was_named_must_exist() {
        assert!(load(Some(Path::new("/nonexistent/snf-image.conf"))).is_err());
    }
}
