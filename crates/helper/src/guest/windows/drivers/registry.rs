//! What the registry says of the drivers: which ones start with the kernel, and where the others are found.
//!
//! Setup installs them by their .inf files as it does those of any new device. But its own disk Windows has to
//! find before that, so the drivers of disks are entered as if they were installed already: a service that
//! starts with the kernel, and the devices that it serves.
// SPDX-License-Identifier: BSD-2-Clause

use crate::error::Result;
use crate::guest::windows::registry::{Hive, Value};
use crate::guest::windows::system::Windows;

/// A driver of disks, as its .inf file describes it (virtio-win, viostor.inx and vioscsi.inx).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// As virtio-win calls it, and the service.
    pub name: &'static str,
    /// `BusType` of its parameters (STORAGE_BUS_TYPE of ntddstor.h).
    bus: u32,
    /// Its devices, as they are up to version 0.9 of virtio and from version 1 on.
    devices: [&'static str; 2],
}

/// virtio-blk and virtio-scsi.
pub const STORAGE: [Storage; 2] = [
    Storage {
        name: "viostor",
        bus: 1,
        devices: ["VEN_1AF4&DEV_1001&REV_00", "VEN_1AF4&DEV_1042&REV_01"],
    },
    Storage {
        name: "vioscsi",
        bus: 10,
        devices: ["VEN_1AF4&DEV_1004&REV_00", "VEN_1AF4&DEV_1048&REV_01"],
    },
];

/// The class SCSIAdapter (Microsoft, "System-Defined Device Setup Classes"), as text and as it lies in memory.
const CLASS: &str = "{4D36E97B-E325-11CE-BFC1-08002BE10318}";
const CLASS_BYTES: [u8; 16] = [
    0x7b, 0xe9, 0x36, 0x4d, 0x25, 0xe3, 0xce, 0x11, 0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18,
];

/// `Start` of a service that starts with the kernel, and `Type` of a driver of it (winnt.h).
const BOOT_START: u32 = 0;
const KERNEL_DRIVER: u32 = 1;
/// `ErrorControl`: a failure is told, and the start goes on.
const ERROR_NORMAL: u32 = 1;

/// The version of Windows from which on devices are in the key DriverDatabase: 8 and Server 2012.
const FIRST_WITH_DATABASE: (u32, u32) = (6, 2);

/// Where Windows looks for drivers of new devices, besides its own, and what it has there at first.
const SEARCH: (&str, &str) = (r"Microsoft\Windows\CurrentVersion", "DevicePath");
const OWN: &str = r"%SystemRoot%\inf";
/// Where the drivers are that are put into an image.
const OURS: &str = r"%SystemRoot%\Drivers\VirtIO";

/// Enters a driver of disks in SYSTEM. One that `is_there` with all its files is only made to start with
/// the kernel.
///
/// # Errors
/// When the hive cannot be changed.
pub fn register(
    hive: &mut Hive,
    windows: &Windows,
    storage: &Storage,
    is_there: bool,
) -> Result<()> {
    let service = format!(r"{}\Services\{}", windows.control_set, storage.name);
    hive.set(&service, "Start", &Value::dword(BOOT_START))?;
    // By this Windows takes a driver back that it found without a device.
    let without = format!(r"{service}\StartOverride");
    if hive.has_key(&without)? {
        hive.set(&without, "0", &Value::dword(BOOT_START))?;
    }
    if is_there {
        return Ok(());
    }
    let image = format!(r"system32\drivers\{}.sys", storage.name);
    for (name, value) in [
        ("Type", Value::dword(KERNEL_DRIVER)),
        ("ErrorControl", Value::dword(ERROR_NORMAL)),
        ("Group", Value::text("SCSI miniport")),
        ("ImagePath", Value::expandable(&image)),
    ] {
        hive.set(&service, name, &value)?;
    }
    let parameters = format!(r"{service}\Parameters");
    hive.set(&parameters, "BusType", &Value::dword(storage.bus))?;
    // 5 is PCI (INTERFACE_TYPE of wdm.h).
    hive.set(
        &format!(r"{parameters}\PnpInterface"),
        "5",
        &Value::dword(1),
    )?;
    if windows.version >= FIRST_WITH_DATABASE {
        enter(hive, storage)
    } else {
        enter_critical(hive, windows, storage)
    }
}

/// Enters the devices where Windows looks from version 8 on.
fn enter(hive: &mut Hive, storage: &Storage) -> Result<()> {
    // A name of our own: what an .inf of the image says under its own stays.
    let inf = format!("snf-{}.inf", storage.name);
    let package = format!("{inf}_virtio");
    let configuration = "boot";
    // Windows 10 wants the version of the package: what it is, its class, no date and no number.
    let mut version = vec![0, 0xff, 9, 0, 0, 0, 0, 0];
    version.extend(CLASS_BYTES);
    version.extend([0; 24]);

    let key = format!(r"DriverDatabase\DriverInfFiles\{inf}");
    hive.set(&key, "", &Value::texts(&[&package]))?;
    hive.set(&key, "Active", &Value::text(&package))?;
    hive.set(&key, "Configurations", &Value::texts(&[configuration]))?;

    let packages = format!(r"DriverDatabase\DriverPackages\{package}");
    hive.set(&packages, "Version", &Value::binary(&version))?;
    let key = format!(r"{packages}\Configurations\{configuration}");
    hive.set(&key, "ConfigFlags", &Value::dword(0))?;
    hive.set(&key, "Service", &Value::text(storage.name))?;
    for device in storage.devices {
        let key = format!(r"{packages}\Descriptors\PCI\{device}");
        hive.set(&key, "Configuration", &Value::text(configuration))?;
        let key = format!(r"DriverDatabase\DeviceIds\PCI\{device}");
        hive.set(&key, &inf, &Value::binary(&[1, 0xff, 0, 0]))?;
    }
    Ok(())
}

/// Enters the devices where Windows looks before version 8.
fn enter_critical(hive: &mut Hive, windows: &Windows, storage: &Storage) -> Result<()> {
    for device in storage.devices {
        let key = format!(
            r"{}\Control\CriticalDeviceDatabase\PCI#{device}",
            windows.control_set
        );
        hive.set(&key, "Service", &Value::text(storage.name))?;
        hive.set(&key, "ClassGUID", &Value::text(CLASS))?;
    }
    Ok(())
}

/// Has Windows look for drivers where ours are, by a value of SOFTWARE.
///
/// # Errors
/// When the hive cannot be changed.
pub fn add_path(hive: &mut Hive) -> Result<()> {
    let (key, name) = SEARCH;
    let old = hive.value(key, name)?.and_then(|value| value.as_text());
    let old = old.filter(|old| !old.is_empty());
    let old = old.unwrap_or_else(|| OWN.to_owned());
    if old
        .split(';')
        .any(|path| path.trim().eq_ignore_ascii_case(OURS))
    {
        return Ok(());
    }
    let new = format!("{};{OURS}", old.trim_end_matches(';'));
    hive.set(key, name, &Value::expandable(&new))
}
