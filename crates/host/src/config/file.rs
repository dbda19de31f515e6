//! Finds, checks and reads configuration files.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use snf_image_protocol::Secret;

use super::{
    Given, Origin, SettingError, Settings, VariantError, leftovers, obsolete, os_parameters,
};
use crate::shell_syntax::{Assignment, SyntaxError, parse};

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
    /// The variant cannot be used.
    #[error(transparent)]
    Variant(#[from] VariantError),
}

/// All that the files say.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The settings.
    pub settings: Settings,
    /// Defaults of OS parameters, by their names.
    pub parameters: BTreeMap<&'static str, Given>,
    /// What is accepted but has no effect, or is probably not meant.
    pub warnings: Vec<String>,
    origins: BTreeMap<String, Origin>,
}

/// What the configuration files say. With `given` that file alone is read and must exist;
/// without it [`DEFAULT_FILES`] are.
///
/// # Errors
/// The first fault of a file.
pub fn load(given: Option<&Path>) -> Result<Config, ConfigError> {
    let mut config = Config::default();
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
        config.apply(path, &text)?;
    }
    if given.is_none() {
        config
            .warnings
            .extend(leftovers::warnings(Path::new("/etc"), &config.settings));
    }
    Ok(config)
}

impl Config {
    /// Where the value of a setting comes from.
    #[must_use]
    pub fn origin(&self, setting: &str) -> &Origin {
        self.origins.get(setting).unwrap_or(&Origin::Default)
    }

    /// Lets a file change what stands so far.
    pub(super) fn apply(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let assignments = parse(text).map_err(|source| ConfigError::Syntax {
            path: path.into(),
            source,
        })?;
        for Assignment { name, value, line } in assignments {
            let origin = Origin::File {
                path: path.into(),
                line,
            };
            let known =
                self.settings
                    .set(&name, &value)
                    .map_err(|source| ConfigError::Setting {
                        path: path.into(),
                        line,
                        source,
                    })?;
            if known {
                self.origins.insert(name, origin);
            } else if let Some(parameter) = os_parameters::named(&name) {
                let value = Secret::new(value);
                self.parameters.insert(parameter, Given { value, origin });
            } else {
                let why = obsolete::reason(&name).unwrap_or("it is not a setting of this release");
                self.warnings
                    .push(format!("{origin}: {name} has no effect: {why}"));
            }
        }
        Ok(())
    }
}

/// The variables that a file of a back-end's assigns, under the same rules as the configuration.
///
/// # Errors
/// The first fault of the file.
pub(crate) fn variables(path: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    let assignments = parse(&read(path)?).map_err(|source| ConfigError::Syntax {
        path: path.into(),
        source,
    })?;
    let pairs = assignments
        .into_iter()
        .map(|given| (given.name, given.value));
    Ok(pairs.collect())
}

/// The text of a file that only its owner, root or this user, can have written.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
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
    fn a_file_changes_settings_and_what_has_no_effect_is_said() {
        let file = file("HELPER_MEMORY=256\nIMAGE_COLOUR=red\nXEN_CMD=xl\nIMG_PASSWD=hunter2\n");
        let config = load(Some(file.path())).unwrap();
        assert_eq!(config.settings.helper_memory_mib, 256);
        let origin = config.origin("HELPER_MEMORY").to_string();
        assert_eq!(origin, format!("{}: line 1", file.path().display()));
        assert_eq!(config.origin("HELPER_DIR"), &Origin::Default);
        assert_eq!(config.parameters["img_passwd"].value.expose(), "hunter2");
        let [colour, xen] = config.warnings.as_slice() else {
            panic!("{:?}", config.warnings)
        };
        assert!(colour.contains("line 2: IMAGE_COLOUR"), "{colour}");
        assert!(xen.contains("whatever the hypervisor"), "{xen}");
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
