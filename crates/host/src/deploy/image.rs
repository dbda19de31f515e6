//! The image of a deployment: found, opened, and held against the target.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_sandbox::User;

use super::DeployError;
use crate::backend;
use crate::cancel::Cancel;
use crate::config::Settings;
use crate::copy::{self, Copied, CopyFailure, Copying, Order};
use crate::fetch::{self, Options};
use crate::monitor::{Message, Monitor};
use crate::request::{Image, Request};
use crate::source::{Input, Source};
use crate::store::Place;
use crate::target::Target;

/// Opens what there is to copy, or begins to fetch it as `user` or to have it
/// sent; nothing where the target keeps
/// what it holds.
pub(super) fn open(
    image: &Image,
    settings: &Settings,
    user: &User,
    cancel: &Cancel,
) -> Result<Option<Input>, DeployError> {
    let input = match image {
        Image::At(path) => Input::File(Source::open(path)?),
        Image::Open(source) => Input::File(source.try_clone().map_err(DeployError::Descriptor)?),
        Image::Url(url) => {
            let options = Options::new(settings)?;
            Input::Stream(fetch::start(url, &options, user, cancel)?)
        }
        Image::External(id) => Input::Stream(backend::start(id, &settings.into(), cancel)?),
        Image::Stored(name) => {
            let options = Options::new(settings)?;
            let place = Place::find(name, &settings.stores_dir)?;
            Input::Stream(fetch::start(place, &options, user, cancel)?)
        }
        Image::Keep => return Ok(None),
    };
    Ok(Some(input))
}

/// How many bytes a target needs for the image, where that can be told. Only for a target
/// file that is to be made, and that nobody has named a size for, is the image looked into.
pub(super) fn length(
    input: Option<&Input>,
    request: &Request,
    user: &User,
    cancel: &Cancel,
) -> Result<Option<u64>, DeployError> {
    match input {
        None => Ok(Some(0)),
        Some(Input::Stream(_)) => Ok(None),
        // A compressed image that is larger than the target is too large by all means.
        Some(Input::File(source)) if request.size.is_some() || request.target.exists() => {
            Ok(Some(source.length()))
        }
        Some(Input::File(source)) => Ok(copy::measure(source, request.format, user, cancel)?),
    }
}

/// Looks whether image and target are two.
pub(super) fn check_apart(input: &Input, target: &Target) -> Result<(), DeployError> {
    if let Input::File(source) = input
        && source.identity() == target.identity()
    {
        return Err(DeployError::SameFile(target.path().into()));
    }
    Ok(())
}

/// Copies an image and tells how far that is. When the target may hold part of an image
/// afterwards, its ends are wiped.
pub(super) fn put(
    input: Input,
    order: Order,
    target: &Target,
    user: &User,
    monitor: &dyn Monitor,
    cancel: &Cancel,
) -> Result<Copied, CopyFailure> {
    let copying = Copying::start(input, order, target, user)?;
    monitor.message(&Message::info("copying the image"));
    let mut progress = |position, total| monitor.message(&Message::copied(position, total));
    let copied = copying.finish(&mut progress, cancel);
    if copied.as_ref().is_err_and(CopyFailure::is_on_target) {
        let wiped = target.wipe_ends();
        if let Err(error) = wiped {
            tracing::warn!(
                "target {} may hold part of an image: {error}",
                target.path().display()
            );
        }
    }
    copied
}
