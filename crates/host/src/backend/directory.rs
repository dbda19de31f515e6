//! Which back-ends a node has, and in which order they are asked.
// SPDX-License-Identifier: BSD-2-Clause

use std::cmp::Reverse;
use std::fmt::Display;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::BackendError;
use crate::config::{self, Settings};
use crate::text::excerpt;

/// The priority of a back-end that has none of its own.
const PRIORITY: u8 = 50;

/// The most bytes of a name that messages show.
const SHOWN: usize = 100;

/// Where back-ends and their files are, as the settings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// BACKENDS_DIR: the programs.
    pub programs: PathBuf,
    /// BACKENDS_CONFIG_DIR: `NAME.conf`, `NAME.priority`, `NAME.disabled`.
    pub files: PathBuf,
    /// BACKENDS_TIMEOUT: how long one may take to answer, or send nothing.
    pub patience: Duration,
}

impl From<&Settings> for Place {
    fn from(settings: &Settings) -> Self {
        Place {
            programs: settings.backends_dir.clone(),
            files: settings.backends_config_dir.clone(),
            patience: settings.backends_timeout,
        }
    }
}

/// One back-end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The name of its file.
    pub name: String,
    /// Its executable.
    pub program: PathBuf,
    /// What its `NAME.conf` says.
    pub variables: Vec<(String, String)>,
    priority: u8,
}

impl Backend {
    pub(super) fn failed(&self, reason: impl Display) -> BackendError {
        BackendError::Failed {
            name: self.name.clone(),
            reason: reason.to_string(),
        }
    }
}

/// The back-ends in the order in which they are asked: higher priorities first, of equal ones the
/// name that comes last. One that cannot be used is named in a warning.
///
/// # Errors
/// When the directory or a back-end's configuration cannot be read, or others could have
/// written them.
pub fn list(place: &Place) -> Result<Vec<Backend>, BackendError> {
    let path = &place.programs;
    let failed = |error| BackendError::Directory {
        path: path.clone(),
        error,
    };
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    if !is_owners(path).map_err(failed)? {
        return Err(BackendError::Writable(path.clone()));
    }
    let mut backends = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let shown = excerpt(name.as_encoded_bytes(), SHOWN);
        match name.to_str().filter(|name| *name == shown) {
            Some(name) if name.starts_with('.') => {}
            Some(name) => backends.extend(look(name, place)?),
            None => tracing::warn!("back-end {shown} is not used: its name is no plain text"),
        }
    }
    backends.sort_by_key(|backend| Reverse((backend.priority, backend.name.clone())));
    Ok(backends)
}

/// One of them, unless it is switched off or cannot be run.
fn look(name: &str, place: &Place) -> Result<Option<Backend>, BackendError> {
    let file = |kind: &str| place.files.join(format!("{name}.{kind}"));
    let disabled = file("disabled");
    if disabled.exists() {
        tracing::warn!(
            "back-end {name} is not used: there is {}",
            disabled.display()
        );
        return Ok(None);
    }
    let program = executable(&place.programs.join(name), name);
    let program = match program {
        Ok(program) => program,
        Err(reason) => {
            tracing::warn!("back-end {name} is not used: {reason}");
            return Ok(None);
        }
    };
    let conf = file("conf");
    let variables = if conf.exists() {
        config::variables(&conf)?
    } else {
        Vec::new()
    };
    Ok(Some(Backend {
        name: name.into(),
        program,
        variables,
        priority: priority(&file("priority")),
    }))
}

/// The program of an entry: the file, or in a directory the file of the same name.
fn executable(entry: &Path, name: &str) -> Result<PathBuf, String> {
    let program = if entry.is_dir() {
        entry.join(name)
    } else {
        entry.into()
    };
    let shown = program.display();
    let metadata = fs::metadata(&program).map_err(|error| format!("{shown}: {error}"))?;
    if !metadata.is_file() || metadata.mode() & 0o111 == 0 {
        return Err(format!("{shown} is not an executable file"));
    }
    let is_owners = is_owners(entry).and_then(|entry| Ok(entry && is_owners(&program)?));
    if !is_owners.map_err(|error| format!("{shown}: {error}"))? {
        return Err(format!(
            "{shown} could be changed by others: it must belong to root and be writable by its \
             owner alone (chmod go-w)"
        ));
    }
    Ok(program)
}

/// Whether nobody but root, or the user that runs this, can have written it.
fn is_owners(path: &Path) -> io::Result<bool> {
    let metadata = fs::metadata(path)?;
    let me = rustix::process::geteuid().as_raw();
    Ok(metadata.mode() & 0o022 == 0 && [0, me].contains(&metadata.uid()))
}

fn priority(file: &Path) -> u8 {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return PRIORITY,
        Err(_) => String::new(),
    };
    let digits = text.trim();
    let is_number = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse() {
        Ok(priority) if is_number => priority,
        _ => {
            tracing::warn!(
                "{} does not hold one or two digits: taken as {PRIORITY}",
                file.display()
            );
            PRIORITY
        }
    }
}
