//! Hosts, ports and percent-encoded names in URIs (RFC 3986).
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

use serde_json::{Value, json};

/// A host with a TCP port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    /// A name or an address, an IPv6 one without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Authority {
    /// Reads `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`.
    pub(super) fn parse(text: &str, usual_port: u16) -> Result<Self, &'static str> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or("has a bracket too few")?;
                let port = match rest {
                    "" => None,
                    rest => Some(rest.strip_prefix(':').ok_or("has more behind its host")?),
                };
                (host, port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let fits =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if host.is_empty() || host.len() > 255 || host.starts_with('-') || !host.bytes().all(fits) {
            return Err("names no host");
        }
        let port = match port {
            None => usual_port,
            Some(port) => number(port)?,
        };
        Ok(Authority {
            host: host.into(),
            port,
        })
    }

    /// As QEMU's InetSocketAddress.
    pub(super) fn options(&self) -> Value {
        json!({ "type": "inet", "host": self.host, "port": self.port.to_string() })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

/// A port: plain digits, not 0.
pub(super) fn number(text: &str) -> Result<u16, &'static str> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("has a port that is no number");
    }
    let port = text.parse().map_err(|_| "has a port that is no number")?;
    if port == 0 {
        return Err("has port 0");
    }
    Ok(port)
}

/// Undoes percent-encoding. What is not UTF-8 then, or holds a control character, is refused.
pub(super) fn decode(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| char::from(digit.unwrap_or(b'?')));
        let [high, low] = digits.map(|digit| digit.to_digit(16));
        let (Some(high), Some(low)) = (high, low) else {
            return Err("has a percent sign without two digits");
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or(0));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    if text.contains(char::is_control) {
        return Err("holds a control character");
    }
    Ok(text)
}

/// An absolute path of a socket, as `?socket=` gives it and nothing else.
pub(super) fn socket(query: Option<&str>) -> Result<String, &'static str> {
    let path = query.and_then(|query| query.strip_prefix("socket="));
    let path = decode(path.ok_or("needs ?socket=PATH and nothing more")?)?;
    if !path.starts_with('/') || path.contains('&') {
        return Err("needs an absolute path of its socket");
    }
    Ok(path)
}
