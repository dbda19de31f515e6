//! Tests of drawing a new machine id.
// SPDX-License-Identifier: BSD-2-Clause

use rand::SeedableRng;
use rand::rngs::StdRng;
use snf_image_protocol::{Parameters, Properties};

use super::*;
use crate::guest::testing::{Image, nothing};

const OLD: &str = "0123456789abcdef0123456789abcdef\n";

#[test]
fn an_id_is_a_random_uuid_of_version_4() {
    let mut random = StdRng::seed_from_u64(1);
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let id = new_id(&random_uuid(&mut random));
        assert_eq!(id.len(), 33);
        assert!(
            id.trim_end()
                .bytes()
                .all(|digit| b"0123456789abcdef".contains(&digit))
        );
        assert_eq!(id.as_bytes()[12], b'4');
        assert!(b"89ab".contains(&id.as_bytes()[16]));
        assert!(ids.insert(id));
    }
}

#[test]
fn both_files_get_the_same_new_id() {
    for old in [OLD, "", "uninitialized\n"] {
        let image = Image::empty();
        image.file(MACHINE_ID, old).file(DBUS_ID, OLD);
        assert_eq!(image.run(run, &nothing()).0.unwrap(), Done::Yes);
        assert_ne!(image.text(MACHINE_ID), old);
        assert_eq!(image.text(MACHINE_ID), image.text(DBUS_ID));
    }
}

#[test]
fn a_link_between_the_files_stays() {
    let image = Image::empty();
    image.file(MACHINE_ID, OLD).link(DBUS_ID, MACHINE_ID);
    image.run(run, &nothing()).0.unwrap();
    assert!(image.path(DBUS_ID).is_symlink());
    assert_ne!(image.text(MACHINE_ID), OLD);
}

#[test]
fn a_missing_file_stays_missing() {
    let image = Image::empty();
    assert!(matches!(image.run(run, &nothing()).0, Ok(Done::Skipped(_))));
    image.file(DBUS_ID, OLD);
    image.run(run, &nothing()).0.unwrap();
    assert!(!image.path(MACHINE_ID).exists());
    assert_ne!(image.text(DBUS_ID), OLD);
}

#[test]
fn links_to_the_outside_lead_nowhere() {
    let image = Image::empty();
    image
        .link(MACHINE_ID, &image.outside("machine-id"))
        .link(DBUS_ID, "../../../../../outside/machine-id");
    assert!(matches!(image.run(run, &nothing()).0, Ok(Done::Skipped(_))));
}

#[test]
fn a_device_or_fifo_is_refused() {
    let image = Image::empty();
    image.fifo(MACHINE_ID);
    let error = image.run(run, &nothing()).0.unwrap_err().to_string();
    assert!(error.contains("a FIFO"), "{error}");
}

#[test]
fn an_id_can_be_left_to_the_first_start() {
    for (value, content) in [("empty", ""), ("uninitialized", "uninitialized\n")] {
        let image = Image::empty();
        image.file(MACHINE_ID, OLD).file(DBUS_ID, OLD);
        let parameters = Parameters {
            properties: Properties::new([("MACHINE_ID".into(), value.into())]).unwrap(),
            ..nothing()
        };
        assert_eq!(image.run(run, &parameters).0.unwrap(), Done::Yes);
        assert_eq!(image.text(MACHINE_ID), content);
        assert!(!image.path(DBUS_ID).exists());
        // A second deployment of the same disk draws one, if it is asked to.
        image.run(run, &nothing()).0.unwrap();
        assert_eq!(image.text(MACHINE_ID).len(), 33);
    }
}
