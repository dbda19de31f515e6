//! Puts files into the image.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use snf_image_protocol::{Account, InjectedFile};

use crate::error::{Doing, Error, Result};
use crate::guest::passwd;
use crate::guest::root::{ACCOUNTS_LIMIT, Attributes, Root};
use crate::run::context::{Context, Done};

/// The largest file that is put into the image, in bytes: it must fit into the memory of
/// the helper.
const CONTENT_LIMIT: u64 = 64 * 1024 * 1024;

/// The permissions of directories that are made for a file.
const DIRECTORY_MODE: u32 = 0o750;

/// Puts every file at its place, with its owner, group and permissions; one that is there
/// already is replaced. Missing directories are made for the file's owner.
///
/// # Errors
/// When the image does not know an owner or group, when something that is no regular file
/// is at the place, or when a file cannot be written. The file is named.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let files = &context.parameters.personality;
    if files.is_empty() {
        return Ok(Done::Skipped("no files were given".into()));
    }
    let root = context.root()?;
    let accounts = Accounts::read(root, files)?;
    // All are looked up before the first is written.
    let attributes = files
        .iter()
        .map(|file| accounts.attributes(file))
        .collect::<Result<Vec<_>>>()?;
    for (file, attributes) in files.iter().zip(attributes) {
        put(root, &context.parameters_dir, file, attributes)?;
    }
    Ok(Done::Yes)
}

fn put(root: &Root, directory: &Path, file: &InjectedFile, attributes: Attributes) -> Result<()> {
    let content = content(directory, file)?;
    let path = Path::new(file.path.as_str());
    if let Some(parent) = path.parent() {
        let mode = DIRECTORY_MODE;
        root.make_directories(parent, Attributes { mode, ..attributes })?;
    }
    root.install(path, &content, attributes)
}

/// The content of an injected file.
pub(super) fn content(directory: &Path, file: &InjectedFile) -> Result<Vec<u8>> {
    let what = format!("injected file {}", file.path);
    stored(directory, &file.content, &what)
}

/// The content of what goes into the image, from the disk with the parameters.
///
/// # Errors
/// When it has no valid name there, is too large or cannot be read.
pub(super) fn stored(directory: &Path, place: &str, what: &str) -> Result<Vec<u8>> {
    let name = PathBuf::from(place);
    let is_inside = name
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    if !is_inside || place.is_empty() {
        return Err(Error::image(format!(
            "the content of {what} has no valid name: {place:?}"
        )));
    }
    let reading = || format!("reading the content of {what}");
    let mut content = Vec::new();
    File::open(directory.join(name))
        .doing(reading)?
        .take(CONTENT_LIMIT.saturating_add(1))
        .read_to_end(&mut content)
        .doing(reading)?;
    if u64::try_from(content.len()).is_ok_and(|size| size <= CONTENT_LIMIT) {
        return Ok(content);
    }
    Err(Error::image(format!(
        "{what} is larger than {} MiB, the most that can be put into an image",
        CONTENT_LIMIT / 1024 / 1024
    )))
}

/// The tables of the image that names are looked up in.
struct Accounts {
    passwd: Vec<u8>,
    group: Vec<u8>,
}

impl Accounts {
    /// Reads the tables, if any file needs them.
    fn read(root: &Root, files: &[InjectedFile]) -> Result<Self> {
        let is_name = |account: &Account| matches!(account, Account::Name(_));
        let read = |path, is_needed: bool| {
            if is_needed {
                root.read(path, ACCOUNTS_LIMIT)
                    .map(Option::unwrap_or_default)
            } else {
                Ok(Vec::new())
            }
        };
        Ok(Accounts {
            passwd: read("/etc/passwd", files.iter().any(|file| is_name(&file.owner)))?,
            group: read("/etc/group", files.iter().any(|file| is_name(&file.group)))?,
        })
    }

    fn attributes(&self, file: &InjectedFile) -> Result<Attributes> {
        let unknown = |kind, name: &str| {
            Error::image(format!(
                "injected file {}: the image has no {kind} {name:?}",
                file.path
            ))
        };
        let owner = match &file.owner {
            Account::Id(id) => *id,
            Account::Name(name) => {
                passwd::user(&self.passwd, name)
                    .ok_or_else(|| unknown("user", name))?
                    .uid
            }
        };
        let group = match &file.group {
            Account::Id(id) => *id,
            Account::Name(name) => {
                passwd::group_id(&self.group, name).ok_or_else(|| unknown("group", name))?
            }
        };
        Ok(Attributes {
            owner,
            group,
            mode: file.mode.bits(),
        })
    }
}

#[cfg(test)]
mod tests;
