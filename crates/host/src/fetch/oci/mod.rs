//! Images in registries, by the OCI distribution specification: a manifest says which blob is the image.
//!
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md>
// SPDX-License-Identifier: BSD-2-Clause

mod hashed;
mod manifest;
mod realm;
mod token;

use ureq::Body;
use ureq::http::header::{ACCEPT, AUTHORIZATION, WWW_AUTHENTICATE};
use ureq::http::{Response, StatusCode};

use super::client::{Client, bounded, refused, text};
use super::complaint;
use super::download::Trouble;
use super::http::follow;
use super::origin::{Asked, Origin};
use super::permit::Endpoint;
use crate::digest::{Digest, Hasher};
use crate::source::Url;
use crate::store::{Artifact, Registry, Version};

pub(super) use hashed::Hashed;
use manifest::{Blob, Found};

/// The manifests that are understood.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json";

/// The largest manifest, in bytes: what registries must take at least, and hardly any takes more.
const LARGEST: u64 = 4 << 20;

/// The host behind the name of a registry that is not one.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// A repository, and what lets this node in for a time.
pub(super) struct Repository<'job> {
    registry: &'job Registry,
    artifact: &'job Artifact,
    /// The value of the header.
    authorization: Option<String>,
    /// What the registry wants to see, in its own words, where it has asked for something.
    challenge: Option<String>,
}

impl<'job> Repository<'job> {
    pub(super) fn new(registry: &'job Registry, artifact: &'job Artifact) -> Self {
        Repository {
            registry,
            artifact,
            authorization: None,
            challenge: None,
        }
    }

    /// Where the registry and its tokens are, if the administrator has written that down.
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        if !self.registry.is_known {
            return Vec::new();
        }
        let own = self.url("").ok();
        let tokens = realm::listed(self.registry);
        (own.into_iter().chain(tokens))
            .map(|url| Endpoint::of(&url))
            .collect()
    }

    /// Looks for the image.
    pub(super) fn image(mut self, client: &Client) -> Result<Image<'job>, Trouble> {
        let failed = |trouble: Trouble| trouble.behind("the manifest");
        let (mut reference, mut digest) = match &self.artifact.version {
            Version::Tag(tag) => (tag.clone(), None),
            Version::Digest(digest) => (digest.to_string(), Some(digest.clone())),
        };
        // An index leads to a manifest, and that to the image.
        for _ in 0..2 {
            let document = self.manifest(client, &reference).map_err(failed)?;
            if let Some(digest) = &digest {
                check(&document, digest).map_err(failed)?;
            }
            let found =
                manifest::read(&document).map_err(|reason| failed(Trouble::Final(reason)))?;
            match found {
                Found::Image(blob) => {
                    return Ok(Image {
                        repository: self,
                        blob,
                    });
                }
                Found::Manifest(next) => {
                    reference = next.to_string();
                    digest = Some(next);
                }
            }
        }
        Err(failed(Trouble::Final(
            "an index that leads to another index is not followed".into(),
        )))
    }

    fn manifest(&mut self, client: &Client, reference: &str) -> Result<Vec<u8>, Trouble> {
        let url = self.url(&format!("manifests/{reference}"))?;
        let accept = [(ACCEPT, MANIFESTS.to_owned())];
        let mut renewed = false;
        loop {
            let asked = self.asked(client, url.clone(), false)?;
            let (answer, from) = follow(client, asked, &accept, false)?;
            match answer.status() {
                StatusCode::OK => return bounded(answer.into_body(), LARGEST),
                _ if !renewed && self.renew(&answer, &from) => renewed = true,
                _ => return Err(complain(answer)),
            }
        }
    }

    fn asked(&mut self, client: &Client, url: Url, again: bool) -> Result<Asked, Trouble> {
        if let Some(challenge) = self.challenge.take() {
            let scope = format!("repository:{}:pull", self.artifact.repository);
            let authorization =
                token::authorization(client, &challenge, self.registry, &url, &scope, again)?;
            self.authorization = Some(authorization);
        }
        let headers = self.authorization.iter().cloned();
        Ok(Asked {
            url,
            headers: headers.map(|value| (AUTHORIZATION, value)).collect(),
        })
    }

    /// Takes note of what the registry wants to see. Whoever it has redirected to wants nothing of it.
    fn renew(&mut self, answer: &Response<Body>, from: &Url) -> bool {
        let challenge = text(answer.headers(), WWW_AUTHENTICATE);
        let is_registry = self.url("").is_ok_and(|url| from.has_origin_of(&url));
        let is_wanted = answer.status() == StatusCode::UNAUTHORIZED && is_registry;
        self.challenge = challenge.filter(|_| is_wanted).map(str::to_owned);
        self.challenge.is_some()
    }

    fn url(&self, rest: &str) -> Result<Url, Trouble> {
        let scheme = if self.registry.plain_http {
            "http"
        } else {
            "https"
        };
        let (name, hub) = DOCKER_HUB;
        let host = match self.artifact.registry.as_str() {
            host if host == name => hub,
            host => host,
        };
        let repository = &self.artifact.repository;
        Url::parse(&format!("{scheme}://{host}/v2/{repository}/{rest}"))
            .map_err(|error| Trouble::Final(error.to_string()))
    }
}

/// An image in a repository.
pub(super) struct Image<'job> {
    repository: Repository<'job>,
    blob: Blob,
}

impl Image<'_> {
    /// What its digest must be.
    pub(super) fn digest(&self) -> Digest {
        self.blob.digest.clone()
    }
}

impl Origin for Image<'_> {
    fn ask(&mut self, client: &Client, again: bool) -> Result<Asked, Trouble> {
        let url = self
            .repository
            .url(&format!("blobs/{}", self.blob.digest))?;
        self.repository.asked(client, url, again)
    }

    fn renew(&mut self, answer: &Response<Body>, from: &Url) -> bool {
        self.repository.renew(answer, from)
    }

    fn refused(&self, answer: Response<Body>) -> Trouble {
        complain(answer)
    }

    fn length(&self) -> Option<u64> {
        Some(self.blob.size)
    }

    fn is_checked(&self) -> bool {
        true
    }
}

fn complain(answer: Response<Body>) -> Trouble {
    complaint::with(
        refused(answer.status()),
        answer.into_body(),
        complaint::of_registry,
    )
}

fn check(document: &[u8], digest: &Digest) -> Result<(), Trouble> {
    let mut hasher = Hasher::new(digest.algorithm());
    hasher.update(document);
    let found = hasher.finish();
    if found == *digest {
        return Ok(());
    }
    Err(Trouble::Final(format!(
        "its digest is {found} and not {digest}"
    )))
}
