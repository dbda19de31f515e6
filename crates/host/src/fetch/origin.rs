//! Who has an image, and how he is asked for it.
// SPDX-License-Identifier: BSD-2-Clause

use ureq::Body;
use ureq::http::Response;

use super::client::{Client, Header, refused};
use super::download::Trouble;
use crate::source::Url;

/// A request for a body.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) url: Url,
    /// For this host alone: a redirection to another one does not take them along.
    pub(super) headers: Vec<Header>,
}

/// The one who has an image.
pub(super) trait Origin {
    /// What to ask for. Said anew for each attempt, since signatures and tokens expire; `again` is as
    /// in [`Client::get`].
    fn ask(&mut self, client: &Client, again: bool) -> Result<Asked, Trouble>;

    /// Redirections have led to the body here.
    fn found(&mut self, _url: &Url) {}

    /// Whether there is reason to ask once more after an answer like this, since what was said to
    /// be let in has expired. The answer came `from` where redirections had led to.
    fn renew(&mut self, _answer: &Response<Body>, _from: &Url) -> bool {
        false
    }

    /// What an answer without a body means.
    fn refused(&self, answer: Response<Body>) -> Trouble {
        refused(answer.status())
    }

    /// How many bytes the body must have, where that is known before.
    fn length(&self) -> Option<u64> {
        None
    }

    /// Whether the body is checked against its digest, so that parts of two bodies would be found
    /// out.
    fn is_checked(&self) -> bool {
        false
    }
}

/// A URL as it was given.
pub(super) struct Plain(pub(super) Url);

impl Origin for Plain {
    fn ask(&mut self, _client: &Client, _again: bool) -> Result<Asked, Trouble> {
        Ok(Asked {
            url: self.0.clone(),
            headers: Vec::new(),
        })
    }

    fn found(&mut self, url: &Url) {
        self.0 = url.clone();
    }
}
