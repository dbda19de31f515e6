//! A helper system with systemd: the unit of the package starts the helper there.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::Scene;
use snf_image_testkit::disk;
use snf_image_testkit::tool::Tool;

const BOOT: Duration = Duration::from_secs(110);
const UNITS: &str = "/usr/lib/systemd/system";

/// The demo's Debian on the disk `disk`, with the files of the package snf-image-helper.
fn installed(scene: &Scene) {
    let disk = scene.path("disk");
    Tool::new("cp")
        .args(["--sparse=always", "--reflink=auto"])
        .args([&scene.product.demo_image, &disk])
        .run()
        .unwrap();
    let offset = disk::last_partition(&disk).unwrap().offset();
    let unit = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../packaging/snf-image-helper/snf-image-helper.service");
    let orders = format!(
        "write {helper} /usr/bin/snf-image-helper\n\
         sif /usr/bin/snf-image-helper mode 0100755\n\
         write {unit} {UNITS}/snf-image-helper.service\n\
         symlink {UNITS}/multi-user.target.wants/snf-image-helper.service ../snf-image-helper.service\n",
        helper = scene.product.helper.display(),
        unit = unit.display(),
    );
    let orders = scene.write("orders", orders).unwrap();
    Tool::new("debugfs")
        .args(["-w", "-f"])
        .arg(&orders)
        .arg(format!("{}?offset={offset}", disk.display()))
        .run()
        .unwrap();
}

/// The file of that beginning in the system's `/boot`, as a file of the scene.
fn boot_file(scene: &Scene, beginning: &str) -> PathBuf {
    let root = scene.root_of("disk").unwrap();
    let names = root.list("/boot").unwrap();
    let name = names.iter().find(|name| name.starts_with(beginning));
    let content = root.read(&format!("/boot/{}", name.unwrap())).unwrap();
    scene.write(beginning, content).unwrap()
}

#[test]
fn the_unit_starts_the_helper_which_reports_and_switches_off() {
    let Some(scene) = Scene::set() else { return };
    installed(&scene);
    let (kernel, initrd) = (
        boot_file(&scene, "vmlinuz-"),
        boot_file(&scene, "initrd.img-"),
    );
    let listener = UnixListener::bind(scene.path("events")).unwrap();
    let (console, result) = (scene.path("console"), scene.path("result"));
    let drive = format!("if=virtio,format=raw,file={}", scene.path("disk").display());
    let qemu = Tool::new("timeout")
        .args(["150", "qemu-system-x86_64"])
        .args(["-nodefaults", "-no-user-config", "-display", "none"])
        .args([
            "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "512",
        ])
        .args(["-drive", &drive])
        .arg("-kernel")
        .arg(&kernel)
        .arg("-initrd")
        .arg(&initrd)
        .args([
            "-append",
            "root=/dev/vda1 rw console=ttyS0 snf_image_activate_helper",
        ])
        .args(["-serial", &format!("file:{}", console.display())])
        .args(["-serial", &format!("file:{}", result.display())])
        .args(["-chardev", "socket,id=events,path=events"])
        .args(["-serial", "chardev:events"])
        .directory(scene.directory());
    let said = std::thread::scope(|scope| {
        let machine = scope.spawn(|| qemu.run());
        let (port, _) = listener.accept().unwrap();
        let said = refuse(port);
        machine.join().unwrap().unwrap();
        said
    });
    let console = fs::read_to_string(console).unwrap_or_default();
    assert!(
        said.contains("\"ready\""),
        "{said:?} and on the console\n{console}"
    );
    let verdict = fs::read_to_string(result).unwrap();
    assert!(verdict.starts_with("ERROR: "), "{verdict:?}\n{console}");
}

/// What the helper says first, on which it gets no gate that it could pass.
fn refuse(port: UnixStream) -> String {
    port.set_read_timeout(Some(BOOT)).unwrap();
    let mut line = String::new();
    let mut lines = BufReader::new(&port);
    // Where it says nothing the closed port ends the wait.
    let _ = lines.read_line(&mut line);
    (&port).write_all(b"no gate\n").unwrap();
    let _ = lines.read_line(&mut String::new());
    line
}
