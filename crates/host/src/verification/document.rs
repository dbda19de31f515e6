//! What says how an image must be: a list of digests or a signature, in a file or behind a URL.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use snf_image_sandbox::User;

use super::error::VerificationError;
use super::waiting::{ReadError, read_all};
use crate::cancel::Cancel;
use crate::config::Settings;
use crate::fetch::{self, FetchError, Location, Options};
use crate::reference::Reference;
use crate::role::RoleError;
use crate::small_file::read_bounded;
use crate::source::{ExternalId, ProducerError, Source, Url};
use crate::store::{Place, StoredName};

/// Where it is.
#[derive(Debug)]
pub enum Document {
    /// A file that is looked up when it is read.
    At(PathBuf),
    /// A file that is open already.
    Open(Source),
    /// It is fetched, as images are.
    Url(Url),
    /// It is in a store.
    Stored(StoredName),
}

/// As messages name it.
impl fmt::Display for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Document::At(path) => path.display().fmt(formatter),
            Document::Open(source) => source.path().display().fmt(formatter),
            Document::Url(url) => url.fmt(formatter),
            Document::Stored(name) => name.fmt(formatter),
        }
    }
}

impl Document {
    /// Reads an argument of the command line: a path, or a URL.
    ///
    /// # Errors
    /// When it is a URL that is not valid, or of a scheme that is not fetched.
    pub fn of_argument(argument: &OsStr) -> Result<Self, String> {
        match Reference::of_argument(argument)? {
            Reference::Path(path) => Ok(Document::At(path)),
            Reference::Null => Ok(Document::At("null".into())),
            Reference::Url(url) => Ok(Document::Url(url)),
            Reference::Stored(name) => Ok(Document::Stored(name)),
            Reference::External(id) => Err(no_scheme(&id)),
        }
    }

    /// Whether both are the same place.
    pub(super) fn is(&self, other: &Document) -> bool {
        match (self, other) {
            (Document::At(one), Document::At(other)) => one == other,
            (Document::Open(one), Document::Open(other)) => one.identity() == other.identity(),
            (Document::Url(one), Document::Url(other)) => one == other,
            (Document::Stored(one), Document::Stored(other)) => one == other,
            _ => false,
        }
    }

    /// Its content: at most `limit` bytes.
    pub(crate) fn read(
        &self,
        limit: usize,
        settings: &Settings,
        user: &User,
        cancel: &Cancel,
    ) -> Result<Vec<u8>, VerificationError> {
        let failed = |reason: String| VerificationError::Read {
            name: self.to_string(),
            reason,
        };
        match self {
            Document::At(path) => match read_bounded(path, limit) {
                Ok((bytes, _)) => Ok(bytes),
                Err(error) => Err(VerificationError::File(error)),
            },
            Document::Open(source) => {
                let length = usize::try_from(source.length()).unwrap_or(usize::MAX);
                if length > limit {
                    return Err(failed(ReadError::TooLarge(limit).to_string()));
                }
                let mut bytes = vec![0; length];
                let read = source.read_at(&mut bytes, 0);
                read.map_err(|error| failed(error.to_string()))?;
                Ok(bytes)
            }
            Document::Url(url) => fetch_whole(url.into(), limit, settings, user, cancel),
            Document::Stored(name) => {
                let place = Place::find(name, &settings.stores_dir)?;
                fetch_whole(place.into(), limit, settings, user, cancel)
            }
        }
    }
}

/// What is fetched as images are, by the same process and under the same rules, and is small: at most
/// `limit` bytes.
pub(crate) fn fetch_whole(
    location: Location,
    limit: usize,
    settings: &Settings,
    user: &User,
    cancel: &Cancel,
) -> Result<Vec<u8>, VerificationError> {
    let options = Options::new(settings)?;
    let name = location.name().to_owned();
    let stream = fetch::start(location, &options, user, cancel)?;
    // The process that fetches bounds every step itself.
    let bytes = match read_all(&stream.bytes, limit, None, cancel) {
        Ok(bytes) => bytes,
        Err(ReadError::Cancelled) => return Err(cancelled()),
        Err(error) => {
            let reason = error.to_string();
            return Err(VerificationError::Read { name, reason });
        }
    };
    match stream.producer.finish(cancel) {
        Ok(()) => Ok(bytes),
        Err(ProducerError::Cancelled) => Err(cancelled()),
        Err(ProducerError::Failed(reason)) => Err(VerificationError::Fetch(reason)),
    }
}

/// What is said of a scheme of which nothing is fetched.
pub(crate) fn no_scheme(id: &ExternalId) -> String {
    let scheme = id.scheme();
    format!(
        "lists and signatures are not read from {scheme:?}: give a file, or a URL with http or https"
    )
}

fn cancelled() -> VerificationError {
    FetchError::Role(RoleError::Cancelled).into()
}
