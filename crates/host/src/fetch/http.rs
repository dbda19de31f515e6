//! HTTP and HTTPS: redirections within the policy, and resumption of the same body.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;

use ureq::Body;
use ureq::http::header::{
    ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH, IF_RANGE,
    LAST_MODIFIED, LOCATION, RANGE,
};
use ureq::http::{Response, StatusCode};

use super::client::{Client, Header, reader, text};
use super::download::{About, Answer, Server, Trouble};
use super::origin::{Asked, Origin};
use crate::source::Url;

/// How often a server may send elsewhere.
const MAX_REDIRECTS: u32 = 5;

/// A body that an origin has.
pub(super) struct Http<O> {
    client: Client,
    origin: O,
    /// What tells the body from any other.
    known: Known,
    /// The validator of a body that is there already.
    unless: Option<String>,
}

impl<O: Origin> Http<O> {
    /// Without a body where the server still has the one that `unless` is the validator of.
    pub(super) fn new(client: Client, origin: O, unless: Option<String>) -> Self {
        Http {
            unless,
            client,
            origin,
            known: Known::default(),
        }
    }

    /// The headers that ask for the body, or the rest of it.
    fn rest(&self, from: u64) -> Result<Vec<Header>, Trouble> {
        if from == 0 {
            let unless = self.unless.clone();
            return Ok((unless.into_iter())
                .map(|validator| (IF_NONE_MATCH, validator))
                .collect());
        }
        let range = (RANGE, format!("bytes={from}-"));
        match self.known.validator() {
            Some(validator) => Ok(vec![range, (IF_RANGE, validator.into())]),
            None if self.origin.is_checked() => Ok(vec![range]),
            None => Err(Trouble::Final(
                "the server gives nothing to know the image by (a strong ETag or a time), \
                 or sends no parts of it"
                    .into(),
            )),
        }
    }

    fn begin(&mut self, response: Response<Body>) -> Result<Answer, Trouble> {
        let headers = response.headers();
        let about = About {
            validator: Known::of(headers).strong(),
            is_unchanged: false,
        };
        if text(headers, ACCEPT_RANGES) != Some("none") {
            self.known = Known::of(headers);
        }
        // A login or an apology that calls itself a success.
        if text(headers, CONTENT_TYPE).is_some_and(is_web_page) {
            let reason = "the server sends a web page (Content-Type: text/html) and no image";
            return Err(Trouble::Final(reason.into()));
        }
        let body = response.into_body();
        let length = body.content_length();
        match (length, self.origin.length()) {
            (Some(sent), Some(known)) if sent != known => Err(Trouble::Final(format!(
                "the image should have {known} bytes, and the server sends {sent}"
            ))),
            (sent, known) => Ok(Answer {
                length: sent.or(known),
                body: reader(body),
                about,
            }),
        }
    }

    fn resume(&self, response: Response<Body>, from: u64) -> Result<Answer, Trouble> {
        if self.known.differs(response.headers()) {
            return Err(changed());
        }
        let range = text(response.headers(), CONTENT_RANGE).and_then(parse_range);
        match range {
            Some((start, total)) if start == from => Ok(Answer {
                length: total,
                body: reader(response.into_body()),
                about: About::default(),
            }),
            _ => Err(Trouble::Final(format!(
                "asked for the image from byte {from} on, the server sends another part of it"
            ))),
        }
    }
}

impl<O: Origin> Server for Http<O> {
    fn open(&mut self, from: u64) -> Result<Answer, Trouble> {
        let again = from > 0;
        let rest = self.rest(from)?;
        let mut renewed = false;
        loop {
            let asked = self.origin.ask(&self.client, again)?;
            let (response, url) = follow(&self.client, asked, &rest, again)?;
            match response.status() {
                StatusCode::OK if from == 0 => {
                    self.origin.found(&url);
                    return self.begin(response);
                }
                StatusCode::NOT_MODIFIED if from == 0 && self.unless.is_some() => {
                    return Ok(Answer {
                        body: Box::new(io::empty()),
                        length: Some(0),
                        about: About {
                            is_unchanged: true,
                            ..About::default()
                        },
                    });
                }
                StatusCode::PARTIAL_CONTENT if from > 0 => {
                    self.origin.found(&url);
                    return self.resume(response, from);
                }
                StatusCode::OK | StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => {
                    return Err(changed());
                }
                _ if !renewed && self.origin.renew(&response, &url) => renewed = true,
                _ => return Err(self.origin.refused(response)),
            }
        }
    }
}

fn is_web_page(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    ["text/html", "application/xhtml+xml"]
        .iter()
        .any(|page| kind.eq_ignore_ascii_case(page))
}

/// The first answer that does not send elsewhere, and where it came from. What stands in `more` is said
/// to all.
pub(super) fn follow(
    client: &Client,
    mut asked: Asked,
    more: &[Header],
    again: bool,
) -> Result<(Response<Body>, Url), Trouble> {
    for _ in 0..=MAX_REDIRECTS {
        let headers = [asked.headers.as_slice(), more].concat();
        let response = client.get(&asked.url, &headers, again)?;
        match response.status() {
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => asked = next(&asked, response.headers())?,
            _ => return Ok((response, asked.url)),
        }
    }
    Err(Trouble::Final(format!(
        "the server redirects more than {MAX_REDIRECTS} times"
    )))
}

/// What a redirection asks to ask for.
fn next(asked: &Asked, headers: &HeaderMap) -> Result<Asked, Trouble> {
    let location = text(headers, LOCATION)
        .ok_or_else(|| Trouble::Final("the server redirects to nowhere".into()))?;
    let next = asked
        .url
        .join(location)
        .map_err(|error| Trouble::Final(format!("the server redirects elsewhere, but {error}")))?;
    if asked.url.scheme() == "https" && next.scheme() == "http" {
        return Err(Trouble::Final(format!(
            "the server redirects from https to {next}, which nothing protects on its way"
        )));
    }
    let headers = if next.has_origin_of(&asked.url) {
        asked.headers.clone()
    } else {
        Vec::new()
    };
    Ok(Asked { url: next, headers })
}

/// What a server says of a body, by which it is known again.
#[derive(Default)]
struct Known {
    etag: Option<String>,
    modified: Option<String>,
}

impl Known {
    fn of(headers: &HeaderMap) -> Self {
        let owned = |name| text(headers, name).map(str::to_owned);
        Known {
            etag: owned(ETAG).filter(|etag| !etag.starts_with("W/")),
            modified: owned(LAST_MODIFIED),
        }
    }

    /// For `If-None-Match` at another time: only what is sure to be the same byte by byte.
    fn strong(self) -> Option<String> {
        self.etag.filter(|etag| etag.starts_with('"'))
    }

    /// For `If-Range`, where an ETag must stand in quotes.
    fn validator(&self) -> Option<&str> {
        let etag = self.etag.as_deref().filter(|etag| etag.starts_with('"'));
        etag.or(self.modified.as_deref())
    }

    /// Whether an answer says something else. A server may take no notice of `If-Range`, as Swift does.
    fn differs(&self, headers: &HeaderMap) -> bool {
        let now = Known::of(headers);
        match (&self.etag, &now.etag, &self.modified, &now.modified) {
            (Some(before), Some(now), ..) | (.., Some(before), Some(now)) => before != now,
            _ => false,
        }
    }
}

fn changed() -> Trouble {
    Trouble::Final("the image has changed on the server, or the server sends no parts of it".into())
}

/// Reads `bytes FIRST-LAST/TOTAL`: the first byte, and the total where it is told.
fn parse_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some((first.parse().ok()?, total))
}
