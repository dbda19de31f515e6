//! A node has no room left for a disk that is a file, in the copy and behind it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use harness::{Cluster, Instance, Outcome, Published, Scene};
use snf_image_testkit::disk::MIB;

const NODE: u32 = 2;
/// How long the script may take to its helper's first task.
const SOON: Duration = Duration::from_secs(60);

/// Gives the node a small file system for disks that are files.
const MOUNT: &str = "truncate --size=96M /srv/small.img
mkfs.ext4 -q -m 0 /srv/small.img
mkdir /srv/ganeti/file-storage/small
mount -o loop /srv/small.img /srv/ganeti/file-storage/small";

const UMOUNT: &str = "umount /srv/ganeti/file-storage/small
rmdir /srv/ganeti/file-storage/small
rm /srv/small.img";

/// Fills it to the last block.
const FILL: &str = "dd if=/dev/zero of=/srv/ganeti/file-storage/small/other bs=4k || true
sync -f /srv/ganeti/file-storage/small
test $(stat -f -c %a /srv/ganeti/file-storage/small) = 0";

/// The node's small file system, as long as this lives.
struct Small<'cluster>(&'cluster Cluster);

impl<'cluster> Small<'cluster> {
    fn mounted(cluster: &'cluster Cluster) -> Self {
        let small = Small(cluster);
        small.shell(MOUNT).succeeded();
        small
    }

    fn shell(&self, script: &str) -> Outcome {
        self.0.run_on(NODE, ["sh", "-ec", script]).unwrap()
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = self.0.run_on(NODE, ["sh", "-ec", UMOUNT]);
    }
}

fn add(instance: &Instance, image: &Published) -> Outcome {
    let parameters = image.parameters();
    let arguments = [
        "--disk-template=file",
        "--file-storage-dir=small",
        "--disk=0:size=256M",
        "--os-parameters",
        &parameters,
    ];
    instance.add(NODE, arguments).unwrap()
}

#[track_caller]
fn failed(outcome: &Outcome, words: &[&str]) {
    assert_ne!(outcome.code, Some(0), "{outcome:?}");
    for word in words {
        assert!(outcome.stderr.contains(word), "no {word:?} in {outcome:?}");
    }
}

#[test]
fn no_room_for_the_copy_is_named_and_nothing_is_left() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    let Some(scene) = Scene::set() else { return };
    let noise = scene.path("noise");
    let mut random = File::open("/dev/urandom").unwrap().take(128 * MIB);
    io::copy(&mut random, &mut File::create(&noise).unwrap()).unwrap();
    let image = cluster.publish(&noise, "full-copy.raw").unwrap();
    let _small = Small::mounted(&cluster);
    let traces = cluster.traces().unwrap();
    let instance = cluster.instance(15).unwrap();
    let cause = [
        "cannot write to target /srv/ganeti/file-storage/small/",
        "No space left on device",
    ];
    failed(&add(&instance, &image), &cause);
    drop(instance);
    assert_eq!(traces.left(Duration::ZERO).unwrap(), Vec::<String>::new());
}

#[test]
fn no_room_for_what_the_helper_writes_is_named_and_nothing_is_left() {
    let Some((cluster, image)) = Cluster::with_debian("full-helper.raw") else {
        return;
    };
    let small = Small::mounted(&cluster);
    let traces = cluster.traces().unwrap();
    let instance = cluster.instance(16).unwrap();
    let outcome = thread::scope(|scope| {
        let job = scope.spawn(|| add(&instance, &image));
        let begun = "FixPartitionTable begins";
        cluster
            .creating(NODE, instance.name(), begun, SOON)
            .unwrap();
        small.shell(FILL).succeeded();
        job.join().unwrap()
    });
    let cause = [
        "the helper failed",
        "/srv/ganeti/file-storage/small/",
        "bytes left: make room",
    ];
    failed(&outcome, &cause);
    assert_eq!(traces.left(Duration::ZERO).unwrap(), Vec::<String>::new());

    // With room again it is what it should have been.
    small
        .shell("rm /srv/ganeti/file-storage/small/other")
        .succeeded();
    let parameters = image.parameters();
    let again = ["reinstall", "--force", "--os-parameters", &parameters];
    instance.command(&again).unwrap().succeeded();
    drop(instance);
}
