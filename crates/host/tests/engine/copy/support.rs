//! Images, stale disks, loop devices and comparisons for the tests of the copy.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use snf_image::copy::{Copied, CopyError, copy};
use snf_image::format::{Content, ImageError};
use snf_image::source::Source;
use snf_image::target::Target;
use snf_image_testkit::loop_device;
use tempfile::TempDir;

use crate::storage::{self, device_over};

pub(crate) const MIB: u64 = 1 << 20;
/// What a target holds before: nowhere in an image of these tests.
pub(crate) const STALE: u8 = 0xA5;

/// A folder on a real disk, where direct I/O is what it is in use.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
    output
}

/// Bytes that are neither zero nor [`STALE`] and differ from block to block.
pub(crate) fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        1 + u8::try_from(state % 128).unwrap()
    });
    next.take(length).collect()
}

/// An image with data, holes, and zeroes that are written out.
pub(crate) fn image(folder: &Path, length: u64) -> PathBuf {
    let path = folder.join("image.raw");
    let file = File::create(&path).unwrap();
    file.set_len(length).unwrap();
    let mut at = 0;
    for (number, (data, zeroes, hole)) in [
        (5000, 70_000, 900_000),
        (MIB, 3 * MIB, MIB),
        (1, 4095, 5 * MIB),
        (3 * MIB, 0, 0),
    ]
    .into_iter()
    .cycle()
    .enumerate()
    {
        if at >= length {
            break;
        }
        let data = pattern(
            usize::try_from(data.min(length - at)).unwrap(),
            number as u64 + 1,
        );
        file.write_all_at(&data, at).unwrap();
        at += data.len() as u64;
        let zeroes = vec![0; usize::try_from(zeroes.min(length.saturating_sub(at))).unwrap()];
        file.write_all_at(&zeroes, at).unwrap();
        at += zeroes.len() as u64 + hole;
    }
    file.sync_all().unwrap();
    path
}

pub(crate) fn stale_file(folder: &Path, length: u64) -> PathBuf {
    let path = folder.join("disk");
    fs::write(&path, vec![STALE; usize::try_from(length).unwrap()]).unwrap();
    path
}

pub(crate) fn deploy(image: &Path, disk: &Path, size: Option<u64>) -> Result<Copied, CopyError> {
    let source = Source::open(image).map_err(ImageError::from)?;
    let length = source.length();
    let target = Target::open(disk, size, Some(length))?;
    let positions = Mutex::new(vec![0]);
    let progress = |position| {
        let mut positions = positions.lock().unwrap();
        assert!(positions.last().is_some_and(|last| *last <= position));
        positions.push(position);
    };
    let copied = copy(Content::Image(Box::new(source)), target.disk(), &progress)?;
    assert_eq!(positions.into_inner().unwrap().last(), Some(&length));
    assert_eq!(
        copied.data_bytes + copied.shared_bytes + copied.zero_bytes,
        length
    );
    target.keep();
    Ok(copied)
}

/// The image's bytes as cmp(1) sees them, and then zeroes only.
pub(crate) fn assert_holds(disk: &Path, image: &Path) {
    let length = fs::metadata(image).unwrap().len();
    let (disk, image) = (disk.to_str().unwrap(), image.to_str().unwrap());
    run("cmp", &["-n", &length.to_string(), image, disk]);
    let rest = Command::new("cmp")
        .args(["-i", &format!("{length}:0"), disk, "/dev/zero"])
        .output();
    let rest = rest.unwrap();
    let text = String::from_utf8_lossy(&rest.stderr);
    // cmp ends with "EOF on DISK" when everything before was equal.
    assert!(text.contains("EOF on"), "{rest:?}");
}

/// The same as a virtual machine would see it, in the eyes of qemu-img(1).
pub(crate) fn assert_same(image: &Path, disk: &Path) {
    let (image, disk) = (image.to_str().unwrap(), disk.to_str().unwrap());
    run(
        "qemu-img",
        &["compare", "-f", "raw", "-F", "raw", image, disk],
    );
}

pub(crate) fn refusal(result: Result<Copied, CopyError>) -> String {
    let message = result.unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

/// A loop device over a file full of [`STALE`], detached when it goes.
pub(crate) struct Loop {
    pub(crate) device: PathBuf,
    pub(crate) backing: PathBuf,
    // In this order: the file goes when nothing is over it any more.
    _device: loop_device::Loop,
    _folder: Option<TempDir>,
}

impl Loop {
    /// `None`, and a word about it, where the machine or the user has no loop devices.
    pub(crate) fn new(length: u64, sector: u64) -> Option<Self> {
        let folder = folder();
        let mut new = Self::within(folder.path(), length, sector)?;
        new._folder = Some(folder);
        Some(new)
    }

    pub(crate) fn within(folder: &Path, length: u64, sector: u64) -> Option<Self> {
        let backing = stale_file(folder, length);
        let device = device_over(&backing, sector)?;
        Some(Loop {
            device: device.name().into(),
            backing,
            _device: device,
            _folder: None,
        })
    }
}

/// A file system in a folder of its own.
pub(crate) struct Mounted {
    mounted: storage::Mounted,
    _folder: TempDir,
}

impl Mounted {
    /// `None`, and a word about it, where the user may not mount.
    pub(crate) fn in_memory(kind: &str, options: &str) -> Option<Self> {
        Self::new(&["-t", kind, "-o", options, kind])
    }

    pub(crate) fn new(arguments: &[&str]) -> Option<Self> {
        let folder = folder();
        Some(Mounted {
            mounted: storage::Mounted::at(folder.path(), arguments)?,
            _folder: folder,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.mounted.path()
    }
}
