//! What the image has that would say something else about its interfaces.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use super::plan::{Plan, is_ours};
use super::{ASIDE, ifcfg, ifupdown, keyfile, netctl, netifrc, netplan, networkd, slackware, suse};
use crate::error::{Error, Result};
use crate::guest::root::{Attributes, FILE_LIMIT, Root};

/// Names that earlier systems gave to the interfaces of the machine that the image was made on.
const PERSISTENT_NAMES: &str = "/etc/udev/rules.d/70-persistent-net.rules";

/// Directories and whether one of their files, by name and content, speaks of an interface.
type Judge = fn(name: &str, content: &[u8]) -> bool;

const DIRECTORIES: [(&str, Judge); 7] = [
    (ifupdown::DIRECTORY, |_, _| true),
    (netplan::DIRECTORY, |name, _| name.ends_with(".yaml")),
    (networkd::DIRECTORY, is_networkd),
    (keyfile::DIRECTORY, |_, content| is_ethernet(content)),
    (ifcfg::DIRECTORY, is_ifcfg),
    (suse::DIRECTORY, |name, content| {
        is_ifcfg(name, content) || name.starts_with("ifroute-") || name == "routes"
    }),
    (netctl::DIRECTORY, |_, _| true),
];

/// Single files that are replaced as a whole.
const FILES: [&str; 5] = [
    PERSISTENT_NAMES,
    super::names::RULES,
    ifupdown::FILE,
    netifrc::FILE,
    slackware::FILE,
];

/// How many files of one name are kept.
const MAX_KEPT: usize = 100;

/// Puts aside what is there and does not come from here, and removes what comes from here and is
/// not part of the plan. Gives what was put aside.
///
/// # Errors
/// When something cannot be read or moved.
pub fn clear(root: &Root, plan: &Plan) -> Result<Vec<PathBuf>> {
    let mut moved = Vec::new();
    let is_planned = |path: &Path| plan.files.iter().any(|file| Path::new(&file.path) == path);
    for path in candidates(root, is_planned)? {
        if root.link_target(&path)?.is_some() {
            // A link to nowhere, or to /dev/null, says that nothing is to be read there.
            if root.exists(&path) && !root.is_directory(&path) && !leads_to_null(root, &path)? {
                put_aside(root, &path)?;
                moved.push(path);
            }
            continue;
        }
        if root.is_directory(&path) {
            continue;
        }
        let content = root.read(&path, FILE_LIMIT)?.unwrap_or_default();
        if !is_ours(&content) {
            put_aside(root, &path)?;
            moved.push(path);
        } else if !is_planned(&path) {
            root.remove(&path)?;
        }
    }
    clear_services(root, plan)?;
    Ok(moved)
}

/// Every file that speaks of an interface. One that cannot be a configuration is none.
fn candidates(root: &Root, is_planned: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for (directory, is_stale) in DIRECTORIES {
        if !root.is_directory(directory) {
            continue;
        }
        for name in root.list(directory)? {
            let path = Path::new(directory).join(&name);
            if root.is_directory(&path) || !root.exists(&path) {
                continue;
            }
            let name = name.to_string_lossy();
            let content = if leads_to_null(root, &path)? {
                Vec::new()
            } else {
                root.read(&path, FILE_LIMIT)?.unwrap_or_default()
            };
            if is_stale(&name, &content) {
                found.push(path);
            }
        }
    }
    for file in FILES {
        // Of ifupdown only what is to be replaced: the loopback alone does no harm.
        let is_stale = file != ifupdown::FILE || is_planned(Path::new(file));
        if is_stale && root.has_entry(file)? {
            found.push(file.into());
        }
    }
    Ok(found)
}

fn leads_to_null(root: &Root, path: &Path) -> Result<bool> {
    let target = root.link_target(path)?;
    Ok(target.is_some_and(|target| target == Path::new("/dev/null")))
}

/// A `.network` file, or a `.link` file that names one interface.
fn is_networkd(name: &str, content: &[u8]) -> bool {
    let names_one = || {
        String::from_utf8_lossy(content).lines().any(|line| {
            let key = line.split('=').next().unwrap_or_default().trim();
            matches!(key, "MACAddress" | "PermanentMACAddress" | "OriginalName")
        })
    };
    name.ends_with(".network") || (name.ends_with(".link") && names_one())
}

/// Whether a keyfile is about Ethernet: not a VPN, a bridge or a wireless network.
fn is_ethernet(content: &[u8]) -> bool {
    String::from_utf8_lossy(content).lines().any(|line| {
        let line: String = line.split_whitespace().collect();
        matches!(line.as_str(), "type=ethernet" | "type=802-3-ethernet")
    })
}

/// A file of an interface that is not `lo`. The scripts beside them begin otherwise.
fn is_ifcfg(name: &str, _: &[u8]) -> bool {
    let interface = [
        "ifcfg-",
        "route-",
        "route6-",
        "rule-",
        "rule6-",
        "ifsysctl-",
    ]
    .iter()
    .find_map(|start| name.strip_prefix(start));
    interface.is_some_and(|interface| interface != "lo")
}

/// Services of single interfaces, which would wait for one that has another name now.
fn clear_services(root: &Root, plan: &Plan) -> Result<()> {
    for (directory, start) in [(netifrc::RUNLEVEL, "net."), (netctl::WANTS, "netctl@")] {
        if !root.is_directory(directory) {
            continue;
        }
        for name in root.list(directory)? {
            let Some(name) = name.to_str() else { continue };
            let path = format!("{directory}/{name}");
            let is_planned = plan.links.iter().any(|link| link.path == path);
            if name.starts_with(start) && name != "net.lo" && !is_planned {
                root.remove_link(path)?;
            }
        }
    }
    Ok(())
}

fn put_aside(root: &Root, path: &Path) -> Result<()> {
    let relative = path.strip_prefix("/").unwrap_or(path);
    let place = Path::new(ASIDE).join(relative);
    if let Some(parent) = place.parent() {
        // What lies there may hold the secrets of whoever made the image.
        root.make_directories(ASIDE, Attributes::of_root(0o700))?;
        root.make_directories(parent, Attributes::of_root(0o755))?;
    }
    for number in 0..MAX_KEPT {
        let mut name = place.clone().into_os_string();
        if number > 0 {
            name.push(format!(".{number}"));
        }
        if !root.has_entry(&name)? {
            return root.move_entry(path, &name);
        }
    }
    Err(Error::image(format!(
        "{} files of the image are in {ASIDE} already for {}: remove some",
        MAX_KEPT,
        path.display()
    )))
}
