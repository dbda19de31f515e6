//! Ganeti accepts the OS definition that the packages install, on every node.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;

use harness::{Cluster, Outcome};

const NODES: u32 = 3;

const PARAMETERS: [&str; 13] = [
    "auth_keys",
    "cloud_userdata",
    "config_url",
    "img_digest",
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
    assert_eq!(nodes.count(), NODES as usize, "{about}");
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

fn verify(cluster: &Cluster) -> Outcome {
    // Not every kernel has the system request that Ganeti would like to have.
    cluster
        .run(["gnt-cluster", "verify", "--ignore-errors", "ENODESETUP"])
        .unwrap()
}

#[test]
fn the_cluster_finds_no_difference_between_its_nodes() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    let verified = verify(&cluster);
    let text = format!("{}{}", verified.stdout, verified.stderr);
    assert!(text.contains("Verifying node status"), "{text}");
    assert!(!text.contains("snf-image"), "{text}");
}

/// A variant of the definition on some nodes, as long as this lives.
struct Variant<'cluster> {
    cluster: &'cluster Cluster,
    settings: String,
}

impl<'cluster> Variant<'cluster> {
    fn new(cluster: &'cluster Cluster, settings: &str) -> Self {
        Variant {
            cluster,
            settings: settings.to_owned(),
        }
    }

    /// Writes it as an administrator does.
    fn write(&self, node: u32) {
        let etc = self.cluster.node(node, "etc/ganeti/snf-image");
        fs::write(etc.join("variants/small.conf"), &self.settings).unwrap();
        fs::write(etc.join("variants.list"), "default\nsmall\n").unwrap();
    }
}

impl Drop for Variant<'_> {
    fn drop(&mut self) {
        for node in 1..=NODES {
            let etc = self.cluster.node(node, "etc/ganeti/snf-image");
            let _ = fs::remove_file(etc.join("variants/small.conf"));
            let _ = fs::write(etc.join("variants.list"), "default\n");
        }
    }
}

#[test]
fn a_variant_is_offered_and_its_file_says_what_is_installed() {
    let Some((cluster, _image)) = Cluster::with_debian("variant.raw") else {
        return;
    };
    let settings = "IMG_ID=variant.raw\nIMG_FORMAT=diskdump\nHELPER_MEMORY=160\n";
    let variant = Variant::new(&cluster, settings);
    variant.write(2);
    // What the test before this one relies on: a node that is another is named.
    let text = verify(&cluster).stdout;
    assert!(
        text.contains("OS variants list for snf-image differs"),
        "{text}"
    );
    variant.write(1);
    variant.write(3);

    let instance = cluster.instance(6).unwrap();
    let arguments = [
        "--os-type=snf-image+small",
        "--disk-template=file",
        "--disk=0:size=64M",
    ];
    instance.add(2, arguments).unwrap().succeeded();
    let root = instance.root(2).unwrap();
    assert_eq!(root.text("/etc/hostname").unwrap(), "inst6.gnt.test\n");
}
