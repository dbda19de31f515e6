//! The URL of an image. It may hold a password or a token, and is never shown whole.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

use percent_encoding::percent_decode_str;
use url::Host;

/// The longest URL, in bytes.
const LONGEST: usize = 8192;

/// The schemes that are fetched.
const SCHEMES: [&str; 5] = ["http", "https", "ftp", "ftps", "ftpes"];

/// Whether a scheme, in any case, is one that is fetched.
pub(crate) fn is_fetched(scheme: &str) -> bool {
    (SCHEMES.iter()).any(|known| known.eq_ignore_ascii_case(scheme))
}

/// A URL with a host, of a scheme in [`SCHEMES`].
#[derive(Clone, PartialEq, Eq)]
pub struct Url(url::Url);

/// Why a text is no such URL; without any of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Of a scheme that is not fetched.
    #[error("the URL does not begin with http://, https://, ftp://, ftps:// or ftpes://")]
    Scheme,
    /// Where no web server may send to.
    #[error("the URL does not begin with http:// or https://")]
    Elsewhere,
    /// It means nothing.
    #[error("the URL is not valid: {0}")]
    Invalid(String),
}

impl Url {
    /// Reads a URL. What comes behind `#` is left out.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let invalid = |reason: &str| Err(UrlError::Invalid(reason.into()));
        if text.len() > LONGEST {
            return invalid("it is longer than 8192 bytes");
        }
        if text.chars().any(char::is_control) {
            return invalid("it holds a control character");
        }
        match url::Url::parse(text) {
            Ok(url) => Self::new(url),
            Err(error) => invalid(&error.to_string()),
        }
    }

    /// The URL that `reference` means when a web server refers to it at this one.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        match self.0.join(reference) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => Err(UrlError::Elsewhere),
            Ok(url) => Self::new(url),
            Err(error) => Err(UrlError::Invalid(error.to_string())),
        }
    }

    fn new(mut url: url::Url) -> Result<Self, UrlError> {
        if !SCHEMES.contains(&url.scheme()) {
            return Err(UrlError::Scheme);
        }
        url.set_fragment(None);
        // Of schemes that the library does not know it leaves the host as it is.
        let host = url.host_str().map(Host::parse);
        let host = match host {
            Some(Ok(host)) => host.to_string(),
            Some(Err(error)) => return Err(UrlError::Invalid(error.to_string())),
            None => return Err(UrlError::Invalid("it names no host".into())),
        };
        url.set_host(Some(&host))
            .map_err(|error| UrlError::Invalid(error.to_string()))?;
        Ok(Url(url))
    }

    /// Whether it has the scheme, host, port and path of `directory`, and its path goes on behind a
    /// slash; and holds nothing that a server may take for other components than it looks like.
    pub(crate) fn is_below(&self, directory: &Url) -> bool {
        let path = self.0.path();
        let lower = path.to_ascii_lowercase();
        let is_plain = !["%2e", "%2f", "%5c"]
            .iter()
            .any(|code| lower.contains(code));
        let inside = directory.0.path();
        let is_inside = path.starts_with(inside) && inside.ends_with('/');
        self.0.origin() == directory.0.origin() && is_plain && is_inside
    }

    /// The URL of a path below that of this one, whose parts have no meaning of their own.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn below<'part>(&self, parts: impl Iterator<Item = &'part str>) -> Result<Self, UrlError> {
        let mut url = self.0.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(parts),
            Err(()) => return Err(UrlError::Scheme),
        };
        Self::new(url)
    }

    /// Adds to the query.
    pub fn ask(&mut self, name: &str, value: &str) {
        self.0.query_pairs_mut().append_pair(name, value);
    }

    /// The whole of it, secrets included.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// What comes before the colon, in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// The last part of its path, with its `%` escapes undone; none where it ends with a slash.
    #[must_use]
    pub fn file_name(&self) -> Option<String> {
        let last = self.0.path_segments()?.next_back()?;
        let name = percent_decode_str(last).decode_utf8_lossy();
        Some(name.into_owned()).filter(|name| !name.is_empty())
    }

    /// The host: a name, or an address (of version 6 without its brackets).
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.0.host_str().unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, also where it is the scheme's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        let known = match self.scheme() {
            "ftps" => Some(990),
            "ftpes" => Some(21),
            _ => self.0.port_or_known_default(),
        };
        self.0.port().or(known).unwrap_or_default()
    }

    /// Whether scheme, host and port are those of another URL.
    #[must_use]
    pub fn has_origin_of(&self, other: &Url) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// The user, with percent signs as in the URL; empty without one.
    pub(crate) fn user(&self) -> &str {
        self.0.username()
    }

    /// The password, likewise.
    pub(crate) fn password(&self) -> &str {
        self.0.password().unwrap_or_default()
    }

    /// The path, likewise.
    pub(crate) fn path(&self) -> &str {
        self.0.path()
    }
}

/// Scheme, host, port and path: neither user nor query.
impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        write!(formatter, "{}://{host}", self.0.scheme())?;
        if let Some(port) = self.0.port() {
            write!(formatter, ":{port}")?;
        }
        formatter.write_str(self.0.path())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Url({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        let url =
            Url::parse("https://me:hunter2@Example.org:8443/a%20b/c?token=hunter2#x").unwrap();
        assert_eq!(url.to_string(), "https://example.org:8443/a%20b/c");
        assert_eq!(format!("{url:?}"), "Url(https://example.org:8443/a%20b/c)");
        assert_eq!(
            url.expose(),
            "https://me:hunter2@example.org:8443/a%20b/c?token=hunter2"
        );
        for scheme in SCHEMES {
            let host = |text: &str| {
                Url::parse(&format!("{scheme}://{text}/x"))
                    .unwrap()
                    .host()
                    .to_owned()
            };
            assert_eq!(host("[::1]:80"), "::1");
            assert_eq!(host("Example.ORG"), "example.org");
            assert_eq!(host("0x7f.1"), "127.0.0.1");
        }
        assert_eq!(Url::parse("http://[::1]:80/").unwrap().host(), "::1");
        assert_eq!(Url::parse("http://x/").unwrap().file_name(), None);
        let url = Url::parse("http://x/a/b%20c?d/e").unwrap();
        assert_eq!(url.file_name().as_deref(), Some("b c"));
    }

    #[test]
    fn what_cannot_be_fetched_is_refused_without_quoting_it() {
        for text in [
            "",
            "http:",
            "http://",
            "ftps://",
            "ftps:///hunter2",
            "ftps://a b/hunter2",
            "ftp:",
            "file:///etc/hunter2",
            "dict://hunter2:11211/x",
            "http://hunter2/a\nb",
            "/hunter2",
        ] {
            let fault = Url::parse(text).unwrap_err().to_string();
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }
}
