//! What an FTP URL says, in the form that commands take.
// SPDX-License-Identifier: BSD-2-Clause

use percent_encoding::percent_decode_str;

use crate::source::Url;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// `ftp`: not at all.
    None,
    /// `ftps`: by TLS from the first byte on.
    Implicit,
    /// `ftpes`: by TLS after `AUTH TLS`.
    Explicit,
}

/// Where a file is, and who asks for it. Texts are bytes: FTP knows no encoding.
pub(super) struct Place {
    pub(super) security: Security,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: Vec<u8>,
    pub(super) password: Vec<u8>,
    /// From the user's directory on.
    pub(super) path: Vec<u8>,
}

impl Place {
    /// Takes a URL apart.
    pub(super) fn of(url: &Url) -> Result<Self, String> {
        let security = match url.scheme() {
            "ftps" => Security::Implicit,
            "ftpes" => Security::Explicit,
            _ => Security::None,
        };
        let decode = |text: &str| {
            let bytes: Vec<u8> = percent_decode_str(text).collect();
            // A line's end would begin another command.
            if bytes.iter().any(u8::is_ascii_control) {
                return Err("the URL holds a control character".to_owned());
            }
            Ok(bytes)
        };
        let (user, password) = match url.user() {
            "" => ("anonymous", "anonymous@"),
            user => (user, url.password()),
        };
        let path = url.path();
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix(";type=i").unwrap_or(path);
        if path.is_empty() || path.ends_with('/') {
            return Err("the URL names no file".into());
        }
        Ok(Place {
            security,
            host: url.host().into(),
            port: url.port(),
            user: decode(user)?,
            password: decode(password)?,
            path: decode(path)?,
        })
    }

    /// A command with its argument.
    pub(super) fn command(&self, verb: &str, argument: &[u8]) -> Vec<u8> {
        [verb.as_bytes(), b" ", argument].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Result<Place, String> {
        Place::of(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_url_says_where_and_who() {
        let there = place("ftp://example.org/pub/an%20image%3F;type=i").unwrap();
        assert_eq!((there.host.as_str(), there.port), ("example.org", 21));
        assert_eq!(there.user, b"anonymous");
        assert_eq!(there.path, b"pub/an image?");
        let there = place("ftps://me%40here:a%3Ab@Example.org/%2Fsrv/image").unwrap();
        assert_eq!((there.host.as_str(), there.port), ("example.org", 990));
        assert_eq!(there.user, b"me@here");
        assert_eq!(there.password, b"a:b");
        assert_eq!(there.path, b"/srv/image");
        let there = place("ftpes://[::1]:2121/x").unwrap();
        assert_eq!((there.host.as_str(), there.port), ("::1", 2121));
        assert_eq!(there.security, Security::Explicit);
    }

    #[test]
    fn no_second_command_comes_out_of_a_url() {
        for url in [
            "ftp://h/a%0d%0aDELE%20b",
            "ftp://a%0a:b@h/c",
            "ftp://a:b%0a@h/c",
            "ftp://h/%00",
            "ftp://h/",
            "ftp://h/directory/",
        ] {
            assert!(place(url).is_err(), "{url}");
        }
    }
}
