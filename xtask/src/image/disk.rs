//! The demo image's disk: partitions numbered out of order, as Debian's cloud images have them.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};
use snf_image_testkit::disk::{self, Content, MIB, NewPartition, Table};
use snf_image_testkit::tool::Tool;

/// The UUID of the root file system.
pub(super) const ROOT_UUID: &str = "5d1f7a52-3f0b-4c7c-9d57-6f2c1b8a4e10";

/// The volume id of the EFI system partition.
pub(super) const ESP_ID: &str = "5EEDBEEF";

/// The size of the disk in MiB.
const SIZE: u64 = 2048;

/// Where the root partition starts, in MiB.
const ROOT_START: u64 = 36;

/// Boot code that starts the partition with the attribute LegacyBIOSBootable.
const BOOT_CODE: &str = "/usr/lib/syslinux/mbr/gptmbr.bin";

/// Mounts the file system of a disk in a namespace of its own, so that neither the mount nor
/// its loop device can outlive the command.
const INSTALL: &str = "mount -o loop,offset=\"$1\" \"$2\" /mnt \
    && extlinux --install /mnt/boot/extlinux && umount /mnt";

/// Makes the disk with this directory as its root file system.
pub(super) fn make(image: &Path, root: &Path) -> Result<()> {
    let mut bios = NewPartition::new(14, 1, 3, Content::Empty);
    bios.kind = "21686148-6449-6E6F-744E-656564454649".to_owned();
    let mut esp = NewPartition::new(15, 4, 32, Content::Fat(ESP_ID.to_owned()));
    esp.kind = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B".to_owned();
    let content = Content::Ext {
        kind: "ext4",
        uuid: ROOT_UUID.to_owned(),
        tree: root.to_owned(),
    };
    let mut system = NewPartition::new(1, ROOT_START, SIZE - ROOT_START - 1, content);
    // The root of an x86-64 system (Discoverable Partitions Specification).
    system.kind = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709".to_owned();
    system.extra = "attrs=LegacyBIOSBootable".to_owned();
    disk::make(image, SIZE, Table::Gpt, &[bios, esp, system])?;
    install_boot_loader(image)
}

fn install_boot_loader(image: &Path) -> Result<()> {
    let code = fs::read(BOOT_CODE).with_context(|| format!("reading {BOOT_CODE}"))?;
    let file = File::options().write(true).open(image)?;
    file.write_all_at(&code, 0)?;
    Tool::new("unshare")
        .args(["--mount", "--", "sh", "-c", INSTALL, "sh"])
        .arg((ROOT_START * MIB).to_string())
        .arg(image)
        .run()?;
    Ok(())
}
