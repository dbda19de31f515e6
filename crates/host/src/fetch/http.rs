//! HTTP and HTTPS: redirections within the policy, and resumption of the same body.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read};

use ureq::http::header::{
    ACCEPT_RANGES, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LAST_MODIFIED, LOCATION,
    RANGE,
};
use ureq::http::{Response, StatusCode};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, BodyReader, Proxy};

use super::download::{Answer, Server, Trouble};
use super::options::Options;
use super::resolver::Guarded;
use crate::source::Url;

/// How often a server may send elsewhere.
const MAX_REDIRECTS: u32 = 10;

/// A body behind a URL.
pub(super) struct Http<'options> {
    agent: Agent,
    options: &'options Options,
    /// Where redirections have led to.
    url: Url,
    /// What tells the body from any other, for `If-Range`.
    validator: Option<String>,
}

impl<'options> Http<'options> {
    pub(super) fn new(url: Url, options: &'options Options) -> Result<Self, String> {
        Ok(Http {
            agent: agent(options)?,
            options,
            url,
            validator: None,
        })
    }

    fn ask(&self, from: u64) -> Result<Response<Body>, Trouble> {
        let host = self.url.host();
        (self.options.policy.check_host(host))
            .map_err(|refusal| Trouble::Final(refusal.to_string()))?;
        let mut request = self.agent.get(self.url.expose());
        if from > 0 {
            let Some(validator) = &self.validator else {
                return Err(Trouble::Final(
                    "the server gives nothing to know the image by (a strong ETag or a time), \
                     or sends no parts of it"
                        .into(),
                ));
            };
            request = request
                .header(RANGE, format!("bytes={from}-"))
                .header(IF_RANGE, validator);
        }
        request.call().map_err(|error| trouble(error, from > 0))
    }

    /// Where a redirection leads to.
    fn next(&self, headers: &HeaderMap) -> Result<Url, Trouble> {
        let location = text(headers, LOCATION)
            .ok_or_else(|| Trouble::Final("the server redirects to nowhere".into()))?;
        let next = self.url.join(location).map_err(|error| {
            Trouble::Final(format!("the server redirects elsewhere, but {error}"))
        })?;
        if self.url.scheme() == "https" && next.scheme() == "http" {
            return Err(Trouble::Final(format!(
                "the server redirects from https to {next}, which nothing protects on its way"
            )));
        }
        Ok(next)
    }

    fn begin(&mut self, response: Response<Body>) -> Answer {
        let headers = response.headers();
        let resumes = text(headers, ACCEPT_RANGES) != Some("none");
        let etag = text(headers, ETAG).filter(|etag| !etag.starts_with("W/"));
        let validator = etag.or_else(|| text(headers, LAST_MODIFIED));
        self.validator = validator.filter(|_| resumes).map(str::to_owned);
        let body = response.into_body();
        Answer {
            length: body.content_length(),
            body: Box::new(Timed(body.into_reader())),
        }
    }

    fn resume(response: Response<Body>, from: u64) -> Result<Answer, Trouble> {
        let range = text(response.headers(), CONTENT_RANGE).and_then(parse_range);
        match range {
            Some((start, total)) if start == from => Ok(Answer {
                length: total,
                body: Box::new(Timed(response.into_body().into_reader())),
            }),
            _ => Err(Trouble::Final(format!(
                "asked for the image from byte {from} on, the server sends another part of it"
            ))),
        }
    }
}

impl Server for Http<'_> {
    fn open(&mut self, from: u64) -> Result<Answer, Trouble> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(from)?;
            let status = response.status();
            match status {
                StatusCode::OK if from == 0 => return Ok(self.begin(response)),
                StatusCode::PARTIAL_CONTENT if from > 0 => return Self::resume(response, from),
                StatusCode::OK | StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => {
                    return Err(Trouble::Final(
                        "the image has changed on the server, or the server sends no parts of it"
                            .into(),
                    ));
                }
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => self.url = self.next(response.headers())?,
                _ => return Err(refused(status)),
            }
        }
        Err(Trouble::Final(format!(
            "the server redirects more than {MAX_REDIRECTS} times"
        )))
    }
}

/// A body whose delays are told from its other errors.
struct Timed(BodyReader<'static>);

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
            match inner {
                Some(ureq::Error::Timeout(_)) => io::ErrorKind::TimedOut.into(),
                _ => error,
            }
        })
    }
}

fn agent(options: &Options) -> Result<Agent, String> {
    let roots = match &options.authorities {
        Some(pem) => RootCerts::from(certificates(pem)?.into_iter()),
        None => RootCerts::PlatformVerifier,
    };
    let proxy = options.proxy.as_deref().map(Proxy::new).transpose();
    let proxy = proxy.map_err(|_| "FETCH_PROXY is not the URL of a proxy")?;
    let resolver = Guarded {
        policy: proxy.is_none().then(|| options.policy.clone()),
        system: DefaultResolver::default(),
    };
    let patience = Some(options.patience);
    let config = Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .proxy(proxy)
        // Each step is held against the policy, and every answer is looked at here.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        // The bytes as they lie on the server, whatever it could make of them.
        .accept_encoding("identity")
        .max_idle_connections(0)
        .timeout_resolve(patience)
        .timeout_connect(patience)
        .timeout_send_request(patience)
        .timeout_recv_response(patience)
        .timeout_per_read(patience)
        .user_agent(concat!("snf-image/", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(Agent::with_parts(
        config,
        DefaultConnector::default(),
        resolver,
    ))
}

fn certificates(pem: &str) -> Result<Vec<ureq::tls::Certificate<'static>>, String> {
    let items: Result<Vec<_>, _> = parse_pem(pem.as_bytes()).collect();
    let items = items.map_err(|_| "FETCH_CA_FILE does not hold certificates in PEM")?;
    let certificates: Vec<_> = (items.into_iter())
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err("FETCH_CA_FILE holds no certificate in PEM".into());
    }
    Ok(certificates)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
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

/// An answer that holds no image. Busy servers may have one later.
fn refused(status: StatusCode) -> Trouble {
    let words = status.canonical_reason().unwrap_or("unknown");
    let reason = format!(
        "the server answered with status {} ({words})",
        status.as_u16()
    );
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Trouble::Passing(reason),
        _ => Trouble::Final(reason),
    }
}

/// A request without an answer. Where there was one before, the way may be open again soon.
fn trouble(error: ureq::Error, again: bool) -> Trouble {
    let passes = matches!(
        error,
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed
    );
    let reason = words(error);
    if passes && again {
        Trouble::Passing(reason)
    } else {
        Trouble::Final(reason)
    }
}

/// The words for a failure. Those of other errors could quote the URL.
fn words(error: ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(which) => format!("the server took too long ({which})"),
        ureq::Error::HostNotFound => "the host is not known".into(),
        ureq::Error::ConnectionFailed => "there is no connection".into(),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "the connection was refused".into()
        }
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Rustls(error) => error.to_string(),
        ureq::Error::Tls(error) => error.into(),
        ureq::Error::Other(refusal) => refusal.to_string(),
        ureq::Error::ConnectProxyFailed(reason) => format!("the proxy refuses: {reason}"),
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
            "the server does not speak HTTP as it should".into()
        }
        _ => "the request failed".into(),
    }
}
