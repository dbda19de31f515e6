//! Writes a tree of files as the archive that the kernel unpacks into memory.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::io::{self, Write};

use cpio::newc::{Builder, trailer};

/// File types of a mode (stat(2)).
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// Directories that are links on every system of today.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// A tree of files, all root's. The same content always gives the same archive.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<String, Node>);

#[derive(Debug)]
struct Node {
    mode: u32,
    content: Vec<u8>,
}

impl Tree {
    /// A tree with the links `bin`, `lib`, `lib64`, `sbin` into `usr`.
    pub(super) fn new() -> Self {
        let mut tree = Tree::default();
        for name in MERGED {
            tree.directory(&format!("usr/{name}"));
            tree.link(name, &format!("usr/{name}"));
        }
        tree
    }

    /// Adds a directory and those above it.
    pub(super) fn directory(&mut self, path: &str) {
        self.insert(path, DIRECTORY | 0o755, Vec::new());
    }

    /// Adds a regular file and the directories above it.
    pub(super) fn file(&mut self, path: &str, permissions: u32, content: Vec<u8>) {
        self.insert(path, REGULAR | permissions, content);
    }

    /// Adds a regular file that the helper unpacks when it is wanted: what the kernel unpacks
    /// costs each deployment time.
    pub(super) fn packed(&mut self, path: &str, content: &[u8]) {
        let packed = lz4_flex::block::compress_prepend_size(content);
        self.file(&format!("{path}.lz4"), 0o644, packed);
    }

    /// Adds a symbolic link and the directories above it.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        self.insert(path, LINK | 0o777, target.as_bytes().to_vec());
    }

    fn insert(&mut self, path: &str, mode: u32, content: Vec<u8>) {
        let mut path = path.trim_start_matches('/').to_owned();
        let top = path.split_once('/').map(|(top, _)| top);
        if top.is_some_and(|top| MERGED.contains(&top)) {
            path.insert_str(0, "usr/");
        }
        for (at, _) in path.match_indices('/') {
            if let Some(parent) = path.get(..at) {
                self.0.entry(parent.to_owned()).or_insert(Node {
                    mode: DIRECTORY | 0o755,
                    content: Vec::new(),
                });
            }
        }
        self.0.insert(path, Node { mode, content });
    }

    /// Writes the archive in the format `newc` (Linux,
    /// Documentation/driver-api/early-userspace/buffer-format.rst).
    ///
    /// # Errors
    /// When writing fails or a file exceeds 4 GiB.
    pub(super) fn write(&self, mut to: impl Write) -> io::Result<()> {
        // Sorted by name, so every directory stands before what is in it.
        for (inode, (path, node)) in (1..).zip(&self.0) {
            let size = u32::try_from(node.content.len()).map_err(io::Error::other)?;
            let links = if node.mode & DIRECTORY == DIRECTORY {
                2
            } else {
                1
            };
            let mut entry = Builder::new(path)
                .ino(inode)
                .mode(node.mode)
                .nlink(links)
                .write(&mut to, size);
            entry.write_all(&node.content)?;
            entry.finish()?;
        }
        trailer(to)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn tree() -> Tree {
        let mut tree = Tree::new();
        tree.file("/usr/bin/program", 0o755, b"program".to_vec());
        tree.file("/lib64/ld.so", 0o755, b"loader".to_vec());
        tree.link("init", "usr/bin/program");
        tree.directory("proc");
        tree
    }

    #[test]
    fn the_archive_is_the_same_each_time_and_its_parts_are_aligned() {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        tree().write(&mut first).unwrap();
        tree().write(&mut second).unwrap();
        assert_eq!(first, second);
        assert_eq!(first.len() % 4, 0);
    }

    #[test]
    fn cpio_lists_what_was_put_in() {
        let mut archive = Vec::new();
        tree().write(&mut archive).unwrap();
        let mut cpio = Command::new("cpio")
            .args(["--list", "--verbose", "--numeric-uid-gid", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        cpio.stdin.take().unwrap().write_all(&archive).unwrap();
        let output = cpio.wait_with_output().unwrap();
        assert!(output.status.success());
        let listing = String::from_utf8(output.stdout).unwrap();
        let names: Vec<_> = listing
            .lines()
            .map(|line| line.split_once("1970 ").unwrap().1)
            .collect();
        assert_eq!(
            names,
            [
                "bin -> usr/bin",
                "init -> usr/bin/program",
                "lib -> usr/lib",
                "lib64 -> usr/lib64",
                "proc",
                "sbin -> usr/sbin",
                "usr",
                "usr/bin",
                "usr/bin/program",
                "usr/lib",
                "usr/lib64",
                "usr/lib64/ld.so",
                "usr/sbin"
            ]
        );
        assert!(listing.contains("-rwxr-xr-x"));
    }
}
