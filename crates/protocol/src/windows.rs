//! What a deployment says of Windows alone.
// SPDX-License-Identifier: BSD-2-Clause

use serde::{Deserialize, Serialize};

use crate::Secret;

/// What Windows Setup is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// The product key; without it that of the image.
    pub product_key: Option<Secret>,
    /// The name of the file on the parameters disk that holds an answer file; it takes the place
    /// of the image's own.
    pub answer_file: Option<String>,
    /// The time zone of a generated answer file, by Windows' own name.
    pub time_zone: String,
    /// Where drivers for the machine are, if any are to be put into it.
    pub drivers: Option<Drivers>,
}

/// Where drivers are, in directories `DRIVER/WINDOWS/PROCESSOR` as virtio-win has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Drivers {
    /// In this directory of the parameters disk.
    Directory(String),
    /// On an ISO 9660 disk of their own, which comes behind the disks of the machine.
    Disk,
}

impl Drivers {
    /// The drivers that are looked for, as virtio-win calls their directories: of disks, virtio-blk and
    /// virtio-scsi, and of the network.
    pub const NAMES: [&str; 3] = ["viostor", "vioscsi", "NetKVM"];

    /// Whether a name can be that of a file of a driver, which is known in Windows by the same name.
    #[must_use]
    pub fn is_file_name(name: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        // Symbols for a debugger are larger than all the rest.
        let is_symbols = name.to_ascii_lowercase().ends_with(".pdb");
        (1..=64).contains(&name.len())
            && name.bytes().all(is_plain)
            && !name.starts_with(['.', '-'])
            && !name.ends_with('.')
            && !is_symbols
    }
}

impl Windows {
    /// The time zone when nobody says another: that of Greenwich.
    pub const TIME_ZONE: &str = "GMT Standard Time";
}

impl Default for Windows {
    fn default() -> Self {
        Windows {
            product_key: None,
            answer_file: None,
            time_zone: Windows::TIME_ZONE.into(),
            drivers: None,
        }
    }
}
