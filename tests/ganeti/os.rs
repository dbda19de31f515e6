//! Ganeti accepts the OS definition that the packages install, on every node.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(clippy::unwrap_used, reason = "a test may end on a fault")]

use harness::Cluster;

const PARAMETERS: [&str; 12] = [
    "auth_keys",
    "cloud_userdata",
    "config_url",
    "img_format",
    "img_id",
    "img_passwd",
    "img_passwd_hash",
    "img_personality",
    "img_properties",
    "inst_properties",
    "os_answer_file",
    "os_product_key",
];

#[test]
fn every_node_has_the_definition_and_calls_it_valid() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    let diagnosis = cluster.run(["gnt-os", "diagnose"]).unwrap();
    diagnosis.succeeded();
    let about = diagnosis
        .stdout
        .split("\nOS: ")
        .find(|os| os.contains("snf-image"));
    let about = about.unwrap();
    assert!(about.contains("[global status: valid]"), "{about}");
    let nodes = about.matches("status: valid (path: /usr/share/ganeti/os/snf-image)");
    assert_eq!(nodes.count(), 3, "{about}");
    assert!(
        about.contains("[API versions: 20] [variants: default]"),
        "{about}"
    );

    let list = cluster.run(["gnt-os", "list", "--no-headers"]).unwrap();
    assert!(list.stdout.lines().any(|line| line == "snf-image+default"));
}

#[test]
fn every_parameter_is_described() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    let info = cluster.run(["gnt-os", "info", "snf-image"]).unwrap();
    info.succeeded();
    for parameter in PARAMETERS {
        let start = format!("- {parameter}: ");
        let line = info
            .stdout
            .lines()
            .find_map(|line| line.trim().strip_prefix(&start));
        assert!(
            line.is_some_and(|text| text.len() > 10),
            "{parameter}: {}",
            info.stdout
        );
    }
}

#[test]
fn the_cluster_finds_no_difference_between_its_nodes() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    // Not every kernel has the system request that Ganeti would like to have.
    let verified = cluster
        .run(["gnt-cluster", "verify", "--ignore-errors", "ENODESETUP"])
        .unwrap();
    let text = format!("{}{}", verified.stdout, verified.stderr);
    assert!(text.contains("Verifying node status"), "{text}");
    assert!(
        !text.contains("ENODEOS") && !text.contains("snf-image"),
        "{text}"
    );
}
