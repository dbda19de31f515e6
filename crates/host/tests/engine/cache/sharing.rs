//! Who gets an image from where.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::{Duration, Instant};

use snf_image::cancel::Cancel;
use snf_image::digest::Algorithm;

use crate::cache::node::{MIB, Node, digest};

#[test]
fn six_deployments_at_once_are_one_download() {
    for with_digest in [true, false] {
        let node = Node::set();
        let bytes = node.publish("disk", 3 * MIB, 1);
        let digest = digest(Algorithm::Sha256, &bytes);
        let digest = with_digest.then_some(digest.as_str());
        thread::scope(|scope| {
            let threads: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| node.get("disk", digest).unwrap()))
                .collect();
            let got = threads.into_iter().map(|thread| thread.join().unwrap());
            let hits: Vec<_> = got
                .map(|got| {
                    assert!(got.bytes == bytes);
                    got.is_hit
                })
                .collect();
            assert_eq!(hits.iter().filter(|is_hit| !**is_hit).count(), 1);
        });
        let answers = node.web.answers();
        let sent = answers.iter().filter(|answer| *answer == "200 disk");
        assert_eq!(sent.count(), 1, "{answers:?}");
        // Who knows the digest asks no server; who does not asks whether it has changed.
        assert_eq!(
            answers.len(),
            if with_digest { 1 } else { 6 },
            "{answers:?}"
        );
        assert_eq!(node.files("part-").len(), 0);
    }
}

#[test]
fn an_image_with_the_digest_comes_from_wherever_it_once_came() {
    let node = Node::set();
    let bytes = node.publish("disk", MIB, 2);
    node.get("disk", None).unwrap();
    let sha256 = digest(Algorithm::Sha256, &bytes);
    assert!(node.get("elsewhere", Some(&sha256)).unwrap().is_hit);
    let sha512 = digest(Algorithm::Sha512, &bytes);
    assert!(!node.get("disk", Some(&sha512)).unwrap().is_hit);
    assert!(node.get("elsewhere", Some(&sha512)).unwrap().is_hit);
    assert_eq!(node.web.answers(), ["200 disk", "200 disk"]);
    assert_eq!(node.list().len(), 1);
    // A digest that can be forged says nothing about what is in the cache.
    let md5 = digest(Algorithm::Md5, &bytes);
    let reason = node.get("elsewhere", Some(&md5)).unwrap_err();
    assert!(reason.contains("status 404"), "{reason}");
}

#[test]
fn an_image_that_has_changed_is_fetched_anew() {
    let node = Node::set();
    let old = node.publish("disk", MIB, 3);
    assert!(node.get("disk", None).unwrap().bytes == old);
    let new = node.publish("disk", MIB, 4);
    let got = node.get("disk", None).unwrap();
    assert!(got.bytes == new && !got.is_hit);
    let got = node.get("disk", None).unwrap();
    assert!(got.bytes == new && got.is_hit);
    assert_eq!(node.web.answers(), ["200 disk", "200 disk", "304 disk"]);
}

#[test]
fn what_nobody_can_know_again_is_not_kept() {
    let node = Node::set();
    let bytes = node.publish("plain", MIB, 5);
    for _ in 0..2 {
        let got = node.get("plain", None).unwrap();
        assert!(got.bytes == bytes && !got.is_hit);
    }
    assert_eq!(node.list().len(), 0);
    // With its digest it is known without the server's help.
    let sha256 = digest(Algorithm::Sha256, &bytes);
    node.get("plain", Some(&sha256)).unwrap();
    assert!(node.get("plain", Some(&sha256)).unwrap().is_hit);
}

#[test]
fn an_image_with_another_digest_is_not_kept() {
    let node = Node::set();
    node.publish("disk", MIB, 6);
    let other = format!("sha256:{}", "0".repeat(64));
    let reason = node.get("disk", Some(&other)).unwrap_err();
    assert!(reason.contains("as was asked for"), "{reason}");
    assert_eq!((node.list().len(), node.files("part-").len()), (0, 0));
}

#[test]
fn who_waits_for_another_can_be_stopped() {
    let node = Node::set();
    let bytes = node.publish("held", 3 * MIB, 7);
    let cancel = Cancel::new().unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| node.get("held", None).unwrap());
        let deadline = Instant::now() + Duration::from_secs(30);
        while node.web.answers().is_empty() {
            assert!(Instant::now() < deadline);
            thread::sleep(Duration::from_millis(10));
        }
        let second = scope.spawn(|| node.get_until("held", None, &cancel));
        assert!(!second.is_finished());
        let begin = Instant::now();
        cancel.cancel();
        assert_eq!(second.join().unwrap().unwrap_err(), "cancelled");
        assert!(begin.elapsed() < Duration::from_secs(5));
        File::create(node.path("web/release")).unwrap();
        assert!(first.join().unwrap().bytes == bytes);
    });
    assert_eq!(node.web.answers(), ["200 held"]);
}

#[test]
fn a_server_that_takes_its_time_delays_nobody_who_asks_another_for_the_same_digest() {
    let node = Node::set();
    let bytes = node.publish("held", 3 * MIB, 9);
    std::fs::write(node.path("web/disk"), &bytes).unwrap();
    let sha256 = digest(Algorithm::Sha256, &bytes);
    thread::scope(|scope| {
        let first = scope.spawn(|| node.get("held", Some(&sha256)).unwrap());
        let deadline = Instant::now() + Duration::from_secs(30);
        while node.web.answers().is_empty() {
            assert!(Instant::now() < deadline);
            thread::sleep(Duration::from_millis(10));
        }
        let got = node.get("disk", Some(&sha256)).unwrap();
        assert!(got.bytes == bytes && !got.is_hit);
        assert!(!first.is_finished());
        // It is there now, wherever it is asked for.
        assert!(node.get("held", Some(&sha256)).unwrap().is_hit);
        File::create(node.path("web/release")).unwrap();
        assert!(first.join().unwrap().bytes == bytes);
    });
    assert_eq!((node.list().len(), node.files("part-").len()), (1, 0));
}

#[test]
fn zeroes_take_no_room() {
    let node = Node::set();
    let mut bytes = node.publish("disk", 8 * MIB, 8);
    bytes[MIB..7 * MIB].fill(0);
    std::fs::write(node.path("web/disk"), &bytes).unwrap();
    node.get("disk", None).unwrap();
    let kept = std::fs::metadata(&node.files("sha256-")[0]).unwrap();
    assert_eq!(kept.len(), 8 << 20);
    assert!(kept.blocks() * 512 <= 3 << 20, "{}", kept.blocks());
    assert!(node.get("disk", None).unwrap().bytes == bytes);
}
