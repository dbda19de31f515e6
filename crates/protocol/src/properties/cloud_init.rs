//! The property `CLOUD_INIT`: whether the machine is configured by the cloud-init of its image.
// SPDX-License-Identifier: BSD-2-Clause

use super::{Properties, PropertyError, boolean, further_disk, meaning};

/// Whether cloud-init of the image is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudInit {
    /// It is left alone.
    No,
    /// It is used; an image without it is refused.
    Yes,
    /// `auto`: it is used where the image has it and has it switched on.
    Auto,
}

impl Properties {
    /// Whether cloud-init is used, if anything is said about it.
    ///
    /// # Errors
    /// When the value is not yes, no or `auto`.
    pub fn cloud_init(&self) -> Result<Option<CloudInit>, PropertyError> {
        let Some(value) = self.given("CLOUD_INIT") else {
            return Ok(None);
        };
        match boolean(value) {
            Some(true) => Ok(Some(CloudInit::Yes)),
            Some(false) => Ok(Some(CloudInit::No)),
            None if value.eq_ignore_ascii_case("auto") => Ok(Some(CloudInit::Auto)),
            None => Err(meaning("CLOUD_INIT", value, "it is yes, no or auto")),
        }
    }

    /// The place among the machine's disks of the one that Cloudbase-Init of a Windows takes user-data from, if
    /// given; the first disk, which holds the image, is 0.
    ///
    /// # Errors
    /// When the value is no letter of a disk from `b` on.
    pub fn cloud_init_disk(&self) -> Result<Option<usize>, PropertyError> {
        const NAME: &str = "CLOUD_INIT_DISK";
        let Some(value) = self.given(NAME) else {
            return Ok(None);
        };
        let place = further_disk(value);
        let place =
            place.ok_or_else(|| meaning(NAME, value, "it is the letter of a disk from b on"))?;
        Ok(Some(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_yes_no_or_auto_and_nothing_else() {
        let said = |value: &str| {
            let pair = ("cloud_init".to_owned(), value.to_owned());
            Properties::new([pair]).map(|properties| properties.cloud_init().unwrap())
        };
        for (value, meaning) in [
            ("yes", Some(CloudInit::Yes)),
            ("1", Some(CloudInit::Yes)),
            ("off", Some(CloudInit::No)),
            ("Auto", Some(CloudInit::Auto)),
            ("", None),
        ] {
            assert_eq!(said(value).unwrap(), meaning, "{value:?}");
        }
        let faults = said("maybe").unwrap_err();
        assert!(faults[0].to_string().contains("CLOUD_INIT=maybe"));
        assert_eq!(Properties::default().cloud_init(), Ok(None));
        let disk = |letter: &str| {
            let pair = ("CLOUD_INIT_DISK".to_owned(), letter.to_owned());
            Properties::new([pair]).map(|properties| properties.cloud_init_disk().unwrap())
        };
        assert_eq!(disk("B"), Ok(Some(1)));
        assert!(disk("a").is_err() && disk("vdb").is_err());
    }
}
