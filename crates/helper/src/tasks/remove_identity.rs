//! RemoveIdentity: what belongs to the machine that the image was made on.
// SPDX-License-Identifier: BSD-2-Clause

mod names;
mod places;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use snf_image_protocol::Identity;

use crate::cloud_init::leftover;
use crate::disk::bytes::random_uuid;
use crate::error::Result;
use crate::guest::glob;
use crate::guest::root::{FILE_LIMIT, Root};
use crate::run::context::{Context, Done};
use places::{PLACES, SHARED};

/// Encrypted with [`Identity::CredentialSecret`], so that it cannot be read without it.
const ENCRYPTED: &str = "/etc/credstore.encrypted";

/// Takes each part away that is not kept. The system makes all of it anew at its next start, or
/// it is drawn here. What is not made anew stays, and a warning names it.
///
/// # Errors
/// When a file cannot be removed or changed.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let properties = &context.parameters.properties;
    let kept = properties.kept_identity()?;
    let drawn = [(); 2].map(|()| random_uuid(&mut context.random));
    let root = context.root()?;
    let mut gone = Vec::new();
    for part in Identity::ALL
        .into_iter()
        .filter(|part| !kept.contains(part))
    {
        if part == Identity::CredentialSecret && !entries(root, Path::new(ENCRYPTED))?.is_empty() {
            continue;
        }
        let patterns = PLACES.iter().filter(|(of, _)| *of == part);
        let mut is_gone = false;
        for pattern in patterns.flat_map(|(_, patterns)| *patterns) {
            // The running machine does not see what lies below another file system.
            let pattern = Path::new(pattern);
            if (context.shut.iter()).any(|shut| pattern.starts_with(&shut.point)) {
                continue;
            }
            for path in found(root, pattern)? {
                is_gone |= is_removable(root, part, &path)? && root.remove_all(&path)?;
            }
        }
        if part == Identity::CloudInit && context.cloud_init.is_none() {
            is_gone |= leftover::remove(root)?;
        }
        if is_gone {
            gone.push(part.name());
        }
    }
    gone.extend(names::renew(root, &kept, &drawn)?);
    let shared = shared(root)?;
    if !shared.is_empty() {
        context.reporter.warning(&format!(
            "every machine of this image has the same secrets in {}: only the image's author can \
             take them out",
            shared.join(", ")
        ));
    }
    if gone.is_empty() {
        return Ok(Done::Skipped(
            "the image has nothing of another machine".into(),
        ));
    }
    let notice = format!("no longer in the image: {}", gone.join(", "));
    context.reporter.notice(&notice);
    Ok(Done::Yes)
}

/// The entries that a path names; its last component may be a pattern, glob(7).
fn found(root: &Root, pattern: &Path) -> Result<Vec<PathBuf>> {
    let (Some(directory), Some(name)) = (pattern.parent(), pattern.file_name()) else {
        return Ok(Vec::new());
    };
    if !name.as_bytes().contains(&b'*') {
        let is_there = root.has_entry(pattern)?;
        return Ok(is_there.then(|| pattern.into()).into_iter().collect());
    }
    let mut found = entries(root, directory)?;
    found.retain(|path| {
        let own = path.file_name().unwrap_or_default();
        glob::matches(name.as_bytes(), own.as_bytes())
    });
    Ok(found)
}

fn entries(root: &Root, directory: &Path) -> Result<Vec<PathBuf>> {
    if !root.is_directory(directory) {
        return Ok(Vec::new());
    }
    let names = root.list(directory)?;
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

/// An empty file of rules, and a link to /dev/null, are there to keep udev(7) from giving names.
fn is_removable(root: &Root, part: Identity, path: &Path) -> Result<bool> {
    if part != Identity::InterfaceNames {
        return Ok(true);
    }
    if root.is_link(path)? || root.is_directory(path) {
        return Ok(false);
    }
    let rules = root.read(path, FILE_LIMIT)?.unwrap_or_default();
    let mut lines = rules.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    Ok(lines.any(|line| !line.is_empty() && !line.starts_with(b"#")))
}

/// Secrets of one machine that no system makes anew.
fn shared(root: &Root) -> Result<Vec<String>> {
    let mut shared = Vec::new();
    for pattern in SHARED {
        let found = found(root, Path::new(pattern))?;
        shared.extend(found.first().map(|path| path.display().to_string()));
    }
    Ok(shared)
}

#[cfg(test)]
mod tests;
