//! Objects in stores that speak S3: each request is a URL signed for it alone.
//!
//! A signature in the URL needs no header that a redirection could carry elsewhere, and says nothing of
//! the key that made it.
// SPDX-License-Identifier: BSD-2-Clause

use std::time::Duration;

use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use ureq::Body;
use ureq::http::Response;

use super::client::{Client, refused};
use super::complaint;
use super::download::Trouble;
use super::origin::{Asked, Origin};
use super::permit::Endpoint;
use crate::source::Url;
use crate::store::{Object, S3};

/// How long a signed URL is good for: long enough for clocks that differ.
const VALIDITY: Duration = Duration::from_secs(3600);

/// An object.
pub(super) struct Signed {
    bucket: Bucket,
    credentials: Option<Credentials>,
    key: String,
}

impl Signed {
    pub(super) fn new(store: &S3, object: &Object) -> Result<Self, String> {
        let style = if store.path_style {
            UrlStyle::Path
        } else {
            UrlStyle::VirtualHost
        };
        let endpoint = store.endpoint.parse();
        let bucket = endpoint.ok().and_then(|endpoint| {
            Bucket::new(endpoint, style, object.bucket.clone(), store.region.clone()).ok()
        });
        let credentials = store.credentials.as_ref().map(|credentials| {
            let (key, secret) = (&credentials.key, credentials.secret.expose());
            match &credentials.token {
                Some(token) => Credentials::new_with_token(key, secret, token.expose()),
                None => Credentials::new(key, secret),
            }
        });
        Ok(Signed {
            bucket: bucket.ok_or("the bucket's name and AWS_ENDPOINT_URL make no URL together")?,
            credentials,
            key: object.key.clone(),
        })
    }

    /// Where the bucket is.
    pub(super) fn endpoint(&self) -> Result<Endpoint, String> {
        let url = Url::parse(self.bucket.base_url().as_str());
        url.map(|url| Endpoint::of(&url))
            .map_err(|error| error.to_string())
    }
}

impl Origin for Signed {
    fn ask(&mut self, _client: &Client, _again: bool) -> Result<Asked, Trouble> {
        let request = self.bucket.get_object(self.credentials.as_ref(), &self.key);
        let url = Url::parse(request.sign(VALIDITY).as_str());
        Ok(Asked {
            url: url.map_err(|error| Trouble::Final(error.to_string()))?,
            headers: Vec::new(),
        })
    }

    fn refused(&self, answer: Response<Body>) -> Trouble {
        complaint::with(
            refused(answer.status()),
            answer.into_body(),
            complaint::of_s3,
        )
    }
}
