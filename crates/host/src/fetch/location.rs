//! What there is to fetch, as the host's process hands it over.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::source::Url;
use crate::store::Place;

/// Where an image is, and what messages call it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Location {
    pub(super) name: String,
    pub(super) at: At,
}

/// Where an image is. Whole, so never in a log.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum At {
    /// Behind a URL.
    Url(String),
    /// In a store.
    Place(Place),
}

impl Location {
    /// What messages call the image.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, by another name in messages.
    pub(crate) fn called(self, name: String) -> Self {
        Location { name, ..self }
    }

    /// What tells it from all other places, secrets included.
    pub(crate) fn key(&self) -> &str {
        match &self.at {
            At::Url(url) => url,
            // Where a store is stands in the node's files alone.
            At::Place(_) => &self.name,
        }
    }
}

impl From<&Url> for Location {
    fn from(url: &Url) -> Self {
        Location {
            name: url.to_string(),
            at: At::Url(url.expose().into()),
        }
    }
}

impl From<Place> for Location {
    fn from(place: Place) -> Self {
        Location {
            name: place.name().to_string(),
            at: At::Place(place),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Location({})", self.name)
    }
}
