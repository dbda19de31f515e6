//! `nbd:`, `nbd://` and `nbd+unix:`.
//!
//! URIs: <https://github.com/NetworkBlockDevice/nbd/blob/master/doc/uri.md>; the older form
//! without slashes is described by qemu(1), "NBD".
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::json;

use super::authority::{self, Authority, decode};
use super::{ProtocolError, RESOLVER};
use crate::exporter::Protocol;

/// The port that IANA has given to it.
const PORT: u16 = 10809;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Nbd {
    server: Server,
    export: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Server {
    Tcp(Authority),
    Unix(PathBuf),
}

/// Reads what follows the scheme and its colon.
pub(super) fn parse(is_unix: bool, rest: &str) -> Result<Nbd, &'static str> {
    let Some(rest) = rest.strip_prefix("//") else {
        return if is_unix {
            Err("needs slashes behind nbd+unix:")
        } else {
            old_form(rest)
        };
    };
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let (authority, export) = place.split_once('/').unwrap_or((place, ""));
    let server = match (is_unix, authority, query) {
        (true, "", query) => Server::Unix(authority::socket(query)?.into()),
        (true, _, _) => return Err("has a host, and a socket has none"),
        (false, _, Some(_)) => return Err("takes nothing behind a question mark"),
        (false, authority, None) => Server::Tcp(Authority::parse(authority, PORT)?),
    };
    let export = decode(export)?;
    Ok(Nbd { server, export })
}

/// `HOST:PORT` or `unix:PATH`, and perhaps `:exportname=NAME`.
fn old_form(text: &str) -> Result<Nbd, &'static str> {
    let (server, export) = match text.split_once(":exportname=") {
        Some((server, export)) => (server, export),
        None => (text, ""),
    };
    let server = match server.strip_prefix("unix:") {
        Some(path) if path.starts_with('/') => Server::Unix(path.into()),
        Some(_) => return Err("needs an absolute path of its socket"),
        None => Server::Tcp(Authority::parse(server, PORT)?),
    };
    Ok(Nbd {
        server,
        export: export.into(),
    })
}

impl Nbd {
    pub(super) fn protocol(&self, read_only: bool) -> Result<Protocol, ProtocolError> {
        let (server, socket) = match &self.server {
            Server::Tcp(authority) => (authority.options(), None),
            // Opened here: whom the exporter runs as may not open it.
            Server::Unix(path) => {
                let socket = UnixStream::connect(path).map_err(|error| ProtocolError::Connect {
                    path: path.clone(),
                    error,
                })?;
                (
                    json!({ "type": "fd", "str": "server" }),
                    Some(socket.into()),
                )
            }
        };
        let network = socket.is_none();
        let files: &[&str] = if network { &RESOLVER } else { &[] };
        Ok(Protocol {
            options: json!({ "driver": "nbd", "server": server, "export": self.export }),
            secrets: Vec::new(),
            socket,
            network,
            own_places: false,
            readable: files.iter().map(PathBuf::from).collect(),
            read_only,
        })
    }
}

impl fmt::Display for Nbd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Server::Tcp(authority) => write!(formatter, "nbd://{authority}/{}", self.export),
            Server::Unix(path) => {
                let (export, path) = (&self.export, path.display());
                write!(formatter, "nbd+unix:///{export}?socket={path}")
            }
        }
    }
}
