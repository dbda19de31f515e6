//! Whole deployments onto disks that the kernel of this node does not know, and onto those whose
//! sectors are large.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;
use std::process::Command;

use harness::{Deployment, Outcome, Scene};
use snf_image_testkit::ceph::Ceph;
use snf_image_testkit::ext::Ext;
use snf_image_testkit::gluster;
use snf_image_testkit::iscsi;
use snf_image_testkit::loop_device::Loop;
use snf_image_testkit::nbd::Server;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree;

const NAME: &str = "far.example.org";

/// `snf-image deploy` onto a disk that is no file of the scene.
fn deploy(scene: &Scene, image: &Path, target: &str, more: &[&str]) -> Command {
    let mut command = scene.snf_image();
    command.arg("deploy").arg("--image").arg(image);
    command.args(["--target", target]).args(more);
    command
}

fn run(command: &mut Command) -> Outcome {
    Deployment::start(command).unwrap().end().unwrap()
}

/// The disk `disk` of the scene holds the image, grown and with its new name.
fn assert_deployed(scene: &Scene, disk: &str) {
    let root = scene.root_of(disk).unwrap();
    assert_eq!(root.problems().unwrap(), "");
    assert_eq!(root.text("/etc/hostname").unwrap(), format!("{NAME}\n"));
    let table = Tool::new("sfdisk").arg("--dump").arg(scene.path(disk));
    let table = table.run().unwrap();
    // The small image has 64 MiB.
    let size = table
        .lines()
        .find_map(|line| line.split("size=").nth(1))
        .unwrap();
    let sectors: u64 = size.split(',').next().unwrap().trim().parse().unwrap();
    assert!(sectors > (64 << 20) / 512, "{table}");
}

/// Both end within a block of direct I/O, which QEMU would not give the helper to write.
#[test]
fn an_image_and_a_file_of_odd_length_are_deployed() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let odd = fs::File::options().write(true).open(&image).unwrap();
    odd.set_len((64 << 20) + 513).unwrap();
    let made = scene.deploy(&image, "made", ["--hostname", NAME]).unwrap();
    made.succeeded();
    let disk = fs::File::create(scene.path("disk")).unwrap();
    disk.set_len((96 << 20) + 512).unwrap();
    let there = scene.deploy(&image, "disk", ["--hostname", NAME]).unwrap();
    there.succeeded();
    assert_deployed(&scene, "disk");
}

#[test]
fn a_disk_of_an_nbd_server_is_deployed_and_nothing_is_left() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    for is_unix in [true, false] {
        let disk = scene.path("disk");
        fs::File::create(&disk).unwrap().set_len(96 << 20).unwrap();
        let command = ["nbdkit", "--foreground", "file", disk.to_str().unwrap()];
        let server = if is_unix {
            Server::on_path(&scene.path("socket"), &command).unwrap()
        } else {
            Server::on_port(&command).unwrap()
        };
        let watch = scene.watch().unwrap();
        let outcome = run(&mut deploy(
            &scene,
            &image,
            &server.uri(""),
            &["--hostname", NAME],
        ));
        outcome.succeeded();
        assert!(outcome.stdout.contains("onto nbd"), "{}", outcome.stdout);
        assert_eq!(watch.leftovers().unwrap(), Vec::<String>::new());
        drop(server);
        assert_deployed(&scene, "disk");
    }
}

#[test]
fn an_instance_whose_disk_has_only_a_uri_is_created_and_renamed() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 96).unwrap();
    let disk = scene.path("disk");
    let command = ["nbdkit", "--foreground", "file", disk.to_str().unwrap()];
    let server = Server::on_port(&command).unwrap();
    let script = scene
        .script("")
        .unwrap()
        .with_disks(&["nowhere"])
        .with_image();
    let script = script.with("DISK_0_URI", &server.uri(""));
    let script = script.with("INSTANCE_NAME", "first.example.org");
    script.run("create").unwrap().succeeded();
    let script = script
        .with("INSTANCE_NAME", NAME)
        .with("OLD_INSTANCE_NAME", "first.example.org");
    script.run("rename").unwrap().succeeded();
    drop(server);
    assert_deployed(&scene, "disk");
}

#[test]
fn a_disk_that_fails_in_the_midst_ends_the_deployment_in_one_line() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    scene.configure("TARGET_TIMEOUT=\"5\"\n").unwrap();
    let failing = [
        "nbdkit",
        "--foreground",
        "--filter=error",
        "memory",
        "96M",
        "error-pwrite=EIO",
        "error-pwrite-rate=100%",
    ];
    let hanging = [
        "nbdkit",
        "--foreground",
        "--filter=delay",
        "memory",
        "96M",
        "wdelay=600",
    ];
    for (command, words) in [
        (
            failing.as_slice(),
            ["cannot write to target nbd://", "Input/output error"],
        ),
        (
            &hanging,
            ["cannot write to target nbd://", "no answer for 5 s"],
        ),
    ] {
        let server = Server::on_port(command).unwrap();
        scene.fails(&mut deploy(&scene, &image, &server.uri(""), &[]), 1, &words);
    }
    let gone = Server::on_port(&failing).unwrap().uri("");
    scene.fails(
        &mut deploy(&scene, &image, &gone, &[]),
        2,
        &["cannot reach target", "refused"],
    );
    for uri in [
        "json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}",
        "http://127.0.0.1/disk",
        "nbd://host:port/",
    ] {
        scene.fails(&mut deploy(&scene, &image, uri, &[]), 2, &[]);
    }
}

#[test]
fn a_logical_unit_of_an_iscsi_target_is_deployed() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 96).unwrap();
    let password = "hunter2hunter2";
    let target = iscsi::Target::serving(&scene.path("disk"), "tester", password).unwrap();
    let wrong = target.uri("tester", "wrongwrongwrong");
    let refused = scene.fails(
        &mut deploy(&scene, &image, &wrong, &[]),
        2,
        &["cannot reach target iscsi://"],
    );
    assert!(!refused.stderr.contains("wrongwrong"), "{}", refused.stderr);
    let uri = target.uri("tester", password);
    let outcome = run(&mut deploy(&scene, &image, &uri, &["--hostname", NAME]));
    outcome.succeeded();
    assert!(!outcome.stdout.contains("hunter2"), "{}", outcome.stdout);
    drop(target);
    assert_deployed(&scene, "disk");
}

#[test]
fn a_file_of_glusterfs_is_deployed() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let uri = "gluster://10.99.0.1/disks/disk";
    let inner = deploy(&scene, &image, uri, &["--hostname", NAME]);
    let mut command = Command::new(gluster::SCRIPT);
    command
        .arg(scene.path("gluster"))
        .args(["nobody", "96M"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(scene.directory());
    run(&mut command).succeeded();
    fs::rename(scene.path("gluster/brick/disk"), scene.path("disk")).unwrap();
    assert_deployed(&scene, "disk");
}

/// Runs a command as on a node whose `/etc/ceph` is the directory `$0`.
const AS_CLIENT: &str = "mount --bind \"$0\" /etc/ceph && exec \"$@\"";

#[test]
fn an_image_of_ceph_is_deployed() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let ceph = Ceph::start(&scene.path("ceph")).unwrap();
    ceph.rbd(&["create", "instances/disk0", "--size", "96M"])
        .unwrap();
    let inner = deploy(&scene, &image, "rbd:instances/disk0", &["--hostname", NAME]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", AS_CLIENT]);
    command
        .arg(ceph.directory())
        .arg(inner.get_program())
        .args(inner.get_args());
    command.current_dir(scene.directory());
    run(&mut command).succeeded();
    let disk = scene.path("disk");
    ceph.rbd(&[
        "export",
        "--no-progress",
        "instances/disk0",
        disk.to_str().unwrap(),
    ])
    .unwrap();
    assert_deployed(&scene, "disk");
}

#[test]
fn a_disk_with_sectors_of_4096_bytes_gets_a_table_that_counts_in_them() {
    let Some(scene) = Scene::set() else { return };
    fs::create_dir(scene.path("tree")).unwrap();
    tree::debian(&scene.path("tree")).unwrap();
    let dump = scene.path("dump");
    Tool::new("mke2fs")
        .args(["-q", "-t", "ext4", "-b", "4096", "-d"])
        .arg(scene.path("tree"))
        .arg(&dump)
        .arg("48M")
        .run()
        .unwrap();
    scene.blank("disk", 96).unwrap();
    let path = scene.path("disk");
    let kit = [
        "nbdkit",
        "--foreground",
        "--filter=blocksize-policy",
        "file",
        path.to_str().unwrap(),
        "blocksize-minimum=4096",
        "blocksize-preferred=4096",
        "blocksize-maximum=32M",
        "blocksize-error-policy=error",
    ];
    for is_device in [true, false] {
        scene.blank("disk", 96).unwrap();
        let more = ["--format", "extdump", "--hostname", NAME];
        if is_device {
            let device = Loop::with_sectors(&path, 4096).unwrap();
            run(&mut deploy(&scene, &dump, device.name(), &more)).succeeded();
        } else {
            let server = Server::on_port(&kit).unwrap();
            run(&mut deploy(&scene, &dump, &server.uri(""), &more)).succeeded();
        }
        let device = Loop::with_sectors(&path, 4096).unwrap();
        let table = Tool::new("sfdisk")
            .args(["--dump", device.name()])
            .run()
            .unwrap();
        assert!(
            table.contains("start=         256,") && table.contains("bootable"),
            "{table}"
        );
        let root = Ext::at(&path, 256 * 4096);
        assert_eq!(root.problems().unwrap(), "");
        assert_eq!(root.text("/etc/hostname").unwrap(), format!("{NAME}\n"));
    }
}
