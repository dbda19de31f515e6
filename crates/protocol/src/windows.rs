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
        }
    }
}
