//! A directory with an image, and what it takes to put it onto a disk behind a URI.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use snf_image::cancel::Cancel;
use snf_image::copy::{Copied, Copying, Order};
use snf_image::exporter::Program;
use snf_image::format::Format;
use snf_image::role;
use snf_image::source::{Input, Source};
use snf_image::target::Target;
use snf_image::vm::find_emulator;
use snf_image_sandbox::User;
use tempfile::TempDir;

pub(crate) const MIB: u64 = 1 << 20;

/// Everything in it goes away with it.
pub(crate) struct Stage {
    folder: TempDir,
    pub(crate) program: Program,
}

impl Stage {
    pub(crate) fn set() -> Self {
        role::taken_by(env!("CARGO_BIN_EXE_snf-image").into());
        let program = Program {
            qemu: find_emulator(Path::new("qemu-system-x86_64")).unwrap(),
            user: user(),
            patience: Duration::from_secs(30),
        };
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Stage { folder, program }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of `size` bytes that are all the same.
    pub(crate) fn file(&self, name: &str, size: u64, byte: u8) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, vec![byte; usize::try_from(size).unwrap()]).unwrap();
        path
    }

    /// The image `image`: data, a long hole, data, and an odd end.
    pub(crate) fn image(&self, length: u64) -> PathBuf {
        let path = self.path("image");
        let file = File::create(&path).unwrap();
        file.set_len(length).unwrap();
        let mut piece: Vec<u8> = (0..=250_u8).cycle().take(3 << 18).collect();
        file.write_all_at(&piece, 0).unwrap();
        piece.reverse();
        let at = length.saturating_sub(700_000);
        let left = usize::try_from(length - at).unwrap().min(piece.len());
        file.write_all_at(&piece[..left], at).unwrap();
        path
    }

    /// Reaches a disk.
    pub(crate) fn reach(&self, uri: &str) -> Result<Target, String> {
        let cancel = Cancel::new().unwrap();
        let uri = uri.parse().map_err(|error| format!("{error}"))?;
        Target::reach(&uri, false, None, None, &self.program, &cancel)
            .map_err(|error| one_line(&error))
    }

    /// Puts `image` onto it.
    pub(crate) fn put(&self, image: &Path, target: &Target) -> Result<Copied, String> {
        let input = Input::File(Source::open(image).unwrap());
        let order = Order {
            format: Format::Diskdump,
            exporter: None,
        };
        let copying = Copying::start(input, order, target, &user()).unwrap();
        copying
            .finish(&mut |_, _| (), &Cancel::new().unwrap())
            .map_err(|error| one_line(&error))
    }
}

fn one_line(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

/// The disk begins with the image, and has only `behind` after it.
pub(crate) fn assert_holds(disk: &Path, image: &Path, behind: impl Fn(usize) -> bool) {
    let (disk, image) = (fs::read(disk).unwrap(), fs::read(image).unwrap());
    let (head, rest) = disk.split_at(image.len());
    assert!(head == image, "the disk is not the image");
    let wrong = rest
        .iter()
        .enumerate()
        .find(|(at, byte)| (**byte == 0) != behind(*at));
    assert_eq!(wrong, None, "behind the image");
}

fn user() -> User {
    User::lookup("nobody").unwrap()
}
