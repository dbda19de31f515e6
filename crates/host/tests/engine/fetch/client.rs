//! One download as a deployment does it.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::Read;
use std::time::{Duration, Instant};

use snf_image::cancel::Cancel;
use snf_image::fetch::{self, Location, Options};
use snf_image::role;
use snf_image::source::{Stream, Url};
use snf_image_sandbox::User;

use crate::loopback;

/// How long any download of these tests may take, failures included.
const BOUND: Duration = Duration::from_secs(30);

/// Options that permit this machine, and lose no time.
pub(crate) fn options() -> Options {
    Options {
        patience: Duration::from_secs(1),
        ..loopback()
    }
}

/// Starts a download.
pub(crate) fn start(url: &str, options: &Options) -> Result<Stream, String> {
    start_from(&Url::parse(url).unwrap(), options)
}

/// Starts a download, wherever the image is.
pub(crate) fn start_from(
    location: impl Into<Location>,
    options: &Options,
) -> Result<Stream, String> {
    role::taken_by(env!("CARGO_BIN_EXE_snf-image").into());
    let user = User::lookup("nobody").unwrap();
    let cancel = Cancel::new().unwrap();
    fetch::start(location, options, &user, &cancel).map_err(|error| error.to_string())
}

/// All that came, its announced length, and how the download ended.
pub(crate) struct Fetched {
    pub(crate) bytes: Vec<u8>,
    pub(crate) length: Option<u64>,
    pub(crate) outcome: Result<(), String>,
}

/// Fetches all there is.
pub(crate) fn fetch(url: &str, options: &Options) -> Result<Fetched, String> {
    fetch_from(&Url::parse(url).unwrap(), options)
}

/// Fetches all there is, wherever it is.
pub(crate) fn fetch_from(
    location: impl Into<Location>,
    options: &Options,
) -> Result<Fetched, String> {
    let begin = Instant::now();
    let mut stream = start_from(location, options)?;
    let mut bytes = Vec::new();
    stream.bytes.read_to_end(&mut bytes).unwrap();
    let outcome = stream.producer.finish(&Cancel::new().unwrap());
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    Ok(Fetched {
        bytes,
        length: stream.length,
        outcome: outcome.map_err(|error| error.to_string()),
    })
}

/// Why a download failed, whenever it did: one line, which holds none of the secrets of these tests.
pub(crate) fn failure(url: &str, options: &Options) -> String {
    failure_from(&Url::parse(url).unwrap(), options)
}

/// The same, wherever the image should come from.
pub(crate) fn failure_from(location: impl Into<Location>, options: &Options) -> String {
    let begin = Instant::now();
    let reason = match fetch_from(location, options) {
        Err(reason) => reason,
        Ok(fetched) => fetched.outcome.unwrap_err(),
    };
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    assert!(
        !reason.contains('\n') && !reason.contains("hunter2"),
        "{reason}"
    );
    reason
}

/// Bytes that differ from place to place.
pub(crate) fn image(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}
