//! Signatures that others have published with their images.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use crate::verification::stage::{Asked, By, Stage};

/// The public key of the tests of coreos-installer
/// (https://github.com/coreos/coreos-installer, fixtures/verify/test-key.pub.asc).
const KEY: &str = include_str!("coreos-installer.asc");

#[test]
fn the_signed_images_of_coreos_installer_are_known() {
    let Some(images) = std::env::var_os("SNF_TEST_IMAGES") else {
        eprintln!("skipped: SNF_TEST_IMAGES names no directory of images");
        return;
    };
    let folder = Path::new(&images).join("coreos-installer/verify");
    let stage = Stage::set();
    std::fs::write(stage.path("keys/coreos.asc"), KEY).unwrap();
    stage.run(&format!("cp {}/* .; xz -dkc 1M.xz > 1M", folder.display()));
    for image in ["1M", "1M.gz", "1M.xz", "1M.zst"] {
        let signature = format!("{image}.sig");
        let asked = Asked {
            signature: Some(&signature),
            ..Asked::default()
        };
        let verified = stage.verify(image, By::Pipe, &asked).unwrap();
        let signer = verified.signed_by.unwrap();
        assert!(signer.contains("coreos-installer@example.com"), "{signer}");
        let reason = stage.verify("disk.img", By::File, &asked).unwrap_err();
        assert!(reason.contains("does not fit"), "{reason}");
    }
}
