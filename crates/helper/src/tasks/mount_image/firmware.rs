//! Whether firmware that knows nothing of the machine finds a boot loader on its EFI partition.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::disk::mount::{Access, mount, point_of, unmount_all};
use crate::disk::probe::{self, Kind};
use crate::disk::{device, discoverable};
use crate::error::{Doing, Result};
use crate::guest::root::Root;
use crate::run::context::Context;

/// What stands on the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Loaders {
    /// No loader at all: the image boots by BIOS.
    None,
    /// One at the place where firmware looks without a boot entry (UEFI specification 2.10,
    /// 3.5.1.1): `EFI/BOOT/BOOTX64.EFI`, `BOOTAA64.EFI` and so on.
    Removable,
    /// Only others; one of them.
    Other(PathBuf),
}

/// Warns of an image that only the machine boots on which it was made: its boot entries are in
/// that machine's memory and not on the disk.
///
/// # Errors
/// When something that is mounted cannot be unmounted.
pub(super) fn check(context: &mut Context<'_>) -> Result<()> {
    let Some(number) = context
        .table
        .as_ref()
        .and_then(discoverable::esp)
        .map(|esp| esp.number)
    else {
        return Ok(());
    };
    let device = device::partition(context.first_disk()?, number);
    if !matches!(probe::read(&device), Ok(Some(found)) if found.kind == Kind::Vfat) {
        return Ok(());
    }
    let loaders = match point_of(&device, Kind::Vfat, &context.target)? {
        Some(point) => loaders(&Root::open(&point)?),
        None => aside(&device, &context.target.with_file_name("esp"))?,
    };
    match loaders {
        Ok(Loaders::Other(path)) => context.reporter.warning(&format!(
            "the EFI system partition (partition {number}) of the image has no \
             EFI/BOOT/BOOTX64.EFI or the like: firmware without a boot entry does not find \
             {}; put a copy of the boot loader there",
            path.to_string_lossy().escape_debug()
        )),
        Ok(Loaders::None | Loaders::Removable) => {}
        Err(error) => context.reporter.notice(&format!(
            "the EFI system partition (partition {number}) of the image: {error}"
        )),
    }
    Ok(())
}

/// Looks at a partition that the image does not mount itself.
fn aside(device: &Path, point: &Path) -> Result<Result<Loaders>> {
    fs::create_dir_all(point).doing(|| format!("making {}", point.display()))?;
    if let Err(error) = mount(device, Kind::Vfat, point, Access::Read, None) {
        return Ok(Err(error));
    }
    let found = Root::open(point).and_then(|root| loaders(&root));
    unmount_all(point)?;
    Ok(found)
}

/// Names on FAT are the same in upper and lower case.
fn loaders(root: &Root) -> Result<Loaders> {
    let named = |names: Vec<OsString>, wanted: &str| {
        names
            .into_iter()
            .find(|name| name.eq_ignore_ascii_case(wanted))
    };
    let Some(efi) = named(root.list("/")?, "EFI") else {
        return Ok(Loaders::None);
    };
    let efi = Path::new("/").join(efi);
    let mut other = None;
    for vendor in root.list(&efi)? {
        let directory = efi.join(&vendor);
        if !root.is_directory(&directory) {
            continue;
        }
        for name in root.list(&directory)? {
            let upper = name.to_string_lossy().to_ascii_uppercase();
            if !upper.ends_with(".EFI") {
                continue;
            }
            if vendor.eq_ignore_ascii_case("BOOT") && upper.starts_with("BOOT") {
                return Ok(Loaders::Removable);
            }
            other = other.or_else(|| Some(directory.join(name)));
        }
    }
    Ok(other.map_or(Loaders::None, Loaders::Other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::Image;

    fn of(files: &[&str]) -> Loaders {
        let image = Image::empty();
        for file in files {
            image.file(file, "");
        }
        image.confined(|root| loaders(&root).unwrap())
    }

    #[test]
    fn only_a_loader_that_needs_an_entry_is_a_fault() {
        assert_eq!(of(&[]), Loaders::None);
        assert_eq!(of(&["/EFI/debian/grub.cfg"]), Loaders::None);
        for (name, other) in [
            ("/EFI/BOOT/BOOTX64.EFI", "/EFI/debian/shimx64.efi"),
            ("/efi/Boot/bootaa64.efi", "/efi/debian/shimx64.efi"),
        ] {
            assert_eq!(of(&[name, other]), Loaders::Removable);
        }
        let vendor = "/EFI/debian/shimx64.efi";
        assert_eq!(
            of(&[vendor, "/EFI/BOOT/fbx64.efi"]),
            Loaders::Other("/EFI/BOOT/fbx64.efi".into())
        );
        assert_eq!(of(&[vendor]), Loaders::Other(vendor.into()));
    }
}
