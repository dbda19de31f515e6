//! The life of an instance: made, installed again, renamed, saved, restored on a larger disk.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::os::unix::fs::FileExt;

use harness::Cluster;
use snf_image_testkit::disk::{MIB, gpt_problems};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJl6UzUcpJclSsCjt40fX3oa+kcuAziT3r7Cr0yLLQtq me@example.org";

/// Where something lies on an instance's second disk, in bytes.
const WITHIN: u64 = 40 * MIB;

#[test]
fn an_instance_on_a_file_gets_its_name_its_password_and_the_whole_disk() {
    let Some((cluster, image)) = Cluster::with_debian("file.raw") else {
        return;
    };
    let instance = cluster.instance(1).unwrap();
    instance
        .add(
            1,
            [
                "--disk-template=file",
                "--disk=0:size=256M",
                "--net=0:mac=generate",
                "--net=1:mac=generate",
                "--net=2:mac=generate",
                "--os-parameters",
                &image.parameters(),
                "--os-parameters-private",
                &format!("auth_keys={KEY}"),
                "--os-parameters-secret",
                "img_passwd=correct horse",
            ],
        )
        .unwrap()
        .succeeded();

    let root = instance.root(1).unwrap();
    assert_eq!(root.text("/etc/hostname").unwrap(), "inst1.gnt.test\n");
    assert!(root.text("/etc/shadow").unwrap().contains("root:$6$"));
    let keys = root.text("/root/.ssh/authorized_keys").unwrap();
    assert!(keys.contains(KEY), "{keys}");
    assert!(root.size().unwrap() > 250 * MIB);
    assert_eq!(gpt_problems(&instance.disk(1, 0).unwrap()).unwrap(), "");
    let log = cluster.log(1, "add", instance.name()).unwrap();
    assert!(log.contains("HELPER: "), "{log}");
    assert!(log.contains("3 network interfaces"), "{log}");
    assert!(!log.contains("correct horse"), "{log}");
}

#[test]
fn a_life_on_block_devices() {
    let Some((cluster, image)) = Cluster::with_debian("block.raw") else {
        return;
    };
    let parameters = image.parameters();
    let instance = cluster.instance(2).unwrap();
    instance
        .add(
            1,
            [
                "--disk-template=ext",
                "--disk=0:size=256M,provider=loopvol",
                "--disk=1:size=64M,provider=loopvol",
                "--os-parameters",
                &parameters,
            ],
        )
        .unwrap()
        .succeeded();
    let first = instance.root(1).unwrap().text("/etc/machine-id").unwrap();

    let again = ["reinstall", "--force", "--os-parameters", &parameters];
    instance.command(&again).unwrap().succeeded();
    let root = instance.root(1).unwrap();
    assert_eq!(root.text("/etc/hostname").unwrap(), "inst2.gnt.test\n");
    assert_ne!(root.text("/etc/machine-id").unwrap(), first);

    // The other name's holder goes first, whatever an earlier run has left.
    drop(cluster.instance(3).unwrap());
    cluster
        .run([
            "gnt-instance",
            "rename",
            "--no-ip-check",
            "inst2.gnt.test",
            "inst3.gnt.test",
        ])
        .unwrap()
        .succeeded();
    let instance = instance.renamed("inst3.gnt.test");
    let root = instance.root(1).unwrap();
    assert_eq!(root.text("/etc/hostname").unwrap(), "inst3.gnt.test\n");
    let before = root.text("/etc/machine-id").unwrap();

    let data = File::options()
        .write(true)
        .open(instance.disk(1, 1).unwrap());
    data.unwrap().write_all_at(b"kept", WITHIN).unwrap();
    cluster
        .run([
            "gnt-backup",
            "export",
            "-n",
            "node1.gnt.test",
            "inst3.gnt.test",
        ])
        .unwrap()
        .succeeded();
    instance
        .command(&["remove", "--force"])
        .unwrap()
        .succeeded();
    cluster
        .run([
            "gnt-backup",
            "import",
            "--src-node=node1.gnt.test",
            "--src-dir=inst3.gnt.test",
            "--disk-template=ext",
            "--disk=0:size=512M,provider=loopvol",
            "--disk=1:size=64M,provider=loopvol",
            "--net=0:mac=generate",
            "--no-ip-check",
            "--node=node1.gnt.test",
            "inst3.gnt.test",
        ])
        .unwrap()
        .succeeded();
    let root = instance.root(1).unwrap();
    assert_eq!(root.text("/etc/machine-id").unwrap(), before);
    assert!(root.size().unwrap() > 500 * MIB, "{}", root.size().unwrap());
    let data = File::open(instance.disk(1, 1).unwrap()).unwrap();
    let mut kept = [0; 4];
    data.read_exact_at(&mut kept, WITHIN).unwrap();
    assert_eq!(&kept, b"kept");
}

#[test]
fn what_is_wrong_is_said_in_the_answer_of_the_job() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    let instance = cluster.instance(4).unwrap();
    let missing = instance
        .add(
            1,
            [
                "--disk-template=file",
                "--disk=0:size=64M",
                "--os-parameters=img_id=nowhere,img_format=diskdump",
            ],
        )
        .unwrap();
    assert_ne!(missing.code, Some(0));
    assert!(missing.stderr.contains("nowhere"), "{}", missing.stderr);

    let wrong = cluster.instance(5).unwrap();
    let refused = wrong
        .add(
            1,
            [
                "--disk-template=file",
                "--disk=0:size=64M",
                "--os-parameters=img_id=nowhere,img_format=floppy",
            ],
        )
        .unwrap();
    assert_ne!(refused.code, Some(0));
    let text = &refused.stderr;
    assert!(
        text.contains("img_format") && text.contains("floppy"),
        "{text}"
    );
    assert!(text.contains("OS validation script failed"), "{text}");
}
