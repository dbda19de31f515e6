//! The page that says which files the helper consists of and where they came from.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use snf_image_protocol::VERSION;

/// The version of this format.
pub const FORMAT: u32 = 1;

/// Its name in the helper's directory.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The largest manifest, in bytes.
pub(super) const MAX_MANIFEST: u64 = 64 * 1024;

/// The release of this program.
pub(super) const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Everything about one built helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// The release of snf-image that built it.
    pub release: String,
    /// The version of the protocol that it speaks.
    pub protocol: u32,
    /// How it was built.
    pub builder: String,
    /// When, in UTC (RFC 3339).
    pub built_at: String,
    /// The kernel's release (uname -r).
    pub kernel_release: String,
    /// Package and version of the kernel, or the file that was given.
    pub kernel_source: String,
    /// What this kernel should be told beyond what every helper is told; may be empty.
    pub kernel_command_line: String,
    /// Whether its kernel has the driver of a floppy; not known of one that does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_floppy: Option<bool>,
    /// SHA-256 of the helper's program, in hexadecimal.
    pub helper_sha256: String,
    /// Versions of the packages that brought the tools, where known.
    pub tools: BTreeMap<String, String>,
    /// The kernel, an uncompressed ELF file with a PVH entry.
    pub kernel: FileEntry,
    /// The initramfs, an archive that the kernel unpacks.
    pub initrd: FileEntry,
    /// The root file system, where the initramfs is not all there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<FileEntry>,
}

/// One file of the helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name in the helper's directory.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// The part of every version of the format that says who wrote it.
#[derive(Debug, Deserialize)]
struct Origin {
    release: String,
    protocol: u32,
}

/// Why a manifest means nothing here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Written by another release; both are described.
    Stale { found: String, expected: String },
    /// Not a manifest.
    Damaged(String),
}

impl Manifest {
    /// Reads a manifest that this very release wrote.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Unusable> {
        let damaged = |error: serde_json::Error| Unusable::Damaged(error.to_string());
        let origin: Origin = serde_json::from_slice(bytes).map_err(damaged)?;
        let found = describe(&origin.release, origin.protocol);
        let expected = describe(RELEASE, VERSION);
        if found != expected {
            return Err(Unusable::Stale { found, expected });
        }
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(damaged)?;
        for file in manifest.files() {
            if !is_ours(&file.name) {
                return Err(Unusable::Damaged(format!(
                    "{:?} is no file name",
                    file.name
                )));
            }
        }
        Ok(manifest)
    }

    /// All files.
    pub(super) fn files(&self) -> impl Iterator<Item = &FileEntry> {
        [&self.kernel, &self.initrd].into_iter().chain(&self.root)
    }

    /// The manifest for a person, one fact a line.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut facts = vec![
            ("release", describe(&self.release, self.protocol)),
            ("builder", self.builder.clone()),
            ("built at", self.built_at.clone()),
            ("kernel", self.kernel_release.clone()),
            ("kernel from", self.kernel_source.clone()),
        ];
        if !self.kernel_command_line.is_empty() {
            facts.push(("kernel told", self.kernel_command_line.clone()));
        }
        for (package, version) in &self.tools {
            facts.push(("tools from", format!("{package} {version}")));
        }
        facts.push(("helper", format!("sha256 {}", self.helper_sha256)));
        for file in self.files() {
            let FileEntry { name, size, sha256 } = file;
            facts.push(("file", format!("{name}, {size} bytes, sha256 {sha256}")));
        }
        facts.iter().fold(String::new(), |mut text, (name, fact)| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<12} {fact}");
            text
        })
    }
}

/// Whether a name is one that a build gives to its files.
pub(super) fn is_ours(name: &str) -> bool {
    ["kernel-", "initrd-", "root-"]
        .iter()
        .filter_map(|prefix| name.strip_prefix(prefix))
        .any(|digest| !digest.is_empty() && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn describe(release: &str, protocol: u32) -> String {
    format!("{release} (protocol {protocol})")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn example() -> Manifest {
        let file = |name: &str| FileEntry {
            name: name.to_owned(),
            size: 3,
            sha256: "ab".repeat(32),
        };
        Manifest {
            format: FORMAT,
            release: RELEASE.to_owned(),
            protocol: VERSION,
            builder: "initramfs".to_owned(),
            built_at: "2026-01-02T03:04:05Z".to_owned(),
            kernel_release: "6.1.0-56-cloud-amd64".to_owned(),
            kernel_source: "linux-image-6.1.0-56-cloud-amd64 6.1.192-2".to_owned(),
            kernel_command_line: String::new(),
            helper_sha256: "cd".repeat(32),
            tools: BTreeMap::from([("fdisk".to_owned(), "2.38.1".to_owned())]),
            kernel: file("kernel-abababababab"),
            initrd: file("initrd-abababababab"),
            has_floppy: None,
            root: None,
        }
    }

    #[test]
    fn a_manifest_survives_the_disk() {
        let bytes = serde_json::to_vec(&example()).unwrap();
        assert_eq!(Manifest::parse(&bytes).unwrap(), example());
    }

    #[test]
    fn another_release_is_told_apart_even_in_a_format_to_come() {
        let bytes = br#"{"release": "9.9", "protocol": 7, "new": true}"#;
        let Err(Unusable::Stale { found, .. }) = Manifest::parse(bytes) else {
            panic!("accepted")
        };
        assert_eq!(found, "9.9 (protocol 7)");
    }

    #[test]
    fn a_file_name_that_leads_elsewhere_is_refused() {
        for name in [
            "../kernel-ab",
            "kernel-",
            "kernel-ab/..",
            "/etc/passwd",
            "initrd-x",
        ] {
            let mut manifest = example();
            manifest.kernel.name = name.to_owned();
            let bytes = serde_json::to_vec(&manifest).unwrap();
            assert!(matches!(Manifest::parse(&bytes), Err(Unusable::Damaged(_))));
        }
    }

    #[test]
    fn the_description_names_every_origin() {
        let text = example().describe();
        for fact in ["6.1.192-2", "fdisk 2.38.1", "kernel-abababababab, 3 bytes"] {
            assert!(text.contains(fact), "{text}");
        }
    }
}
