//! Tests of putting files into the image.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{FileMode, GuestPath, Parameters};

use super::*;
use crate::guest::testing::{Image, nothing};

fn file(path: &str, owner: Account, group: Account, mode: u32) -> InjectedFile {
    InjectedFile {
        path: GuestPath::new(path).unwrap(),
        owner,
        group,
        mode: FileMode::try_from(mode).unwrap(),
        content: "files/0".into(),
    }
}

fn plain(path: &str) -> InjectedFile {
    file(path, Account::Id(0), Account::Id(0), 0o440)
}

fn name(name: &str) -> Account {
    Account::Name(name.into())
}

fn put_all(image: &Image, files: Vec<InjectedFile>) -> Result<Done> {
    let directory = image.parameters_dir().join("files");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("0"), b"injected\0\xff").unwrap();
    let parameters = Parameters {
        personality: files,
        ..nothing()
    };
    image.run(run, &parameters).0
}

#[test]
fn a_file_gets_its_place_owner_and_permissions() {
    let image = Image::debian();
    let files = vec![
        file("/srv/a b/ä.bin", name("user"), name("www"), 0o4755),
        plain("/etc/motd"),
    ];
    assert_eq!(put_all(&image, files).unwrap(), Done::Yes);
    let content = std::fs::read(image.path("/srv/a b/ä.bin")).unwrap();
    assert_eq!(content, b"injected\0\xff");
    assert_eq!(image.attributes("/srv/a b/ä.bin"), (1000, 33, 0o4755));
    assert_eq!(image.attributes("/srv"), (1000, 33, 0o750));
    assert_eq!(image.attributes("/srv/a b"), (1000, 33, 0o750));
    assert_eq!(image.attributes("/etc/motd"), (0, 0, 0o440));
}

#[test]
fn a_file_that_is_there_is_replaced_with_all_its_attributes() {
    let image = Image::debian();
    std::os::unix::fs::chown(image.path("/etc/hosts"), Some(7), Some(7)).unwrap();
    put_all(&image, vec![plain("/etc/hosts")]).unwrap();
    assert_eq!(image.attributes("/etc/hosts"), (0, 0, 0o440));
}

#[test]
fn without_files_nothing_happens() {
    let image = Image::debian();
    let before = image.everything();
    assert!(matches!(image.run(run, &nothing()).0, Ok(Done::Skipped(_))));
    assert_eq!(image.everything(), before);
}

#[test]
fn an_unknown_owner_is_named_before_anything_is_written() {
    let image = Image::debian();
    let before = image.everything();
    for (owner, group, expected) in [
        (
            name("nobody"),
            name("root"),
            "injected file /b: the image has no user \"nobody\"",
        ),
        (
            name("root"),
            name("us.r"),
            "injected file /b: the image has no group \"us.r\"",
        ),
    ] {
        let files = vec![plain("/a"), file("/b", owner, group, 0o600)];
        let error = put_all(&image, files).unwrap_err().to_string();
        assert_eq!(error, expected);
        assert_eq!(image.everything(), before);
    }
    std::fs::remove_file(image.path("/etc/passwd")).unwrap();
    assert!(
        put_all(
            &image,
            vec![file("/b", name("root"), Account::Id(0), 0o600)]
        )
        .is_err()
    );
    put_all(&image, vec![plain("/b")]).unwrap();
}

#[test]
fn what_is_in_the_way_is_named() {
    let image = Image::debian();
    for (path, expected) in [
        (
            "/etc",
            "/etc of the image is a directory, not a regular file",
        ),
        (
            "/etc/hosts/x",
            "/etc/hosts of the image is a regular file, not a directory",
        ),
    ] {
        let error = put_all(&image, vec![plain(path)]).unwrap_err().to_string();
        assert_eq!(error, expected);
    }
    image.fifo("/fifo");
    let error = put_all(&image, vec![plain("/fifo")])
        .unwrap_err()
        .to_string();
    assert_eq!(error, "/fifo of the image is a FIFO, not a regular file");
}

#[test]
fn links_to_the_outside_lead_nowhere() {
    let image = Image::debian();
    let outside = image.outside("");
    image
        .link("/absolute", &outside)
        .link("/relative", &format!("../../../../../../..{outside}"))
        .link("/file", &image.outside("hostname"))
        .link("/magic", "/proc/self/root/etc/hostname");
    for path in [
        "/absolute/hostname",
        "/relative/hostname",
        "/file",
        "/magic",
    ] {
        assert!(put_all(&image, vec![plain(path)]).is_err(), "{path}");
    }
}

#[test]
fn content_that_is_not_among_the_parameters_is_refused() {
    let image = Image::debian();
    for content in ["", "/etc/passwd", "../files/0", "files/none", "files"] {
        let mut odd = plain("/a");
        odd.content = content.into();
        let error = put_all(&image, vec![odd]).unwrap_err().to_string();
        assert!(error.contains("/a"), "{error}");
    }
    assert!(!image.path("/a").exists());
}
