//! Images in stores: real ones on this machine, each image compared byte by byte.
// SPDX-License-Identifier: BSD-2-Clause

mod oci;
mod radosgw;
mod s3;
mod swift;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use snf_image::fetch::{Options, Policy};
use snf_image::reference::Reference;
use snf_image::store::{Place, StoreError};
use snf_image_testkit::relay::Relay;
use tempfile::{NamedTempFile, TempDir};

use crate::fetch::client::{self, fetch_from};

/// STORES_DIR with one file.
struct Stores(TempDir);

impl Stores {
    fn with(name: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        Stores(folder)
    }

    fn find(&self, name: &str) -> Result<Place, StoreError> {
        match Reference::parse(name).unwrap() {
            Reference::Stored(name) => Place::find(&name, self.0.path()),
            other => panic!("{other}"),
        }
    }
}

/// Options by which this machine may not be fetched from, except for a store's own endpoint.
fn closed() -> Options {
    Options {
        policy: Policy::default(),
        ..open()
    }
}

/// Options that permit this machine.
fn open() -> Options {
    Options {
        // A Swift is slow to answer on a machine that does much else.
        patience: Duration::from_secs(20),
        ..client::options()
    }
}

fn file(content: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    file
}

/// What lies there is fetched, and is as long as the store says.
fn comes_whole(place: Place, image: &[u8]) {
    let name = format!("{place:?}");
    let fetched = fetch_from(place, &closed()).unwrap();
    fetched.outcome.unwrap();
    assert_eq!(fetched.length, u64::try_from(image.len()).ok(), "{name}");
    assert!(fetched.bytes == image, "{name}");
}

/// It is fetched behind a relay too that breaks the connection off, twice each time.
fn comes_whole_through(relay: &Relay, place: impl Fn() -> Place, image: &[u8]) {
    for cuts in [[1000, 1500], [30_000, 2_000_000], [2_990_000, 5_000]] {
        relay.cut(&cuts);
        let fetched = fetch_from(place(), &closed()).unwrap();
        fetched.outcome.unwrap();
        assert_eq!(relay.left(), 0);
        assert!(fetched.bytes == image, "{cuts:?}");
    }
}
