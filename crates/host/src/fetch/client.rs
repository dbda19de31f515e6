//! The HTTP client of a download: where it may connect to, whom it believes, how long it waits.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read};

use ureq::http::header::{HeaderMap, HeaderName};
use ureq::http::{Response, StatusCode};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, BodyReader, Proxy};

use super::download::Trouble;
use super::options::Options;
use super::permit::Permit;
use super::resolver::Guarded;
use super::watchdog::within;
use crate::source::Url;

/// A header of a request. Its value may be a secret.
pub(super) type Header = (HeaderName, String);

/// Asks servers for things, one connection for each.
pub(super) struct Client {
    agent: Agent,
    permit: Permit,
}

impl Client {
    pub(super) fn new(options: &Options, permit: Permit) -> Result<Self, String> {
        Ok(Client {
            agent: agent(options, &permit)?,
            permit,
        })
    }

    /// The answer to a GET, whatever its status. `again` says that there was an answer before, so
    /// that a broken connection may be a passing trouble.
    pub(super) fn get(
        &self,
        url: &Url,
        headers: &[Header],
        again: bool,
    ) -> Result<Response<Body>, Trouble> {
        (self.permit.check_host(url)).map_err(|refusal| Trouble::Final(refusal.to_string()))?;
        let mut request = self.agent.get(url.expose());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        within(|| request.call()).map_err(|error| trouble(error, again))
    }

    /// The answer to a POST of `body`; see [`Client::get`].
    pub(super) fn post(
        &self,
        url: &Url,
        headers: &[Header],
        body: &[u8],
        again: bool,
    ) -> Result<Response<Body>, Trouble> {
        (self.permit.check_host(url)).map_err(|refusal| Trouble::Final(refusal.to_string()))?;
        let mut request = self.agent.post(url.expose());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        within(|| request.send(body)).map_err(|error| trouble(error, again))
    }
}

/// What is said in the body of an answer.
pub(super) fn bounded(body: Body, most: u64) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    let mut limited = body.into_reader().take(most.saturating_add(1));
    let count = within(|| limited.read_to_end(&mut bytes))
        .map_err(|_| Trouble::Final("the answer broke off".into()))?;
    if u64::try_from(count).is_ok_and(|count| count <= most) {
        Ok(bytes)
    } else {
        Err(Trouble::Final(format!(
            "the answer is larger than {most} bytes"
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

/// What comes behind an answer's head.
pub(super) fn reader(body: Body) -> Box<dyn Read> {
    Box::new(Timed(body.into_reader()))
}

/// The value of a header, where it is text.
pub(super) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// An answer that holds nothing of use. Busy servers may have something later.
pub(super) fn refused(status: StatusCode) -> Trouble {
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

fn agent(options: &Options, permit: &Permit) -> Result<Agent, String> {
    let roots = match &options.authorities {
        Some(pem) => RootCerts::from(certificates(pem)?.into_iter()),
        None => RootCerts::PlatformVerifier,
    };
    let proxy = options.proxy.as_deref().map(Proxy::new).transpose();
    let proxy = proxy.map_err(|_| "FETCH_PROXY is not the URL of a proxy")?;
    let resolver = Guarded {
        permit: proxy.is_none().then(|| permit.clone()),
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
