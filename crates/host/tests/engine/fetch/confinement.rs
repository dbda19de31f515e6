//! What the process that fetches can do, as the system sees it while it works.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::io::Read;

use snf_image_testkit::http::{Act, Server, part};
use snf_image_testkit::process::{command_line, descendants};

use crate::fetch::client::{image, options, start};

/// What /proc/PID/status says of the processes of this name that this test started: others run beside it,
/// and theirs may not have confined themselves yet.
fn processes(name: &str) -> Vec<(u32, String)> {
    let ours = descendants(std::process::id()).into_iter();
    let of_name = ours.filter(|pid| {
        command_line(*pid)
            .first()
            .is_some_and(|first| first == name)
    });
    let status = |pid| Some((pid, fs::read_to_string(format!("/proc/{pid}/status")).ok()?));
    of_name.filter_map(status).collect()
}

#[test]
fn it_has_no_rights_and_its_arguments_tell_nothing() {
    let server = Server::start(|request| {
        let bytes = image(5000);
        vec![part(request, &bytes, "X: y", 100), Act::Hold]
    });
    let mut stream = start(&server.url("/image"), &options()).unwrap();
    stream.bytes.read_exact(&mut [0; 100]).unwrap();
    let running = processes("snf-image-fetch");
    assert!(!running.is_empty());
    for (pid, status) in running {
        for line in [
            "CapInh:\t0000000000000000",
            "CapPrm:\t0000000000000000",
            "CapEff:\t0000000000000000",
            "CapBnd:\t0000000000000000",
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
        ] {
            assert!(status.contains(line), "{line} is not in {status}");
        }
        let user = status
            .lines()
            .find(|line| line.starts_with("Uid:"))
            .unwrap();
        assert!(!user.split('\t').any(|id| id == "0"), "{user}");
        for file in ["cmdline", "environ"] {
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&text).contains("hunter2"));
        }
    }
}
