//! A directory with a raw image, what tools make of it, and a disk.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use snf_image::cancel::Cancel;
use snf_image::copy::{Copied, CopyFailure, Copying, Order, measure, prepare};
use snf_image::exporter::Program;
use snf_image::fetch;
use snf_image::format::Format;
use snf_image::role;
use snf_image::source::{Input, Producer, ProducerError, Source, Stream, Url};
use snf_image::spool::Spool;
use snf_image::target::Target;
use snf_image::vm::find_emulator;
use snf_image_sandbox::User;
use snf_image_testkit::web::Web;
use tempfile::TempDir;

use crate::loopback;

pub(crate) const MIB: u64 = 1 << 20;

/// Everything in it goes away with it.
pub(crate) struct Stage(TempDir);

/// How the image's bytes reach the copy.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By<'a> {
    File,
    Pipe,
    /// From the server that serves the directory.
    Url(&'a Web),
}

impl Stage {
    pub(crate) fn set() -> Self {
        role::taken_by(env!("CARGO_BIN_EXE_snf-image").into());
        Stage(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The raw image `raw`: text and noise, with a hole of half its length.
    pub(crate) fn raw(&self, length: u64) -> PathBuf {
        let path = self.path("raw");
        let file = File::create(&path).unwrap();
        file.set_len(length).unwrap();
        let mut state = 1_u64;
        for at in (0..length).step_by(2 << 16) {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let mut piece: Vec<u8> = format!("line {state} of the image\n").repeat(500).into();
            piece.extend(state.to_le_bytes().iter().cycle().take(20_000));
            let left = usize::try_from(length - at).unwrap();
            file.write_all_at(&piece[..piece.len().min(left)], at)
                .unwrap();
        }
        path
    }

    /// Runs a shell script in the directory.
    pub(crate) fn run(&self, script: &str) {
        let mut command = Command::new("sh");
        let output = command.args(["-euc", script]).current_dir(self.0.path());
        let output = output.output().unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
    }

    /// Puts `image` onto the disk, which has `size` bytes and holds something else before.
    pub(crate) fn put(
        &self,
        image: &str,
        format: Format,
        by: By<'_>,
        size: u64,
    ) -> Result<Copied, String> {
        let disk = self.path("disk");
        fs::write(&disk, stale(size)).unwrap();
        self.put_onto(&disk, None, image, format, by)
    }

    /// Puts `image` onto `disk`, which is given `size` bytes when it is a file.
    pub(crate) fn put_onto(
        &self,
        disk: &Path,
        size: Option<u64>,
        image: &str,
        format: Format,
        by: By<'_>,
    ) -> Result<Copied, String> {
        let source = Source::open(&self.path(image)).unwrap();
        let (input, sending) = match by {
            By::File => (Input::File(source), None),
            By::Url(web) => (Input::Stream(fetched(web, image)), None),
            By::Pipe => {
                let (reader, mut writer) = std::io::pipe().unwrap();
                let mut file = File::open(self.path(image)).unwrap();
                let sending = thread::spawn(move || std::io::copy(&mut file, &mut writer));
                let stream = Stream {
                    bytes: File::from(OwnedFd::from(reader)),
                    name: image.into(),
                    length: Some(source.length()),
                    patience: None,
                    producer: Box::new(Sender),
                };
                (Input::Stream(stream), Some(sending))
            }
        };
        let target = Target::open(disk, size, None).unwrap();
        let order = Order {
            format,
            exporter: None,
        };
        let copied = self.copy(input, order, &target);
        if copied.is_ok() {
            target.keep();
        }
        if let Some(sending) = sending {
            // It is cut off when the copy has failed.
            let _ = sending.join().unwrap();
        }
        copied.map_err(|failure| {
            let text = failure.to_string();
            assert!(!text.contains('\n'), "{text}");
            text
        })
    }

    /// Puts `image` onto a disk that is one hole.
    pub(crate) fn put_sparse(
        &self,
        image: &str,
        format: Format,
        size: u64,
    ) -> Result<Copied, String> {
        let disk = self.path("disk");
        File::create(&disk).unwrap().set_len(size).unwrap();
        let input = Input::File(Source::open(&self.path(image)).unwrap());
        let target = Target::open(&disk, None, None).unwrap();
        let order = Order {
            format,
            exporter: None,
        };
        let copied = self.copy(input, order, &target);
        copied.map_err(|failure| failure.to_string())
    }

    /// As a deployment does it: in two steps where the format needs all of the image.
    fn copy(&self, input: Input, order: Order, target: &Target) -> Result<Copied, CopyFailure> {
        let cancel = Cancel::new().unwrap();
        let (input, order) = if order.format.needs_all() {
            let spool = Spool::open(self.0.path(), Some(target.capacity())).unwrap();
            let prepared = prepare(input, order, spool, &program(), &cancel)?;
            let order = Order {
                format: prepared.format,
                exporter: prepared.exporter,
            };
            (Input::File(prepared.image), order)
        } else {
            (input, order)
        };
        let copying = Copying::start(input, order, target, &user()).unwrap();
        copying.finish(&mut |_, _| (), &cancel)
    }

    /// How large a disk this image needs, as far as can be told at once.
    pub(crate) fn measure(&self, image: &str, format: Format) -> Option<u64> {
        let source = Source::open(&self.path(image)).unwrap();
        measure(&source, format, &user(), &Cancel::new().unwrap()).unwrap()
    }

    /// The disk holds the raw image `raw`, and zeroes behind it.
    pub(crate) fn assert_holds(&self, raw: &Path) {
        let disk = fs::read(self.path("disk")).unwrap();
        let raw = fs::read(raw).unwrap();
        let (head, rest) = disk.split_at(raw.len());
        assert!(head == raw, "the disk is not the image");
        assert!(rest.iter().all(|byte| *byte == 0));
    }
}

/// What a disk holds before.
pub(crate) fn stale(size: u64) -> Vec<u8> {
    vec![0xa5; usize::try_from(size).unwrap()]
}

#[derive(Debug)]
struct Sender;

impl Producer for Sender {
    fn finish(self: Box<Self>, _: &Cancel) -> Result<(), ProducerError> {
        Ok(())
    }
}

fn program() -> Program {
    Program {
        qemu: find_emulator(Path::new("qemu-system-x86_64")).unwrap(),
        user: user(),
        patience: Duration::from_secs(60),
    }
}

/// Begins to fetch a file of a server.
fn fetched(web: &Web, name: &str) -> Stream {
    let url = Url::parse(&web.url(name)).unwrap();
    fetch::start(&url, &loopback(), &user(), &Cancel::new().unwrap()).unwrap()
}

fn user() -> User {
    User::lookup("nobody").unwrap()
}
