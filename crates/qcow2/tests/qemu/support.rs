//! Files with images, and what is read of them.
// SPDX-License-Identifier: BSD-2-Clause

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use snf_image_qcow2::{Bytes, Image};

/// More than any disk of these tests has.
pub(crate) const ROOM: u64 = 1 << 40;

/// An image in a file.
pub(crate) struct OnDisk(File, u64);

impl OnDisk {
    pub(crate) fn open(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        let length = file.metadata().unwrap().len();
        OnDisk(file, length)
    }
}

impl Bytes for OnDisk {
    type Error = io::Error;

    fn length(&self) -> u64 {
        self.1
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), io::Error> {
        self.0.read_exact_at(buffer, offset)
    }
}

/// An image in memory. A read beyond its end ends the test.
#[derive(Debug)]
pub(crate) struct InMemory(pub(crate) Vec<u8>);

impl Bytes for InMemory {
    type Error = Infallible;

    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), Infallible> {
        let start = usize::try_from(offset).unwrap();
        buffer.copy_from_slice(&self.0[start..start + buffer.len()]);
        Ok(())
    }
}

/// The whole disk: the ranges that may hold data, and zeroes between.
pub(crate) fn read_all<B: Bytes>(image: &Image<B>, gap: u64) -> Result<Vec<u8>, String> {
    let mut disk = vec![0; usize::try_from(image.size()).unwrap()];
    let mut at = 0;
    while let Some(data) = image
        .next_data(at, gap)
        .map_err(|error| error.to_string())?
    {
        assert!(data.start >= at && data.end > data.start && data.end <= image.size());
        let range = usize::try_from(data.start).unwrap()..usize::try_from(data.end).unwrap();
        let read = image.read_at(&mut disk[range], data.start);
        read.map_err(|error| error.to_string())?;
        at = data.end;
    }
    Ok(disk)
}

pub(crate) fn run(program: &str, folder: &Path, arguments: &[&str]) -> String {
    try_run(program, folder, arguments).unwrap_or_else(|said| panic!("{said}"))
}

/// What a program printed, or what it said when it failed.
pub(crate) fn try_run(program: &str, folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    let output = command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {arguments:?}: {text}{errors}"))
}

/// The disk in the eyes of qemu-img(1), or why it refuses the image.
pub(crate) fn as_qemu_sees_it(folder: &Path, image: &str) -> Result<Vec<u8>, String> {
    let raw = folder.join("raw");
    let arguments = [
        "convert", "-t", "unsafe", "-f", "qcow2", "-O", "raw", image, "raw",
    ];
    let converted = Command::new("qemu-img")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    if converted.status.success() {
        Ok(std::fs::read(raw).unwrap())
    } else {
        Err(format!("{converted:?}"))
    }
}
