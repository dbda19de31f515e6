//! Many instances at once, another node for one of them, and a disk that is not ours.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeSet;
use std::fs;

use harness::Cluster;

const NODES: u32 = 3;

#[test]
fn six_at_once_on_three_nodes_become_six_different_systems() {
    let Some((cluster, image)) = Cluster::with_debian("crowd.raw") else {
        return;
    };
    let begin = |number: u32| {
        let instance = cluster.instance(number).unwrap();
        let node = number % NODES + 1;
        let arguments = [
            "--submit",
            "--disk-template=file",
            "--disk=0:size=128M",
            "--os-parameters",
            &image.parameters(),
        ];
        let submitted = instance.add(node, arguments).unwrap();
        submitted.succeeded();
        // Ganeti says `JobID: 7` where it says its errors.
        let job = submitted.stderr.split_whitespace().last().unwrap();
        (instance, node, job.to_owned())
    };
    let crowd: Vec<_> = (30..36).map(begin).collect();
    for (_, _, job) in &crowd {
        cluster.run(["gnt-job", "watch", job]).unwrap().succeeded();
    }
    let mut ids = BTreeSet::new();
    for (instance, node, _) in &crowd {
        let root = instance.root(*node).unwrap();
        let name = root.text("/etc/hostname").unwrap();
        assert_eq!(name, format!("{}\n", instance.name()));
        ids.insert(root.text("/etc/machine-id").unwrap());
    }
    assert_eq!(ids.len(), crowd.len(), "{ids:?}");
}

#[test]
fn an_instance_that_failed_over_is_installed_again_where_it_went() {
    let Some((cluster, image)) = Cluster::with_debian("failover.raw") else {
        return;
    };
    let parameters = image.parameters();
    let instance = cluster.instance(37).unwrap();
    instance
        .add(
            1,
            [
                "--disk-template=ext",
                "--disk=0:size=128M,provider=loopvol",
                "--os-parameters",
                &parameters,
            ],
        )
        .unwrap()
        .succeeded();
    let first = instance.root(1).unwrap().text("/etc/machine-id").unwrap();
    let over = ["failover", "--force", "--target-node=node2.gnt.test"];
    instance.command(&over).unwrap().succeeded();
    let same = instance.root(2).unwrap().text("/etc/machine-id").unwrap();
    assert_eq!(same, first);

    let again = ["reinstall", "--force", "--os-parameters", &parameters];
    instance.command(&again).unwrap().succeeded();
    cluster.log(2, "add", instance.name()).unwrap();
    let now = instance.root(2).unwrap().text("/etc/machine-id").unwrap();
    assert_ne!(now, first);
}

#[test]
fn a_small_last_disk_with_a_firmwares_variables_is_left_alone() {
    let Some((cluster, image)) = Cluster::with_debian("firmware.raw") else {
        return;
    };
    let parameters = image.parameters();
    let instance = cluster.instance(38).unwrap();
    instance
        .add(
            1,
            [
                "--no-install",
                "--disk-template=file",
                "--disk=0:size=128M",
                "--disk=1:size=4M",
                "--os-parameters",
                &parameters,
            ],
        )
        .unwrap()
        .succeeded();
    let firmware = instance.disk(1, 1).unwrap();
    let variables: Vec<u8> = (0..4 << 20)
        .map(|byte: u32| byte.to_le_bytes()[1])
        .collect();
    fs::write(&firmware, &variables).unwrap();

    let install = ["reinstall", "--force", "--os-parameters", &parameters];
    instance.command(&install).unwrap().succeeded();
    let name = instance.root(1).unwrap().text("/etc/hostname").unwrap();
    assert_eq!(name, "inst38.gnt.test\n");
    assert!(fs::read(&firmware).unwrap() == variables);
}
