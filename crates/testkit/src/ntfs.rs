//! NTFS in plain files: made from a tree, checked and read with the tools of ntfs-3g.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};

use crate::disk::MIB;
use crate::tool::{Tool, said};

pub mod circle;
pub mod journal;
mod records;
pub mod reparse;

/// Mounts the first argument in a mount namespace of its own, runs the third there and unmounts.
const MOUNTED: &str = "mount -t tmpfs none /mnt && mkdir /mnt/m && ntfs-3g -o \"$2\" \"$1\" /mnt/m \
                       && cd /mnt/m && sh -c \"$3\" sh \"$4\"; done=$?; cd /; umount /mnt/m; exit $done";

/// Makes one of so many MiB in a new file, with what lies in a directory.
///
/// # Errors
/// When a tool fails.
pub fn make(path: &Path, mib: u64, tree: &Path) -> Result<()> {
    File::create(path)?.set_len(mib * MIB)?;
    Tool::new("mkntfs")
        .args(["--quiet", "--fast", "--force", "--label", "System"])
        .arg(path)
        .run()?;
    change(path, "cp -r \"$1\"/. .", tree)
}

/// Changes one with commands of a shell that runs in its root directory; `$1` is a path outside.
///
/// # Errors
/// When a command fails.
pub fn change(path: &Path, commands: &str, outside: &Path) -> Result<()> {
    let options = "rw,compression,streams_interface=windows";
    mounted(path, options, commands, outside).map(drop)
}

/// The files in one, each with the digest of its content.
///
/// # Errors
/// When it cannot be mounted.
pub fn files(path: &Path) -> Result<BTreeMap<String, String>> {
    let listed = mounted(path, "ro", "find . -type f -exec sha256sum {} +", path)?;
    Ok(listed
        .lines()
        .filter_map(|line| line.split_once("  ./"))
        .map(|(digest, name)| (name.to_owned(), digest.to_owned()))
        .collect())
}

/// The content of a stream of a file beside its own.
///
/// # Errors
/// When there is none.
pub fn stream(path: &Path, file: &str, name: &str) -> Result<Vec<u8>> {
    let output = Tool::new("ntfscat")
        .args(["--force", "--attribute-name", name])
        .arg(path)
        .arg(file)
        .output()?;
    anyhow::ensure!(output.status.success(), "{file}: {}", said(&output));
    Ok(output.stdout)
}

/// The content of a file.
///
/// # Errors
/// When there is none.
pub fn read(path: &Path, file: &str) -> Result<Vec<u8>> {
    let output = Tool::new("ntfscat")
        .arg("--force")
        .arg(path)
        .arg(file)
        .output()?;
    anyhow::ensure!(output.status.success(), "{file}: {}", said(&output));
    Ok(output.stdout)
}

/// What ntfsfix(8) finds wrong, without changing anything; empty when nothing is.
///
/// # Errors
/// When it cannot be started.
pub fn problems(path: &Path) -> Result<String> {
    let output = Tool::new("ntfsfix").arg("--no-action").arg(path).output()?;
    let text = said(&output);
    let is_fine = output.status.success() && text.contains("processed successfully");
    Ok(if is_fine { String::new() } else { text })
}

/// Its size in bytes, and whether Windows will check it when it starts.
///
/// # Errors
/// When it cannot be told.
pub fn state(path: &Path) -> Result<(u64, bool)> {
    let text = Tool::new("ntfsinfo")
        .args(["--force", "--mft"])
        .arg(path)
        .run()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.split_once(name));
        line.map(|(_, value)| value.trim().to_owned())
            .with_context(|| format!("no {name} in {text}"))
    };
    let clusters: u64 = field("Volume Size in Clusters:")?.parse()?;
    let cluster: u64 = field("Cluster Size:")?.parse()?;
    Ok((
        clusters * cluster,
        field("Volume Flags:")?.contains("DIRTY"),
    ))
}

/// The security descriptor of a file, as ntfssecaudit(8) shows it.
///
/// # Errors
/// When there is no such file.
pub fn security(path: &Path, file: &str) -> Result<String> {
    let text = Tool::new("ntfssecaudit")
        .args(["-v"])
        .arg(path)
        .arg(file)
        .run()?;
    let lines = text.lines().filter(|line| line.starts_with("        0"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

fn mounted(path: &Path, options: &str, commands: &str, outside: &Path) -> Result<String> {
    Tool::new("unshare")
        .args(["--mount", "sh", "-c", MOUNTED, "sh"])
        .arg(path)
        .args([options, commands])
        .arg(outside)
        .run()
}
