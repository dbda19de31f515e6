//! Images whose digest was asked for, copied by the process that does it in a deployment.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use snf_image::cancel::Cancel;
use snf_image::copy::{CopyFailure, Copying, Order};
use snf_image::format::Format;
use snf_image::role;
use snf_image::source::{Input, Producer, ProducerError, Source, Stream};
use snf_image::target::Target;
use snf_image::verification::{Algorithm, Digest};
use snf_image_sandbox::User;

use crate::support::{MIB, folder, image, run};

/// `cat` of a file.
#[derive(Debug)]
struct Cat(Child);

impl Producer for Cat {
    fn finish(mut self: Box<Self>, _: &Cancel) -> Result<(), ProducerError> {
        assert!(self.0.wait().unwrap().success());
        Ok(())
    }
}

fn file(image: &Path) -> Input {
    Input::File(Source::open(image).unwrap())
}

fn stream(image: &Path) -> Input {
    let cat = Command::new("cat")
        .arg(image)
        .stdout(Stdio::piped())
        .spawn();
    let mut cat = cat.unwrap();
    let bytes = cat.stdout.take().unwrap();
    Input::Stream(Stream {
        bytes: File::from(OwnedFd::from(bytes)),
        name: "a stream".into(),
        length: None,
        patience: None,
        producer: Box::new(Cat(cat)),
    })
}

fn copy(input: Input, sha256: &str, disk: &Path) -> Result<(), CopyFailure> {
    role::taken_by(env!("CARGO_BIN_EXE_snf-image").into());
    let target = Target::open(disk, Some(8 * MIB), None).unwrap();
    let order = Order {
        format: Format::Diskdump,
        digest: Some(Digest::new(Algorithm::Sha256, sha256).unwrap()),
    };
    let user = User::lookup("nobody").unwrap();
    let copying = Copying::start(input, order, &target, &user).unwrap();
    let copied = copying.finish(&mut |_, _| (), &Cancel::new().unwrap());
    copied.map(|_| target.keep())
}

/// What coreutils say.
fn sha256(image: &Path) -> String {
    let output = run("sha256sum", &[image.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(' ').next().unwrap().to_owned()
}

#[test]
fn an_image_with_the_digest_asked_for_is_copied() {
    let folder = folder();
    let image = image(folder.path(), 5 * MIB + 512);
    for (number, input) in [file, stream].into_iter().enumerate() {
        let disk = folder.path().join(format!("disk-{number}"));
        copy(input(&image), &sha256(&image), &disk).unwrap();
        assert!(
            fs::read(&disk)
                .unwrap()
                .starts_with(&fs::read(&image).unwrap())
        );
    }
}

#[test]
fn another_image_is_refused_with_both_digests() {
    let folder = folder();
    let image = image(folder.path(), 5 * MIB);
    let present = sha256(&image);
    let other = "0".repeat(64);
    for input in [file, stream] {
        let failure = copy(input(&image), &other, &folder.path().join("disk")).unwrap_err();
        let reason = failure.to_string();
        for part in ["sha256", &present, &other] {
            assert!(reason.contains(part), "{reason}");
        }
        assert!(failure.is_on_target());
        assert!(!folder.path().join("disk").exists());
    }
}
