//! Ways from an image to a disk, and the time that one takes.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use snf_image::cancel::Cancel;
use snf_image::copy::{Copying, Order};
use snf_image::format::Format;
use snf_image::role;
use snf_image::source::{Input, Source};
use snf_image::target::Target;
use snf_image_sandbox::User;

/// The disk: larger than any of the images, as disks are.
const DISK: u64 = 6 << 30;

/// One way.
pub(crate) enum Way {
    /// The copy of a deployment, in its own process.
    Ours(Format),
    /// A shell script.
    Tool(&'static str),
}

impl Way {
    pub(crate) fn name(&self) -> String {
        match self {
            Way::Ours(_) => "**snf-image**".into(),
            Way::Tool(script) => {
                // In a table | ends a cell.
                format!(
                    "`{}`",
                    script.replace(" | ", " ¦ ").replace(" status=none", "")
                )
            }
        }
    }

    fn run(&self, image: &Path, disk: &Path) {
        match self {
            Way::Ours(format) => ours(image, *format, disk),
            Way::Tool(script) => shell(&format!("{script}; sync $2"), image, disk),
        }
    }
}

/// The time from the start until the disk, new and one hole before, is flushed.
pub(crate) fn timed(way: &Way, image: &Path, disk: &Path) -> Duration {
    let _ = std::fs::remove_file(disk);
    File::create(disk).unwrap().set_len(DISK).unwrap();
    rustix::fs::sync();
    let begun = Instant::now();
    way.run(image, disk);
    begun.elapsed()
}

fn ours(image: &Path, format: Format, disk: &Path) {
    role::taken_by(env!("CARGO_BIN_EXE_snf-image").into());
    let input = Input::File(Source::open(image).unwrap());
    let target = Target::open(disk, None, None).unwrap();
    let user = User::lookup("nobody").unwrap();
    let order = Order { format };
    let copying = Copying::start(input, order, &target, &user).unwrap();
    let cancel = Cancel::new().unwrap();
    copying.finish(&mut |_, _| (), &cancel).unwrap();
    target.keep();
}

/// Runs a script with two arguments, for which its words hold no blanks.
pub(crate) fn shell(script: &str, first: &Path, second: &Path) {
    let mut command = Command::new("sh");
    command.args(["-euc", script, "sh"]).args([first, second]);
    assert!(command.status().unwrap().success(), "{script}");
}
