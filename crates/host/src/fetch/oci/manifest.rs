//! What a manifest or an index says: which blob is the image. Nobody vouches for it.
//!
//! <https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md>
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::digest::Digest;

/// The name of a file, as tools that push files write it down.
const TITLE: &str = "org.opencontainers.image.title";

/// Says `true` of a folder that such a tool has packed.
const UNPACK: &str = "io.deis.oras.content.unpack";

/// How the names of disk images end, before the ending of a compression.
const ENDINGS: [&str; 9] = [
    "raw", "img", "disk", "diskdump", "qcow2", "vmdk", "vhd", "vhdx", "vdi",
];

/// How the names of compressed files end.
const COMPRESSIONS: [&str; 5] = ["gz", "bz2", "xz", "zst", "lz4"];

/// How many layers an error lists.
const LISTED: usize = 8;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The manifest of this digest.
    Manifest(Digest),
    /// The image.
    Image(Blob),
}

/// A blob of a registry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) digest: Digest,
    /// In bytes.
    pub(super) size: u64,
}

#[derive(Deserialize)]
struct Document {
    manifests: Option<Vec<Descriptor>>,
    layers: Option<Vec<Descriptor>>,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(rename = "mediaType", default)]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    architecture: String,
}

/// Reads a manifest or an index.
pub(super) fn read(document: &[u8]) -> Result<Found, String> {
    let document: Document = serde_json::from_slice(document)
        .map_err(|_| "it is not one that the OCI's image specification describes")?;
    match (document.manifests, document.layers) {
        (Some(manifests), None) => Ok(Found::Manifest(digest(platform(&manifests)?)?)),
        (None, Some(layers)) => {
            let layer = disk(&layers)?;
            Ok(Found::Image(Blob {
                digest: digest(layer)?,
                size: layer.size,
            }))
        }
        // Two readers could take it for two things.
        _ => Err("it holds neither layers alone nor manifests alone".into()),
    }
}

fn digest(descriptor: &Descriptor) -> Result<Digest, String> {
    let digest: Option<Digest> = descriptor.digest.parse().ok();
    digest
        .filter(|digest| digest.algorithm().is_strong())
        .ok_or_else(|| "a digest in it is neither of sha256 nor of sha512".into())
}

/// The manifest for this kind of machine; the only one may say nothing of it.
fn platform(manifests: &[Descriptor]) -> Result<&Descriptor, String> {
    let is_ours = |descriptor: &&Descriptor| {
        let platform = descriptor.platform.as_ref();
        platform.is_some_and(|platform| platform.architecture == "amd64")
    };
    let mut ours = manifests.iter().filter(is_ours);
    match (ours.next(), ours.next(), manifests) {
        (Some(one), None, _) => Ok(one),
        (None, _, [only]) if only.platform.is_none() => Ok(only),
        (None, ..) => Err("the index lists nothing for amd64".into()),
        (Some(_), Some(_), _) => {
            Err("the index lists several for amd64: name one by its digest, NAME@sha256:HEX".into())
        }
    }
}

/// The layer that is the image: the only one, or the only one of several that looks like a disk.
fn disk(layers: &[Descriptor]) -> Result<&Descriptor, String> {
    if let [only] = layers {
        if only.is_tree() {
            return Err(format!(
                "its only layer is a part of a container's file system, not a disk image: {}",
                only.describe()
            ));
        }
        return Ok(only);
    }
    let mut disks = layers.iter().filter(|layer| layer.is_disk());
    match (disks.next(), disks.next()) {
        (Some(disk), None) => Ok(disk),
        (first, _) => {
            let listed: Vec<_> = (layers.iter().take(LISTED))
                .map(Descriptor::describe)
                .collect();
            let more = if layers.len() > LISTED { ", …" } else { "" };
            Err(format!(
                "{} of its {} layers looks like a disk image: {}{more}",
                first.map_or("none", |_| "more than one"),
                layers.len(),
                listed.join(", ")
            ))
        }
    }
}

impl Descriptor {
    fn title(&self) -> Option<&str> {
        self.annotations.get(TITLE).map(String::as_str)
    }

    /// Whether it is an archive with files of a container or a folder. Tools that push files give a file
    /// the media type of such an archive, and a title.
    fn is_tree(&self) -> bool {
        let is_packed = self
            .annotations
            .get(UNPACK)
            .is_some_and(|unpack| unpack == "true");
        self.media_type.contains("tar") && (self.title().is_none() || is_packed)
    }

    fn is_disk(&self) -> bool {
        let kinds = ["disk", "raw", "qcow2", "vmdk", "vhd"];
        let of_kind =
            (self.media_type.split(['.', '+', '-', '/', ';'])).any(|word| kinds.contains(&word));
        let named = self.title().is_some_and(|title| {
            let mut words = title.rsplit('.').map(str::to_ascii_lowercase);
            let last = words.next().unwrap_or_default();
            let ending = if COMPRESSIONS.contains(&last.as_str()) {
                words.next().unwrap_or_default()
            } else {
                last
            };
            ENDINGS.contains(&ending.as_str())
        });
        !self.is_tree() && (of_kind || named)
    }

    /// For a message: short, and without a sign that does something to a terminal.
    fn describe(&self) -> String {
        let short = |text: &str| text.chars().take(60).collect::<String>();
        let kind = short(&self.media_type);
        match self.title() {
            Some(title) => format!("{:?} ({kind:?})", short(title)),
            None => format!("{kind:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn layer(kind: &str, title: Option<&str>) -> Value {
        let annotations = title.map_or(json!({}), |title| json!({ TITLE: title }));
        let digest = format!("sha256:{}", "ab".repeat(32));
        json!({"mediaType": kind, "digest": digest, "size": 7, "annotations": annotations})
    }

    fn of_layers(layers: &[Value]) -> Result<Found, String> {
        let manifest = json!({"schemaVersion": 2, "config": {}, "layers": layers});
        read(manifest.to_string().as_bytes())
    }

    const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
    const RAW: &str = "application/octet-stream";

    #[test]
    fn the_disk_among_the_layers_is_the_image() {
        for layers in [
            vec![layer(RAW, None)],
            vec![layer(TAR, Some("whatever"))],
            vec![
                layer(RAW, Some("SHA256SUMS")),
                layer(TAR, Some("Debian.QCOW2")),
            ],
            vec![layer(RAW, Some("notes")), layer(TAR, Some("debian.raw.xz"))],
            vec![
                layer(TAR, None),
                layer("application/vnd.example.disk.v1", None),
            ],
        ] {
            let found = of_layers(&layers);
            assert!(
                matches!(found, Ok(Found::Image(Blob { size: 7, .. }))),
                "{layers:?}"
            );
        }
    }

    #[test]
    fn where_it_is_not_clear_which_they_are_listed() {
        for (layers, words) in [
            (vec![], "none of its 0"),
            (vec![layer(TAR, None)], "container"),
            (
                vec![layer(RAW, Some("a.raw")), layer(RAW, Some("b.raw"))],
                "\"b.raw\"",
            ),
            (
                vec![layer(RAW, Some("a\u{1b}[1m")), layer(RAW, Some("b"))],
                "\\u{1b}",
            ),
            (vec![layer(TAR, None), layer(TAR, None)], "none of its 2"),
        ] {
            let reason = of_layers(&layers).unwrap_err();
            assert!(reason.contains(words), "{reason}");
        }
    }

    #[test]
    fn an_index_leads_to_the_manifest_for_this_kind_of_machine() {
        let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
        let entry = |digit: &str, architecture: &str| json!({"digest": digest(digit), "size": 1, "platform": {"architecture": architecture, "os": "linux"}});
        let of_index =
            |manifests: Value| read(json!({"manifests": manifests}).to_string().as_bytes());
        let found = of_index(json!([
            entry("a", "arm64"),
            entry("b", "amd64"),
            entry("c", "unknown")
        ]));
        assert_eq!(found, Ok(Found::Manifest(digest("b").parse().unwrap())));
        let found = of_index(json!([{"digest": digest("a"), "size": 1}]));
        assert_eq!(found, Ok(Found::Manifest(digest("a").parse().unwrap())));
        assert!(of_index(json!([entry("a", "arm64")])).is_err());
        assert!(of_index(json!([entry("a", "amd64"), entry("b", "amd64")])).is_err());
        assert!(of_index(json!([])).is_err());
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            "{\"layers\": [], \"manifests\": []}",
            "{\"layers\": [{\"digest\": \"sha256:x\", \"size\": 1}]}",
            "{\"layers\": [{\"digest\": \"sha256:x\", \"size\": -1}]}",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
