//! InstallDrivers: Windows starts from disks of virtio, and has a network by it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::Read;
use std::path::Path;

use snf_image_protocol::Drivers;

use crate::disk::iso;
use crate::error::{Doing, Error, Result};
use crate::guest::root::{Attributes, Root};
use crate::guest::windows::drivers::{
    Driver, MAX_FILE, STORAGE, Storage, add_path, find, register,
};
use crate::guest::windows::registry::{Hive, Purpose};
use crate::guest::windows::system::{SOFTWARE, SYSTEM, SYSTEM32, Windows};
use crate::run::context::{Context, Done};

/// Where the files are put, as virt-v2v does.
const DIRECTORY: &str = "/Windows/Drivers/VirtIO";
/// Where an ISO file is mounted, beside the image.
const POINT: &str = "drivers";

/// Puts the drivers of disks and network that the Windows of the image needs into it.
///
/// # Errors
/// When there are none of disks for it, or something cannot be written.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let Some(drivers) = &context.parameters.windows.drivers else {
        return Ok(Done::Skipped("no drivers are asked for".into()));
    };
    let Some(windows) = &context.windows else {
        return Ok(Done::Skipped("nothing is known of its registry".into()));
    };
    let root = context.root()?;
    let found = match drivers {
        Drivers::Directory(name) => {
            let media = context.parameters_dir.join(name);
            install(root, windows, &media)?
        }
        Drivers::Disk => {
            let disk = context.drivers.as_deref();
            let disk = disk.ok_or_else(|| Error::image("the disk with the drivers is missing"))?;
            let point = context.target.with_file_name(POINT);
            iso::with(disk, &point, |media| install(root, windows, media))?
        }
    };
    let is_found = |name: &str| found.iter().any(|driver| driver.name == name);
    for name in Drivers::NAMES.into_iter().filter(|name| !is_found(name)) {
        context.reporter.warning(&format!(
            "there is no driver {name} for the Windows of the image among those of property \
             WINDOWS_DRIVERS"
        ));
    }
    let listed: Vec<_> = found
        .iter()
        .map(|driver| format!("{} ({})", driver.name, driver.place))
        .collect();
    context.reporter.notice(&format!(
        "drivers are put into the image: {}",
        listed.join(", ")
    ));
    Ok(Done::Yes)
}

/// The files first: the registry speaks of nothing that is not there.
fn install(root: &Root, windows: &Windows, media: &Path) -> Result<Vec<Driver>> {
    let found = find(media, windows)?;
    let storage: Vec<_> = found.iter().filter_map(of_disks).collect();
    if storage.is_empty() {
        return Err(Error::image(format!(
            "property WINDOWS_DRIVERS: there is no driver of disks for {windows}: neither viostor nor \
             vioscsi has a directory for it"
        )));
    }
    root.make_directories(DIRECTORY, Attributes::of_root(0o755))?;
    for driver in &found {
        for (name, path) in &driver.files {
            write(root, &format!("{DIRECTORY}/{name}"), path)?;
        }
    }
    let system = |purpose| -> Result<Hive> {
        let hive = Hive::open(root, SYSTEM, purpose)?;
        hive.ok_or_else(|| Error::image(format!("the image has no {SYSTEM}")))
    };
    let mut hive = system(Purpose::Set)?;
    for (storage, image) in storage {
        let place = format!("{SYSTEM32}/drivers/{}.sys", storage.name);
        let service = format!(r"{}\Services\{}", windows.control_set, storage.name);
        let is_there = root.exists(&place) && hive.has_key(&service)?;
        if !is_there {
            write(root, &place, image)?;
        }
        register(&mut hive, windows, storage, is_there)?;
    }
    hive.finish()?;
    let hive = Hive::open(root, SOFTWARE, Purpose::Set)?;
    let mut hive = hive.ok_or_else(|| Error::image(format!("the image has no {SOFTWARE}")))?;
    add_path(&mut hive)?;
    hive.finish()?;
    Ok(found)
}

/// For a driver of disks: how it is started, and the file that is.
fn of_disks(driver: &Driver) -> Option<(&'static Storage, &Path)> {
    let storage = STORAGE.iter().find(|known| known.name == driver.name)?;
    let mut files = driver.files.iter();
    let file = format!("{}.sys", storage.name);
    let (_, image) = files.find(|(name, _)| name.eq_ignore_ascii_case(&file))?;
    Some((storage, image))
}

fn write(root: &Root, place: &str, from: &Path) -> Result<()> {
    let reading = || format!("reading the driver {}", from.display());
    let mut content = Vec::new();
    let most = MAX_FILE.saturating_add(1);
    (File::open(from).doing(reading)?.take(most))
        .read_to_end(&mut content)
        .doing(reading)?;
    if u64::try_from(content.len()).is_ok_and(|length| length <= MAX_FILE) {
        return root.install(place, &content, Attributes::of_root(0o644));
    }
    Err(Error::image(format!(
        "the driver {} is larger than {} MiB",
        from.display(),
        MAX_FILE >> 20
    )))
}

#[cfg(test)]
mod tests;
