//! The image of a deployment: found, opened, and held against the target.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_sandbox::User;

use super::vetting::{Opened, Vetting};
use super::{DeployError, machine};
use crate::backend;
use crate::cache::{self, Cache, Fetched};
use crate::cancel::Cancel;
use crate::config::Settings;
use crate::copy::{self, Copied, CopyFailure, Copying, Order};
use crate::digest::Digest;
use crate::fetch::{self, Location, Options};
use crate::format::Format;
use crate::monitor::{Message, Monitor};
use crate::request::Image;
use crate::source::{Input, Source};
use crate::spool::Spool;
use crate::store::Place;
use crate::target::Target;

/// Opens what there is to copy, or begins to fetch it as `user` or to have it sent; nothing where the
/// target keeps what it holds. What is fetched, and has this digest where one is known, may be in the cache.
pub(super) fn open(
    image: &Image,
    digest: Option<&Digest>,
    settings: &Settings,
    user: &User,
    cancel: &Cancel,
) -> Result<Option<Opened>, DeployError> {
    let fetch = |location| fetch(location, digest, settings, user, cancel);
    let input = match image {
        Image::At(path) => Input::File(Source::open(path)?),
        Image::Open(source) => Input::File(source.try_clone().map_err(DeployError::Descriptor)?),
        Image::Url(url) => return fetch(url.into()).map(Some),
        Image::External(id) => Input::Stream(backend::start(id, &settings.into(), cancel)?),
        Image::Stored(name) => {
            let place = Place::find(name, &settings.stores_dir)?;
            return fetch(place.into()).map(Some);
        }
        Image::Keep => return Ok(None),
    };
    Ok(Some(input.into()))
}

/// Begins to fetch an image, or finds it in the cache.
fn fetch(
    location: Location,
    digest: Option<&Digest>,
    settings: &Settings,
    user: &User,
    cancel: &Cancel,
) -> Result<Opened, DeployError> {
    let options = Options::new(settings)?;
    // Without a cache everything works all the same.
    let cache = Cache::of(settings).unwrap_or_else(|error| {
        tracing::warn!("{error}");
        None
    });
    let Some(cache) = cache else {
        return Ok(Input::Stream(fetch::start(location, &options, user, cancel)?).into());
    };
    let name = location.name().to_owned();
    match cache::fetch(&cache, location, digest, &options, user, cancel)? {
        Fetched::Hit(hit) => {
            tracing::info!("{name} is in the cache");
            let input = Input::File(hit.source(&name)?);
            Ok(Opened {
                input,
                claim: None,
                hit: Some((cache, hit)),
            })
        }
        Fetched::Stream { stream, claim } => Ok(Opened {
            input: Input::Stream(stream),
            claim,
            hit: None,
        }),
    }
}

/// How many bytes the image has at the least, as long as it was not looked into: one that is larger than
/// the target, compressed or not, is too large by all means.
pub(super) fn least(input: &Input, format: Format) -> Option<u64> {
    match input {
        Input::File(source) if !format.needs_all() => Some(source.length()),
        // What is beside the disk in it may be long.
        Input::File(_) | Input::Stream(_) => None,
    }
}

/// An image that is ready for the copy.
pub(super) struct Ready {
    pub(super) input: Input,
    pub(super) order: Order,
    /// Bytes of its disk, where that is known.
    pub(super) length: Option<u64>,
    /// All of it has come, and was put into a temporary file.
    pub(super) is_spooled: bool,
}

/// Gets the image ready for a target of `capacity` bytes; without a number that is one still to be made.
/// An image that can only be read when all of it is there is put into a temporary file, if it is
/// not in a file anyway. Any other is looked into only for such a target.
pub(super) fn ready(
    input: Input,
    order: Order,
    capacity: Option<u64>,
    settings: &Settings,
    user: &User,
    monitor: &dyn Monitor,
    cancel: &Cancel,
) -> Result<Ready, DeployError> {
    if order.format.needs_all() {
        if let Input::Stream(_) = input {
            monitor.message(&Message::info("fetching the image into a temporary file"));
        }
        let spool = Spool::open(&settings.spool_dir, capacity)?;
        let program = machine::exporter(settings)?;
        let prepared = copy::prepare(input, order, spool, &program, cancel)?;
        return Ok(Ready {
            input: Input::File(prepared.image),
            order: Order {
                format: prepared.format,
                exporter: prepared.exporter,
            },
            length: prepared.length,
            is_spooled: prepared.is_spooled,
        });
    }
    let length = match &input {
        Input::File(source) if capacity.is_none() => {
            copy::measure(source, order.format, user, cancel)?
        }
        Input::File(_) | Input::Stream(_) => None,
    };
    Ok(Ready {
        input,
        order,
        length,
        is_spooled: false,
    })
}

/// Looks whether image and target are two.
pub(super) fn check_apart(input: &Input, target: &Target) -> Result<(), DeployError> {
    if let Input::File(source) = input
        && Some(source.identity()) == target.identity()
    {
        return Err(DeployError::SameFile(target.path().into()));
    }
    Ok(())
}

/// Copies an image and tells how far that is, and waits until it is known to be the right one. When the
/// target may hold part of an image afterwards, or another one, its ends are wiped.
pub(super) fn put(
    input: Input,
    order: Order,
    vetting: &mut Vetting,
    target: &Target,
    user: &User,
    monitor: &dyn Monitor,
    cancel: &Cancel,
) -> Result<Copied, DeployError> {
    let copying = Copying::start(input, order, target, user)?;
    monitor.message(&Message::info("copying the image"));
    let mut progress = |position, total| monitor.message(&Message::copied(position, total));
    let copied = copying.finish(&mut progress, cancel);
    let is_on_target = copied
        .as_ref()
        .map_or_else(CopyFailure::is_on_target, |_| true);
    if is_on_target {
        target.touch();
    }
    let vetted = (copied.map_err(|error| vetting.cause(error.into(), cancel)))
        .and_then(|copied| vetting.finish(cancel).map(|()| copied));
    if vetted.is_err() && is_on_target {
        let wiped = target.wipe_ends();
        if let Err(error) = wiped {
            tracing::warn!(
                "target {} may hold part of an image: {error}",
                target.path().display()
            );
        }
    }
    vetted
}
