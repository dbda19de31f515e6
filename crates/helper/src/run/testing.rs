//! A context over image files, for the tests of the tasks.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::mount::{MountPropagationFlags, mount_change};
use snf_image_protocol::{OsFamily, Parameters};

use super::context::{Context, Reporter};

/// Keeps the warnings.
#[derive(Debug, Default)]
pub(crate) struct Warnings(pub(crate) Vec<String>);

impl Reporter for Warnings {
    fn notice(&mut self, message: &str) {
        self.0.push(message.into());
    }

    fn warning(&mut self, message: &str) {
        self.0.push(message.into());
    }
}

/// Parameters with these properties, written as the inside of a JSON object.
pub(crate) fn parameters(properties: &str) -> Parameters {
    serde_json::from_str(&format!(
        r#"{{"version":5,"only":null,"hostname":"vm.example.org","password":"hunter2","password_hash":null,
            "authorized_keys":[],"host_keys":[],"nics":[],"properties":{{{properties}}},"personality":[],
            "windows":{{"product_key":null,"answer_file":null,"time_zone":"GMT Standard Time","drivers":null}},
            "user_data":null}}"#
    ))
    .unwrap()
}

/// A context of a Linux image on the first of two disks that are not there.
pub(crate) fn context<'run>(
    parameters: &'run Parameters,
    warnings: &'run mut Warnings,
) -> Context<'run> {
    Context {
        parameters,
        parameters_dir: PathBuf::from("/nonexistent/parameters"),
        disks: ["/nonexistent/vda", "/nonexistent/vdb"]
            .map(PathBuf::from)
            .into(),
        target: PathBuf::from("/nonexistent/target"),
        os_family: OsFamily::Linux,
        root_partition: Some(1),
        table: None,
        lvm: None,
        root_volume: None,
        grown_ntfs: None,
        root: None,
        shut: Vec::new(),
        windows: None,
        cloud_init: None,
        cloudbase_init: None,
        drivers: None,
        random: StdRng::from_seed([7; 32]),
        reporter: warnings,
    }
}

/// Does some work with mounts that nobody else sees.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let apart = move || {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).unwrap();
        work()
    };
    match std::thread::scope(|scope| scope.spawn(apart).join()) {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// An image file of so many MiB with what `sfdisk` makes of a script.
pub(crate) fn image(directory: &Path, mib: u64, script: &str) -> PathBuf {
    let path = directory.join("image");
    resize(&path, mib << 20);
    let mut child = Command::new("sfdisk")
        .args(["--quiet", "--no-tell-kernel"])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    path
}

/// Sets the length of a file, in bytes.
pub(crate) fn resize(path: &Path, bytes: u64) {
    let mut options = std::fs::OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .unwrap();
    file.set_len(bytes).unwrap();
}

/// Runs a tool that must succeed and gives what it says.
pub(crate) fn tool(program: &str, arguments: &[&str], path: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .arg(path)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}
