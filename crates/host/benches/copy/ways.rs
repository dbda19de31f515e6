//! Ways from an image to a disk, and the time that one takes.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use snf_image::cancel::Cancel;
use snf_image::copy::{Copying, Order};
use snf_image::fetch;
use snf_image::format::Format;
use snf_image::role;
use snf_image::source::{Input, Source, Url};
use snf_image::target::Target;
use snf_image_sandbox::User;

use crate::server;

/// The disk: larger than any of the images, as disks are.
const DISK: u64 = 6 << 30;

/// One way.
pub(crate) enum Way {
    /// The copy of a deployment, in its own process, of the file or of what is at the URL.
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

    fn run(&self, image: &Path, disk: &Path, url: Option<&str>) {
        match self {
            Way::Ours(format) => ours(image, *format, disk, url),
            Way::Tool(script) => {
                let script = format!("{script}; sync $2");
                shell(&script, image, disk, url.unwrap_or_default());
            }
        }
    }
}

/// What a run took.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    /// From the start until the disk is flushed.
    pub(crate) time: Duration,
    /// Of processors, by all processes of the way.
    pub(crate) processor: Duration,
}

/// Goes one way, to a disk that is new and one hole before.
pub(crate) fn timed(way: &Way, image: &Path, disk: &Path, url: Option<&str>) -> Taken {
    let _ = std::fs::remove_file(disk);
    File::create(disk).unwrap().set_len(DISK).unwrap();
    rustix::fs::sync();
    let (begun, used) = (Instant::now(), processor());
    way.run(image, disk, url);
    Taken {
        time: begun.elapsed(),
        processor: processor().saturating_sub(used),
    }
}

/// The processor time of all children that have ended.
fn processor() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    [usage.user_time(), usage.system_time()]
        .into_iter()
        .map(|time| Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap()))
        .sum()
}

fn ours(image: &Path, format: Format, disk: &Path, url: Option<&str>) {
    role::taken_by(env!("CARGO_BIN_EXE_snf-image").into());
    let user = User::lookup("nobody").unwrap();
    let cancel = Cancel::new().unwrap();
    let input = match url {
        None => Input::File(Source::open(image).unwrap()),
        Some(url) => {
            let url = Url::parse(url).unwrap();
            let options = server::options();
            Input::Stream(fetch::start(&url, &options, &user, &cancel).unwrap())
        }
    };
    let target = Target::open(disk, None, None).unwrap();
    let order = Order {
        format,
        exporter: None,
    };
    let copying = Copying::start(input, order, &target, &user).unwrap();
    copying.finish(&mut |_, _| (), &cancel).unwrap();
    target.keep();
}

/// Runs a script with three arguments, for which its words hold no blanks.
pub(crate) fn shell(script: &str, first: &Path, second: &Path, third: &str) {
    let mut command = Command::new("sh");
    command.args(["-euc", script, "sh"]).args([first, second]);
    command.arg(third);
    assert!(command.status().unwrap().success(), "{script}");
}
