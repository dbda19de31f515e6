//! What a running helper VM may do, as the kernel sees it, and what stays when it is ended.
// SPDX-License-Identifier: BSD-2-Clause

use std::time::Duration;

use harness::{Outcome, Scene};
use rustix::process::{Pid, Signal, kill_process};
use snf_image_testkit::{process, tree};

const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_running_helper_vm_has_no_rights_and_no_network() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let deployment = scene.begin(&image, "disk", ["--size", "80M"]).unwrap();
    let qemu = process::wait_for_descendant(deployment.id(), "qemu-system", SOON).unwrap();

    let nobody = process::status(qemu, "Uid").unwrap();
    assert!(!nobody.split(' ').any(|uid| uid == "0"), "{nobody}");
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert_eq!(
            process::status(qemu, set).unwrap(),
            "0000000000000000",
            "{set}"
        );
    }
    assert_eq!(process::status(qemu, "NoNewPrivs").unwrap(), "1");
    assert_eq!(process::network_devices(qemu).unwrap(), ["lo"]);
    process::wait_for_status(qemu, "Seccomp", "2", SOON).unwrap();
    let arguments = process::command_line(qemu);
    for option in [
        "-net", "-netdev", "-nic", "-usb", "-vga", "-fda", "-virtfs", "-drive",
    ] {
        assert!(
            !arguments.iter().any(|argument| argument == option),
            "{option}"
        );
    }
    let devices = arguments.windows(2).filter(|pair| pair[0] == "-device");
    for device in devices {
        assert!(device[1].starts_with("virtio-blk-pci,"), "{}", device[1]);
    }
    let outcome: Outcome = deployment.wait_with_output().unwrap().into();
    outcome.succeeded();
}

#[test]
fn a_terminated_deployment_leaves_nothing_behind() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let watch = scene.watch().unwrap();
        let deployment = scene.begin(&image, "disk", ["--size", "80M"]).unwrap();
        process::wait_for_descendant(deployment.id(), "qemu-system", SOON).unwrap();
        let pid = Pid::from_raw(i32::try_from(deployment.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let outcome: Outcome = deployment.wait_with_output().unwrap().into();
        outcome.ended_with(1);
        assert_eq!(watch.leftovers().unwrap(), Vec::<String>::new());
    }
}
