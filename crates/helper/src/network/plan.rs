//! What a renderer wants to have in the image.
// SPDX-License-Identifier: BSD-2-Clause

use super::MARK;

/// Files and links, in the order in which they are made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files that replace what is at their place.
    pub files: Vec<NewFile>,
    /// Links that switch something on.
    pub links: Vec<NewLink>,
}

/// A file of root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Where it goes.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    /// What it holds.
    pub content: String,
}

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// Where it is.
    pub path: String,
    /// What it says.
    pub target: String,
}

impl Plan {
    /// Adds a file that everybody may read.
    pub fn file(&mut self, path: impl Into<String>, content: impl Into<String>) {
        self.file_with_mode(path, 0o644, content);
    }

    /// Adds a file.
    pub fn file_with_mode(
        &mut self,
        path: impl Into<String>,
        mode: u32,
        content: impl Into<String>,
    ) {
        self.files.push(NewFile {
            path: path.into(),
            mode,
            content: content.into(),
        });
    }

    /// Adds a link.
    pub fn link(&mut self, path: impl Into<String>, target: impl Into<String>) {
        self.links.push(NewLink {
            path: path.into(),
            target: target.into(),
        });
    }

    /// Adds all of another plan.
    pub fn extend(&mut self, other: Plan) {
        self.files.extend(other.files);
        self.links.extend(other.links);
    }
}

/// Whether a file comes from here, by its first line.
#[must_use]
pub fn is_ours(content: &[u8]) -> bool {
    let first = content.split(|byte| *byte == b'\n').next();
    first.is_some_and(|line| {
        let mark = MARK.as_bytes();
        line.windows(mark.len()).any(|words| words == mark)
    })
}
