//! Replaces the SSH host keys, so that no two machines share one.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use snf_image_protocol::HostKey;

use crate::error::Result;
use crate::guest::root::{ACCOUNTS_LIMIT, Attributes, FILE_LIMIT, Root};
use crate::guest::{host_key, passwd, sshd_config};
use crate::run::context::{Context, Done};

/// Where host keys lie unless the configuration says otherwise (sshd(8)).
const DIRECTORY: &str = "/etc/ssh";

/// Where the SSH server is. Its configuration alone does not tell: a system may run it
/// without any.
const SERVERS: [&str; 3] = ["/usr/sbin/sshd", "/usr/bin/sshd", "/etc/ssh/sshd_config.d"];

/// The group that may read private keys on Red Hat's systems.
const KEY_GROUP: &str = "ssh_keys";

/// Puts the new keys where the image has keys of the same algorithms, or where its server's
/// configuration names some; all of them at their usual places where it has and names none.
/// All other host keys are deleted.
///
/// # Errors
/// When a file cannot be read, written or removed.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let given = &context.parameters.host_keys;
    let root = context.root()?;
    let settings = sshd_config::read(root)?;
    let lying = lying_keys(root)?;
    let is_server = settings.is_some() || SERVERS.iter().any(|path| root.exists(path));
    if lying.is_empty() && !is_server {
        return Ok(Done::Skipped("the image has no SSH server".into()));
    }
    let configured = settings.unwrap_or_default().host_keys;
    let places = places(root, &lying, &configured, given)?;
    let mut written = BTreeSet::new();
    for (path, key) in &places {
        install(root, path, key)?;
        written.extend([path.clone(), public(path)]);
    }
    let configured = configured
        .iter()
        .flat_map(|path| [path.clone(), public(path)]);
    for path in lying.iter().cloned().chain(configured) {
        if !written.contains(&path) {
            root.remove(&path)?;
        }
    }
    if places.is_empty() {
        context.reporter.warning(
            "the SSH host keys are deleted and no new ones were given: the SSH server may not \
             start before the system makes its own",
        );
    }
    Ok(Done::Yes)
}

/// Everything in the usual directory whose name is that of a host key: private and public
/// keys, certificates, copies.
fn lying_keys(root: &Root) -> Result<Vec<PathBuf>> {
    let names = root.list(DIRECTORY)?;
    let keys = names
        .iter()
        .filter(|name| name.as_bytes().starts_with(b"ssh_host_"));
    Ok(keys.map(|name| Path::new(DIRECTORY).join(name)).collect())
}

/// Where new keys go, and which.
fn places<'a>(
    root: &Root,
    lying: &[PathBuf],
    configured: &[PathBuf],
    given: &'a [HostKey],
) -> Result<Vec<(PathBuf, &'a HostKey)>> {
    let usual = given.iter().map(|key| (usual_path(key), key));
    let was_used = |path: &PathBuf| lying.contains(path);
    let mut places: Vec<_> = usual.clone().filter(|(path, _)| was_used(path)).collect();
    for path in configured {
        if places.iter().any(|(taken, _)| taken == path) {
            continue;
        }
        let private = root.read(path, FILE_LIMIT)?;
        let key = match host_key::algorithm(path, private.as_deref()) {
            Some(algorithm) => given.iter().find(|key| key.algorithm == algorithm),
            // A place that tells nothing takes any key.
            None => given.last(),
        };
        places.extend(key.map(|key| (path.clone(), key)));
    }
    if places.is_empty() {
        places.extend(usual);
    }
    Ok(places)
}

fn usual_path(key: &HostKey) -> PathBuf {
    Path::new(DIRECTORY).join(format!("ssh_host_{}_key", key.algorithm))
}

/// The file of the public key beside a private one.
fn public(path: &Path) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(".pub");
    path.into()
}

fn install(root: &Root, path: &Path, key: &HostKey) -> Result<()> {
    let attributes = private_attributes(root, path)?;
    if let Some(parent) = path.parent() {
        root.make_directories(parent, Attributes::of_root(0o755))?;
    }
    root.install(path, &line(key.private.expose()), attributes)?;
    let readable = Attributes::of_root(0o644);
    root.install(public(path), &line(&key.public), readable)
}

/// For root alone; a key that was readable for the key group of Red Hat's systems stays so.
fn private_attributes(root: &Root, path: &Path) -> Result<Attributes> {
    if let Some(old) = root.attributes(path)?
        && old.owner == 0
        && old.mode == 0o640
        && let Some(groups) = root.read("/etc/group", ACCOUNTS_LIMIT)?
        && passwd::group_id(&groups, KEY_GROUP) == Some(old.group)
    {
        return Ok(old);
    }
    Ok(Attributes::of_root(0o600))
}

/// The text with exactly one newline at its end.
fn line(text: &str) -> Vec<u8> {
    let mut line = text.trim_end().as_bytes().to_vec();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests;
