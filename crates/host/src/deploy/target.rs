//! The target of a deployment, and the image that is got ready for it.
// SPDX-License-Identifier: BSD-2-Clause

use super::image::{self, Ready};
use super::vetting::Vetting;
use super::{DeployError, Deployment, machine};
use crate::source::Input;
use crate::target::{Location, Target, TargetError};

impl Deployment<'_> {
    /// Opens the target and gets the image ready. A target that is there, or whose size is known, is
    /// opened first: nobody fetches an image for nothing.
    pub(super) fn target_and_image(
        &self,
        input: Option<Input>,
        vetting: &mut Vetting,
    ) -> Result<(Target, Option<Ready>), DeployError> {
        let Some(input) = input else {
            if let (Location::Path(path), false) =
                (&self.request.target, self.request.target.exists())
            {
                return Err(TargetError::Missing { path: path.into() }.into());
            }
            return Ok((self.open_target(Some(0))?, None));
        };
        let is_known = self.request.size.is_some() || self.request.target.exists();
        let (target, image) = if is_known {
            self.target_first(input, vetting)?
        } else {
            self.image_first(input, vetting)?
        };
        Ok((target, Some(image)))
    }

    fn target_first(
        &self,
        input: Input,
        vetting: &mut Vetting,
    ) -> Result<(Target, Ready), DeployError> {
        let target = self.open_target(image::least(&input, self.request.format))?;
        image::check_apart(&input, &target)?;
        let image = self.ready(input, Some(target.capacity()), vetting)?;
        target.check_room(image.length)?;
        Ok((target, image))
    }

    /// The target is made, as large as the image.
    fn image_first(
        &self,
        input: Input,
        vetting: &mut Vetting,
    ) -> Result<(Target, Ready), DeployError> {
        let image = self.ready(input, None, vetting)?;
        let target = self.open_target(image.length)?;
        Ok((target, image))
    }

    /// `length` is that of the image in bytes, where it is known.
    fn open_target(&self, length: Option<u64>) -> Result<Target, DeployError> {
        let size = self.request.size;
        Ok(match &self.request.target {
            Location::Path(path) => Target::open(path, size, length)?,
            Location::Uri(uri) => {
                let program = machine::exporter(self.settings)?;
                Target::reach(uri, false, size, length, &program, self.cancel)?
            }
        })
    }
}
