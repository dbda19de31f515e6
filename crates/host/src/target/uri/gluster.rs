//! `gluster[+tcp]://[HOST[:PORT]]/VOLUME/PATH` and `gluster+unix:///VOLUME/PATH?socket=SOCKET`.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::path::PathBuf;

use serde_json::json;

use super::RESOLVER;
use super::authority::{self, Authority, decode};
use crate::exporter::Protocol;

/// The port of glusterd.
const PORT: u16 = 24007;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gluster {
    server: Server,
    volume: String,
    path: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Server {
    Tcp(Authority),
    Unix(String),
}

/// Reads what follows the scheme and its colon.
pub(super) fn parse(is_unix: bool, rest: &str) -> Result<Gluster, &'static str> {
    let rest = rest
        .strip_prefix("//")
        .ok_or("needs slashes behind gluster:")?;
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let (host, place) = place.split_once('/').ok_or("needs a volume and a path")?;
    let (volume, path) = place
        .split_once('/')
        .ok_or("needs a path behind the volume")?;
    let (volume, path) = (decode(volume)?, decode(path)?);
    if volume.is_empty() || path.is_empty() || path.split('/').any(|part| part == "..") {
        return Err("needs a volume and a path without dots");
    }
    let server = match (is_unix, host, query) {
        (true, "", query) => Server::Unix(authority::socket(query)?),
        (true, _, _) => return Err("has a host, and a socket has none"),
        (false, _, Some(_)) => return Err("takes nothing behind a question mark"),
        (false, "", None) => Server::Tcp(Authority::parse("localhost", PORT)?),
        (false, host, None) => Server::Tcp(Authority::parse(host, PORT)?),
    };
    Ok(Gluster {
        server,
        volume,
        path,
    })
}

impl Gluster {
    pub(super) fn protocol(&self, read_only: bool) -> Protocol {
        let server = match &self.server {
            Server::Tcp(authority) => authority.options(),
            Server::Unix(path) => json!({ "type": "unix", "path": path }),
        };
        Protocol {
            options: json!({
                "driver": "gluster", "volume": self.volume, "path": self.path, "server": [server],
                "logfile": "/dev/null",
            }),
            secrets: Vec::new(),
            socket: None,
            network: true,
            // libglusterfs 11 breaks down where pthread_setname_np(3) fails, and writes what the
            // server says of the volume into a temporary file.
            own_places: true,
            readable: RESOLVER.map(PathBuf::from).into(),
            read_only,
        }
    }
}

impl fmt::Display for Gluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Gluster {
            server,
            volume,
            path,
        } = self;
        match server {
            Server::Tcp(authority) => write!(formatter, "gluster://{authority}/{volume}/{path}"),
            Server::Unix(socket) => {
                write!(formatter, "gluster+unix:///{volume}/{path}?socket={socket}")
            }
        }
    }
}
