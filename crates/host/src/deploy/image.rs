//! The image of a deployment: found, opened, and held against the target.
// SPDX-License-Identifier: BSD-2-Clause

use super::DeployError;
use crate::request::Image;
use crate::source::{Input, Source};
use crate::target::Target;

/// Opens what there is to copy; nothing where the target keeps what it holds.
pub(super) fn open(image: &Image) -> Result<Option<Input>, DeployError> {
    let source = match image {
        Image::At(path) => Source::open(path)?,
        Image::Open(source) => source.try_clone().map_err(DeployError::Descriptor)?,
        Image::Keep => return Ok(None),
    };
    Ok(Some(Input::File(source)))
}

/// Looks whether an image can be put onto a target at all, as far as that is known.
pub(super) fn check_fits(input: &Input, target: &Target) -> Result<(), DeployError> {
    if let Input::File(source) = input
        && source.identity() == target.identity()
    {
        return Err(DeployError::SameFile(target.path().into()));
    }
    match input.length() {
        Some(length) => Ok(target.check_room(length)?),
        None => Ok(()),
    }
}
