//! A volume that is left for Windows to grow.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{OsFamily, Parameters, Task};

use super::*;
use crate::guest::testing::nothing;
use crate::guest::windows::first_boot::SETUP_COMPLETE;
use crate::run::testing;
use crate::tasks::windows::tests::{properties, windows};

/// Grows, once mounted, the Windows on a whole disk that lies in the image.
fn grow(context: &mut Context<'_>) -> Result<Done> {
    context.os_family = OsFamily::Windows;
    context.root_partition = None;
    context.disks = vec!["/image/disk".into()];
    let done = crate::tasks::windows::run(Task::FilesystemResizeMounted, context)?;
    Ok(done.unwrap_or(Done::Skipped("not in the way of Windows".into())))
}

#[test]
fn the_volume_is_left_for_windows_to_grow_where_that_is_asked_for() {
    let asked = |value| Parameters {
        properties: properties(&[("OFFLINE_NTFSRESIZE", value)]),
        ..nothing()
    };
    let image = windows();
    let disk = image.path("/disk");
    std::fs::File::create_new(&disk).unwrap();
    testing::resize(&disk, 32 << 20);
    testing::tool("mkntfs", &["--quiet", "--fast", "--force"], &disk);
    let step = "/Windows/Setup/Scripts/snf-image/05-volume.ps1";
    for (mib, value, reason) in [
        (32, "no", "already fills the image"),
        (64, "yes", "not in the way"),
    ] {
        testing::resize(&disk, mib << 20);
        let Done::Skipped(said) = image.run(grow, &asked(value)).0.unwrap() else {
            panic!("{reason}")
        };
        assert!(said.contains(reason), "{said}");
        assert!(!image.path(step).exists());
    }
    assert_eq!(image.run(grow, &asked("no")).0.unwrap(), Done::Yes);
    let text = image.text(step);
    assert!(text.contains("'select volume '") && text.contains("'extend filesystem'"));
    assert!(image.text(SETUP_COMPLETE).contains("first-boot.ps1"));
}
