//! The image of a deployment: found, opened, held against the target, and copied.
// SPDX-License-Identifier: BSD-2-Clause

use super::vetting::{Opened, Vetting};
use super::{DeployError, Deployment, machine};
use crate::backend;
use crate::cache::{self, Cache, Fetched};
use crate::copy::{self, Copied, CopyFailure, Copying, Order, Rest};
use crate::digest::Digest;
use crate::fetch::{self, Location, Options};
use crate::format::Format;
use crate::monitor::Message;
use crate::request::Image;
use crate::source::{Input, Source};
use crate::spool::Spool;
use crate::store::Place;
use crate::target::Target;

/// An image that is ready for the copy.
pub(super) struct Ready {
    input: Input,
    order: Order,
    /// Bytes of its disk, where that is known.
    pub(super) length: Option<u64>,
    /// All of it has come, and was put into a temporary file.
    is_spooled: bool,
}

impl Deployment<'_> {
    /// Opens what there is to copy, or begins to fetch it or to have it sent; nothing where the target
    /// keeps what it holds. What is fetched, and has this digest where one is known, may be in the cache.
    pub(super) fn open_image(
        &self,
        digest: Option<&Digest>,
    ) -> Result<Option<Opened>, DeployError> {
        let input = match &self.request.image {
            Image::At(path) => Input::File(Source::open(path)?),
            Image::Open(source) => {
                Input::File(source.try_clone().map_err(DeployError::Descriptor)?)
            }
            Image::Url(url) => return self.fetch(url.into(), digest).map(Some),
            Image::External(id) => {
                Input::Stream(backend::start(id, &self.settings.into(), self.cancel)?)
            }
            Image::Stored(name) => {
                let place = Place::find(name, &self.settings.stores_dir)?;
                return self.fetch(place.into(), digest).map(Some);
            }
            Image::Keep => return Ok(None),
        };
        Ok(Some(input.into()))
    }

    /// Begins to fetch an image, or finds it in the cache.
    fn fetch(&self, location: Location, digest: Option<&Digest>) -> Result<Opened, DeployError> {
        let (user, cancel) = (&self.user, self.cancel);
        let options = Options::new(self.settings)?;
        // Without a cache everything works all the same.
        let cache = Cache::of(self.settings).unwrap_or_else(|error| {
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

    /// Gets the image ready for a target of `capacity` bytes; without a number that is one still to be
    /// made. Where all of it has come by then, it is known to be the right one.
    pub(super) fn ready(
        &self,
        input: Input,
        capacity: Option<u64>,
        vetting: &mut Vetting,
    ) -> Result<Ready, DeployError> {
        let ready = if self.request.format.needs_all() {
            self.ready_whole(input, capacity)
        } else {
            self.ready_in_order(input, capacity)
        };
        let ready = ready.map_err(|error| vetting.cause(error, self.cancel))?;
        vetting.finish_if(ready.is_spooled, self.cancel)?;
        Ok(ready)
    }

    /// An image that can only be read when all of it is there is put into a temporary file, if it is
    /// not in a file anyway.
    fn ready_whole(&self, input: Input, capacity: Option<u64>) -> Result<Ready, DeployError> {
        if let Input::Stream(_) = input {
            self.inform("fetching the image into a temporary file");
        }
        let spool = Spool::open(&self.settings.spool_dir, capacity)?;
        let program = machine::exporter(self.settings)?;
        let prepared = copy::prepare(input, self.order(), spool, &program, self.cancel)?;
        Ok(Ready {
            input: Input::File(prepared.image),
            order: Order {
                format: prepared.format,
                exporter: prepared.exporter,
            },
            length: prepared.length,
            is_spooled: prepared.is_spooled,
        })
    }

    /// Any other is looked into only where the target is still to be made.
    fn ready_in_order(&self, input: Input, capacity: Option<u64>) -> Result<Ready, DeployError> {
        let order = self.order();
        let length = match &input {
            Input::File(source) if capacity.is_none() => {
                copy::measure(source, order.format, &self.user, self.cancel)?
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

    fn order(&self) -> Order {
        Order {
            format: self.request.format,
            exporter: None,
        }
    }

    /// Copies an image and tells how far that is, and waits until it is known to be the right one. When
    /// the target may hold part of an image afterwards, or another one, its ends are wiped.
    pub(super) fn put(
        &self,
        image: Ready,
        vetting: &mut Vetting,
        target: &Target,
    ) -> Result<(), DeployError> {
        let copying = Copying::start(image.input, image.order, target, &self.user)?;
        self.inform("copying the image");
        let mut progress =
            |position, total| (self.monitor).message(&Message::copied(position, total));
        let copied = copying.finish(&mut progress, self.cancel);
        let is_on_target = copied
            .as_ref()
            .map_or_else(CopyFailure::is_on_target, |_| true);
        if is_on_target {
            target.touch();
        }
        let vetted = (copied.map_err(|error| vetting.cause(error.into(), self.cancel)))
            .and_then(|copied| vetting.finish(self.cancel).map(|()| copied));
        if vetted.is_err() && is_on_target {
            let wiped = target.wipe_ends();
            if let Err(error) = wiped {
                tracing::warn!(
                    "target {} may hold part of an image: {error}",
                    target.path().display()
                );
            }
        }
        let copied = vetted?;
        progress(copied.length(), copied.length());
        self.inform(&describe(&copied));
        Ok(())
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

/// Looks whether image and target are two.
pub(super) fn check_apart(input: &Input, target: &Target) -> Result<(), DeployError> {
    if let Input::File(source) = input
        && Some(source.identity()) == target.identity()
    {
        return Err(DeployError::SameFile(target.path().into()));
    }
    Ok(())
}

fn describe(copied: &Copied) -> String {
    let rest = match copied.rest {
        Rest::None => "",
        Rest::Zeroed => "; the rest of the target reads as zeroes",
        Rest::EndsZeroed => {
            "; the target zeroes slowly, so only the ends of what is behind the image were zeroed"
        }
    };
    format!(
        "the image is copied and flushed: {} bytes of data, {} bytes of zeroes{rest}",
        copied.data_bytes, copied.zero_bytes
    )
}
