//! Images that somebody sends, copied by the process that does it in a deployment.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use snf_image::cancel::Cancel;
use snf_image::copy::{Copied, CopyFailure, Copying, Order};
use snf_image::format::Format;
use snf_image::role;
use snf_image::source::{Input, Producer, ProducerError, Stream};
use snf_image::target::Target;
use snf_image_sandbox::User;

use crate::copy::support::{MIB, folder, pattern};

/// A sender that has only one thing to say at the end.
#[derive(Debug)]
struct Sender {
    outcome: Result<(), ProducerError>,
    asked: Arc<AtomicBool>,
}

impl Producer for Sender {
    fn finish(self: Box<Self>, _: &Cancel) -> Result<(), ProducerError> {
        self.asked.store(true, Ordering::Relaxed);
        self.outcome
    }
}

/// Sends `bytes` and says how that went; whether the sender was asked comes beside the outcome.
fn send(
    bytes: Vec<u8>,
    length: Option<u64>,
    outcome: Result<(), ProducerError>,
    disk: &Path,
) -> (Result<Copied, CopyFailure>, bool) {
    role::taken_by(env!("CARGO_BIN_EXE_snf-image").into());
    let (reader, mut writer) = std::io::pipe().unwrap();
    // A copy that fails reads no more, and then the pipe breaks.
    let writing = thread::spawn(move || writer.write_all(&bytes));
    let asked = Arc::new(AtomicBool::new(false));
    let input = Input::Stream(Stream {
        bytes: File::from(std::os::fd::OwnedFd::from(reader)),
        name: "a stream".into(),
        length,
        patience: None,
        producer: Box::new(Sender {
            outcome,
            asked: Arc::clone(&asked),
        }),
    });
    let target = Target::open(disk, None, None).unwrap();
    let user = User::lookup("nobody").unwrap();
    let order = Order {
        format: Format::Diskdump,
        exporter: None,
    };
    let copying = Copying::start(input, order, &target, &user).unwrap();
    let copied = copying.finish(&mut |_, _| (), &Cancel::new().unwrap());
    let _ = writing.join().unwrap();
    (copied, asked.load(Ordering::Relaxed))
}

fn disk(folder: &Path, length: u64) -> std::path::PathBuf {
    let disk = folder.join("disk");
    File::create(&disk).unwrap().set_len(length).unwrap();
    disk
}

#[test]
fn what_is_sent_is_on_the_target() {
    let folder = folder();
    let disk = disk(folder.path(), 4 * MIB);
    let bytes = pattern(3 << 20, 1);
    let (copied, asked) = send(bytes.clone(), None, Ok(()), &disk);
    assert_eq!(copied.unwrap().length(), 3 * MIB);
    assert!(asked);
    assert!(fs::read(&disk).unwrap().starts_with(&bytes));
}

#[test]
fn a_sender_that_failed_is_the_cause_whatever_came() {
    let folder = folder();
    let disk = disk(folder.path(), 4 * MIB);
    for length in [None, Some(3 * MIB)] {
        let broken = ProducerError::Failed("the line was cut".into());
        let (copied, _) = send(pattern(2 << 20, 1), length, Err(broken), &disk);
        assert_eq!(copied.unwrap_err().to_string(), "the line was cut");
    }
}

#[test]
fn a_sender_is_not_asked_why_the_target_is_too_small() {
    let folder = folder();
    let disk = disk(folder.path(), 4 * MIB);
    let broken = ProducerError::Failed("broken pipe".into());
    let (copied, asked) = send(pattern(8 << 20, 1), None, Err(broken), &disk);
    let reason = copied.unwrap_err().to_string();
    assert!(reason.contains("more than the 4194304 bytes"), "{reason}");
    assert!(!asked);
}
