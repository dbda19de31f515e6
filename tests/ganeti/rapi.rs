//! Instances by way of Ganeti's remote API, as web managers make them.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use harness::{Cluster, Instance};
use serde_json::{Value, json};
use snf_image_testkit::tool::Tool;

const PASSWORD: &str = "Zq7-never-to-be-seen";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJl6UzUcpJclSsCjt40fX3oa+kcuAziT3r7Cr0yLLQtq me@example.org";
/// How many news of a job are waited for; there are less than ten.
const NEWS: usize = 100;

/// The job that makes an instance on node 3 with two network interfaces and these parameters.
fn create(cluster: &Cluster, instance: &Instance, public: &Value) -> String {
    let request = json!({
        "__version__": 1,
        "mode": "create",
        "instance_name": instance.name(),
        "os_type": "snf-image+default",
        "disk_template": "file",
        "disks": [{"size": 128}],
        "nics": [{}, {}],
        "pnode": "node3.gnt.test",
        "hypervisor": "fake",
        "beparams": {"memory": 512, "vcpus": 1},
        "start": false,
        "ip_check": false,
        "osparams": public,
        "osparams_private": {"auth_keys": KEY},
        "osparams_secret": {"img_passwd": PASSWORD},
    });
    let answer = cluster.rapi("POST", "/2/instances", &request.to_string());
    answer.unwrap().trim().trim_matches('"').to_owned()
}

/// Waits for the end of a job and gives everything that is known about it.
fn end_of(cluster: &Cluster, job: &str) -> Value {
    let ask = |path: &str, body: &str| -> Value {
        let answer = cluster.rapi("GET", path, body).unwrap();
        serde_json::from_str(&answer).unwrap()
    };
    let mut known = Value::Null;
    for _ in 0..NEWS {
        let body = json!({
            "fields": ["status"],
            "previous_job_info": known,
            // Only the status is of interest, none of the messages.
            "previous_log_serial": 1_000_000,
        });
        let news = ask(&format!("/2/jobs/{job}/wait"), &body.to_string());
        if !news["job_info"].is_null() {
            known = news["job_info"].clone();
        }
        if ["success", "error", "canceled"].contains(&known[0].as_str().unwrap_or_default()) {
            return ask(&format!("/2/jobs/{job}"), "");
        }
    }
    panic!("job {job} does not end: {known}");
}

/// Insists that no file below a directory holds the password.
fn shows_no_password(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            shows_no_password(&path);
        } else {
            let text = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains(PASSWORD), "{}", path.display());
        }
    }
}

fn is_seen_nowhere(cluster: &Cluster, job: &str, told: &Value) {
    assert!(!told.to_string().contains(PASSWORD), "{told}");
    let info = cluster.run(["gnt-job", "info", job]).unwrap();
    info.succeeded();
    assert!(!info.stdout.contains(PASSWORD), "{}", info.stdout);
    for node in 1..=3 {
        shows_no_password(&cluster.node(node, "log"));
    }
}

#[test]
fn public_private_and_secret_parameters_reach_the_disk_and_the_secret_nothing_else() {
    let Some((cluster, _image)) = Cluster::with_debian("rapi.raw") else {
        return;
    };
    let instance = cluster.instance(20).unwrap();
    let public = json!({
        "img_id": "rapi.raw",
        "img_format": "diskdump",
        "img_properties": r#"{"OSFAMILY": "linux", "USERS": "root user"}"#,
    });
    let job = create(&cluster, &instance, &public);
    let told = end_of(&cluster, &job);
    assert_eq!(told["status"], "success", "{told}");

    let root = instance.root(3).unwrap();
    assert_eq!(root.text("/etc/hostname").unwrap(), "inst20.gnt.test\n");
    let shadow = root.text("/etc/shadow").unwrap();
    for user in ["root", "user"] {
        let line = shadow
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{user}:")));
        let hash = line.unwrap().split(':').next().unwrap();
        let crypt = Tool::new("perl")
            .args(["-e", "print crypt(shift, shift)", PASSWORD, hash])
            .run();
        assert_eq!(crypt.unwrap(), hash);
    }
    let keys = root.text("/root/.ssh/authorized_keys").unwrap();
    assert!(keys.contains(KEY), "{keys}");
    let log = cluster.log(3, "add", instance.name()).unwrap();
    assert!(log.contains("HELPER: "), "{log}");
    is_seen_nowhere(&cluster, &job, &told);

    let info: Value = serde_json::from_str(
        &cluster
            .rapi("GET", "/2/instances/inst20.gnt.test", "")
            .unwrap(),
    )
    .unwrap();
    assert_eq!(info["nic.macs"].as_array().unwrap().len(), 2, "{info}");
}

#[test]
fn what_went_wrong_is_in_the_result_of_the_job() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    let instance = cluster.instance(21).unwrap();
    for (format, words) in [
        ("floppy", ["img_format", "OS validation script failed"]),
        ("diskdump", ["nowhere", "does not exist"]),
    ] {
        let public = json!({"img_id": "nowhere", "img_format": format});
        let job = create(&cluster, &instance, &public);
        let told = end_of(&cluster, &job);
        assert_eq!(told["status"], "error", "{told}");
        let result = told["opresult"].to_string();
        for word in words {
            assert!(result.contains(word), "no {word:?} in {result}");
        }
        is_seen_nowhere(&cluster, &job, &told);
    }
}
