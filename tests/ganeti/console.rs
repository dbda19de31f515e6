//! An instance starts under Ganeti and says on its console who it is.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::unix::net::UnixStream;
use std::time::Duration;

use harness::{Cluster, Scene};
use snf_image_testkit::console::Console;

/// How long the machine may take to its login prompt, without hardware virtualisation and beside
/// other tests.
const BOOT: Duration = Duration::from_secs(240);

#[test]
fn the_demo_image_starts_under_ganeti_and_asks_for_a_login_under_its_new_name() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    let Some(scene) = Scene::set() else { return };
    let image = cluster
        .publish(&scene.product.demo_image, "console.raw")
        .unwrap();
    let instance = cluster.instance(40).unwrap();
    instance
        .add(
            1,
            [
                "--hypervisor-parameters=kvm",
                "--disk-template=file",
                "--disk=0:size=3G",
                "--os-parameters",
                // Nobody answers DHCP here, and the login prompt waits for it.
                &format!(
                    r#"{},img_properties={{"EXCLUDE_TASK_CONFIGURENETWORK": true}}"#,
                    image.parameters()
                ),
            ],
        )
        .unwrap()
        .succeeded();
    instance.command(&["start"]).unwrap().succeeded();
    let serial = format!("ganeti/kvm-hypervisor/ctrl/{}.serial", instance.name());
    let port = cluster.run_directory(1).unwrap().join(serial);
    let mut console = Console::new(UnixStream::connect(port).unwrap());
    let said = console.wait_for(" login: ", BOOT).unwrap();
    let prompt = said.lines().last().unwrap();
    assert_eq!(prompt, "inst40 login: ");
}
