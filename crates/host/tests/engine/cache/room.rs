//! How much is kept, and what has to go.
// SPDX-License-Identifier: BSD-2-Clause

use std::process::Command;

use snf_image::digest::{Algorithm, Digest};

use crate::cache::node::{MIB, Node, digest};

fn sha256(bytes: &[u8]) -> Digest {
    digest(Algorithm::Sha256, bytes).parse().unwrap()
}

#[test]
fn what_was_not_used_for_the_longest_time_makes_room() {
    let mut node = Node::set();
    node.size = 3 << 20;
    let images: Vec<_> = ["a", "b", "c", "d"]
        .into_iter()
        .zip(1..)
        .map(|(name, seed)| (name, sha256(&node.publish(name, MIB - 4096, seed))))
        .collect();
    for name in ["a", "b", "c", "a", "d"] {
        node.get(name, None).unwrap();
    }
    let listed: Vec<_> = node
        .list()
        .into_iter()
        .map(|listed| listed.digest)
        .collect();
    let digest = |wanted: &str| {
        images
            .iter()
            .find(|(name, _)| *name == wanted)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(listed, [digest("c"), digest("a"), digest("d")]);
    let taken: u64 = node.list().iter().map(|listed| listed.allocated).sum();
    assert!(taken <= node.size, "{taken}");
    // Its reference has gone with it.
    assert_eq!(node.files("reference-").len(), 3);
}

#[test]
fn what_is_in_use_stays() {
    let mut node = Node::set();
    node.size = 2 << 20;
    let first = sha256(&node.publish("a", MIB - 4096, 1));
    node.get("a", None).unwrap();
    let used = node.cache().look_at(&first).unwrap();
    assert!(node.list()[0].in_use);
    node.publish("b", MIB - 4096, 2);
    node.get("b", None).unwrap();
    let third = sha256(&node.publish("c", MIB - 4096, 3));
    node.get("c", None).unwrap();
    let listed: Vec<_> = node
        .list()
        .into_iter()
        .map(|listed| listed.digest)
        .collect();
    assert!(
        listed.contains(&first) && listed.contains(&third),
        "{listed:?}"
    );
    assert_eq!(node.cache().prune(true).unwrap(), 1);
    assert_eq!(node.list().len(), 1);
    drop(used);
    assert_eq!(node.cache().prune(true).unwrap(), 1);
}

#[test]
fn what_is_larger_than_the_cache_is_only_fetched() {
    let mut node = Node::set();
    node.size = 1 << 20;
    node.publish("small", MIB / 2, 1);
    node.get("small", None).unwrap();
    let bytes = node.publish("large", 2 * MIB, 2);
    assert!(node.get("large", None).unwrap().bytes == bytes);
    // Nothing had to go for it.
    assert_eq!(node.list().len(), 1);
    assert_eq!(node.files("part-").len(), 0);
}

#[test]
fn a_full_file_system_is_no_fault_of_the_image() {
    let node = Node::set();
    let directory = node.path("cache");
    node.cache();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"])
        .arg(&directory)
        .output()
        .unwrap();
    if !mounted.status.success() {
        eprintln!(
            "skipped, cannot mount: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        return;
    }
    let bytes = node.publish("disk", 3 * MIB, 1);
    let got = node.get("disk", None);
    let (listed, left) = (node.list().len(), node.files("part-").len());
    let unmounted = Command::new("umount").arg(&directory).status().unwrap();
    assert!(unmounted.success());
    assert!(got.unwrap().bytes == bytes);
    assert_eq!((listed, left), (0, 0));
}
