//! A node with back-ends of a test's own making, and what it makes of an image's name.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use snf_image::backend::{self, BackendError, Place};
use snf_image::cancel::Cancel;
use snf_image::copy::{Copied, Copying, Order};
use snf_image::format::Format;
use snf_image::role;
use snf_image::source::{ExternalId, Input};
use snf_image::target::Target;
use snf_image_sandbox::User;
use tempfile::TempDir;

/// How long anything here may take, failures included.
const BOUND: Duration = Duration::from_secs(20);

pub(crate) const MIB: u64 = 1 << 20;

/// Directories for programs and their files, and a folder of the test.
pub(crate) struct Node {
    folder: TempDir,
    pub(crate) place: Place,
}

impl Node {
    /// A node with the stand-in for pithcat: `pithos:FILE` is a file of the folder.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for directory in ["src", "conf"] {
            fs::create_dir(folder.path().join(directory)).unwrap();
        }
        let place = Place {
            programs: folder.path().join("src"),
            files: folder.path().join("conf"),
            patience: Duration::from_secs(2),
        };
        role::taken_by(env!("CARGO_BIN_EXE_snf-image").into());
        Node { folder, place }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    /// Adds a back-end that says yes to all, and a size, and sends what `script` does.
    pub(crate) fn sends(&self, size: u64, script: &str) {
        let folder = self.folder.path().display();
        let text = format!(
            "#!/bin/sh\ncd {folder}\ncase $1 in\n-p) echo yes;;\n-s) echo {size};;\n*)\n{script}\n;;\nesac\n"
        );
        self.write("src/only", text, 0o755);
    }

    /// Copies the image of this name onto `disk`, of 8 MiB, as a deployment does.
    pub(crate) fn deploy(&self, id: &str) -> Result<Copied, String> {
        let begin = Instant::now();
        let copied = self.copy(id, &Cancel::new().unwrap());
        assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
        copied.inspect_err(|reason| {
            assert!(
                !reason.contains('\n') && !reason.contains("hunter2"),
                "{reason}"
            );
        })
    }

    pub(crate) fn copy(&self, id: &str, cancel: &Cancel) -> Result<Copied, String> {
        let id = ExternalId::parse(id).unwrap();
        let stream = backend::start(&id, &self.place, cancel).map_err(text)?;
        let target = Target::open(&self.path("disk"), Some(8 * MIB), None).unwrap();
        let user = User::lookup("nobody").unwrap();
        let order = Order {
            format: Format::Diskdump,
            exporter: None,
        };
        let copying = Copying::start(Input::Stream(stream), order, &target, &user);
        let copied = copying.unwrap().finish(&mut |_, _| {}, cancel);
        target.keep();
        copied.map_err(|error| error.to_string())
    }

    /// Whether the disk begins with these bytes, and holds nothing else.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        let disk = fs::read(self.path("disk")).unwrap();
        disk.starts_with(bytes) && disk[bytes.len()..].iter().all(|byte| *byte == 0)
    }
}

fn text(error: BackendError) -> String {
    error.to_string()
}

/// Bytes that differ from place to place.
pub(crate) fn image(length: u64) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    });
    next.take(usize::try_from(length).unwrap()).collect()
}
