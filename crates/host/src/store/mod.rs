//! Images in object stores and registries: their names, and what the administrator has written down about where
//! they are.
//!
//! A name says no more than bucket and key. The endpoint and the credentials come from files that only
//! root may read, so that nobody who chooses an image can send this node's credentials elsewhere. Nothing
//! is asked of a store here: that is done by the process that fetches, see [`crate::fetch`].
// SPDX-License-Identifier: BSD-2-Clause

mod artifact;
mod error;
mod file;
mod name;
mod registry;
mod s3;
mod swift;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use artifact::{Artifact, Version};
pub use error::StoreError;
use file::Kind;
pub(crate) use name::SCHEMES;
pub use name::{NameError, Object, StoredName};
pub use registry::Registry;
pub use s3::S3;
pub use swift::{Domain, Identity, Keystone, Login, Named, Swift};

/// Where an image is, and what lets this node in. Goes to the process that fetches.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Place {
    /// In a store that speaks S3.
    S3(S3, Object),
    /// In a store with Swift's API.
    Swift(Swift, Object),
    /// In a registry.
    Oci(Registry, Artifact),
}

impl Place {
    /// The name of the image.
    #[must_use]
    pub fn name(&self) -> StoredName {
        match self {
            Place::S3(_, object) => StoredName::S3(object.clone()),
            Place::Swift(_, object) => StoredName::Swift(object.clone()),
            Place::Oci(_, artifact) => StoredName::Oci(artifact.clone()),
        }
    }

    /// What the files in `directory` say about the image of this name.
    ///
    /// # Errors
    /// When none of them knows it, or one of its kind cannot be used.
    pub fn find(name: &StoredName, directory: &Path) -> Result<Self, StoreError> {
        match name {
            StoredName::S3(object) => {
                let place = file::find(directory, Kind::S3, &object.bucket, S3::new)?;
                Ok(Place::S3(place, object.clone()))
            }
            StoredName::Swift(object) => {
                let place = file::find(directory, Kind::Swift, &object.bucket, Swift::new)?;
                Ok(Place::Swift(place, object.clone()))
            }
            StoredName::Oci(artifact) => {
                let place = Registry::find(artifact, directory)?;
                Ok(Place::Oci(place, artifact.clone()))
            }
        }
    }
}
