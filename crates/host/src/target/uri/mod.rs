//! Disks behind URIs, as Ganeti and QEMU write them, taken apart by ourselves.
//!
//! QEMU would take a name such as `json:…` or `fat:/etc` as well. It never sees a name: what is
//! read here becomes typed options (docs/targets.md lists the protocols).
// SPDX-License-Identifier: BSD-2-Clause

mod authority;
mod ceph;
mod gluster;
mod http;
mod iscsi;
mod nbd;
mod rbd;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use crate::exporter::Protocol;

/// The longest URI, in bytes.
const LONGEST: usize = 4096;

/// The files by which the C library looks up names.
const RESOLVER: [&str; 6] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/run/systemd/resolve",
];

/// A disk that is reached by a protocol. What it shows of itself holds no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Uri(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Nbd(nbd::Nbd),
    Iscsi(iscsi::Iscsi),
    Rbd(rbd::Rbd),
    Gluster(gluster::Gluster),
    Http(http::Http),
}

/// Why a text is no URI of a disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// Its protocol is none of those that are known.
    #[error(
        "there are no disks by protocol {0:?}; known are nbd, iscsi, rbd, gluster and, for reading only, http and https"
    )]
    Scheme(String),
    /// It cannot be understood.
    #[error("a disk's URI by {scheme} {reason}")]
    Malformed {
        /// Its protocol.
        scheme: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// It is too long, or holds signs that no URI holds.
    #[error("a disk's URI has at most 4096 bytes and neither spaces nor control characters")]
    Signs,
}

/// Why a disk's protocol cannot be prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// It can only be read.
    #[error("by http a disk can only be read")]
    ReadOnly,
    /// Its socket is not there.
    #[error("cannot connect to {}: {error}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Ceph's key cannot be read.
    #[error("cannot read the key of {user} in {}: {error}", path.display())]
    Key {
        /// The user of Ceph.
        user: String,
        /// The keyring.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Uri {
    /// Whether a text, such as an argument of the command line, is a URI of a disk and no path. A
    /// file of such a name is reached by `./`.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let scheme = text.split_once(':').map(|(scheme, _)| scheme);
        scheme.is_some_and(|scheme| {
            let plain = scheme.split_once('+').map_or(scheme, |(plain, _)| plain);
            matches!(
                plain,
                "nbd"
                    | "nbds"
                    | "iscsi"
                    | "iser"
                    | "rbd"
                    | "gluster"
                    | "http"
                    | "https"
                    | "ftp"
                    | "ftps"
                    | "tftp"
                    | "ssh"
                    | "nfs"
                    | "sheepdog"
                    | "json"
            )
        })
    }

    /// What QEMU is told of it. This opens the socket or reads the keyring that it names.
    ///
    /// # Errors
    /// See [`ProtocolError`].
    pub fn protocol(&self, read_only: bool) -> Result<Protocol, ProtocolError> {
        match &self.0 {
            Kind::Nbd(nbd) => nbd.protocol(read_only),
            Kind::Iscsi(iscsi) => Ok(iscsi.protocol(read_only)),
            Kind::Rbd(rbd) => rbd.protocol(read_only),
            Kind::Gluster(gluster) => Ok(gluster.protocol(read_only)),
            Kind::Http(http) if read_only => Ok(http.protocol()),
            Kind::Http(_) => Err(ProtocolError::ReadOnly),
        }
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let odd = |sign: char| sign.is_control() || sign.is_whitespace();
        if text.len() > LONGEST || text.contains(odd) {
            return Err(UriError::Signs);
        }
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        let malformed = |scheme| move |reason| UriError::Malformed { scheme, reason };
        let kind = match scheme {
            "nbd" | "nbd+tcp" | "nbd+unix" => {
                let is_unix = scheme == "nbd+unix";
                Kind::Nbd(nbd::parse(is_unix, rest).map_err(malformed("nbd"))?)
            }
            "iscsi" => Kind::Iscsi(iscsi::parse(rest).map_err(malformed("iscsi"))?),
            "rbd" => Kind::Rbd(rbd::parse(rest).map_err(malformed("rbd"))?),
            "gluster" | "gluster+tcp" | "gluster+unix" => {
                let is_unix = scheme == "gluster+unix";
                Kind::Gluster(gluster::parse(is_unix, rest).map_err(malformed("gluster"))?)
            }
            "http" | "https" => Kind::Http(http::parse(text).map_err(malformed("http"))?),
            other => return Err(UriError::Scheme(other.chars().take(32).collect())),
        };
        Ok(Uri(kind))
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Nbd(nbd) => nbd.fmt(formatter),
            Kind::Iscsi(iscsi) => iscsi.fmt(formatter),
            Kind::Rbd(rbd) => rbd.fmt(formatter),
            Kind::Gluster(gluster) => gluster.fmt(formatter),
            Kind::Http(http) => http.fmt(formatter),
        }
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Uri({self})")
    }
}

#[cfg(test)]
mod tests;
