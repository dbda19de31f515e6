//! `rbd:POOL[/NAMESPACE]/IMAGE[:KEY=VALUE…]`, the form of qemu(1) for images of Ceph.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::authority::Authority;
use super::ceph::{self, CONFIGURATION, DIRECTORY};
use super::{ProtocolError, RESOLVER};
use crate::exporter::{Protocol, Secret, SecretForm};

/// The pool where none is named.
const POOL: &str = "rbd";

/// The port of a monitor's older protocol.
const PORT: u16 = 6789;

/// By this QEMU knows the key.
const KEY: &str = "key";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rbd {
    pool: String,
    namespace: Option<String>,
    image: String,
    user: Option<String>,
    configuration: PathBuf,
    monitors: Vec<Authority>,
}

/// Reads what follows the scheme and its colon.
pub(super) fn parse(rest: &str) -> Result<Rbd, &'static str> {
    let mut parts = split(rest, ':').into_iter();
    let place = parts.next().unwrap_or_default();
    if split(&place, '@').len() > 1 {
        return Err("names a snapshot, which cannot be written");
    }
    let mut names: Vec<String> = Vec::new();
    for name in split(&place, '/') {
        let name = unescape(&name);
        if name.is_empty() {
            return Err("has an empty name");
        }
        names.push(name);
    }
    let (pool, namespace, image) = match names.as_slice() {
        [image] => (POOL.to_owned(), None, image),
        [pool, image] => (pool.clone(), None, image),
        [pool, namespace, image] => (pool.clone(), Some(namespace.clone()), image),
        _ => return Err("has too many names"),
    };
    let mut rbd = Rbd {
        pool,
        namespace,
        image: image.clone(),
        user: None,
        configuration: CONFIGURATION.into(),
        monitors: Vec::new(),
    };
    for part in parts {
        let part = unescape(&part);
        let (key, value) = part
            .split_once('=')
            .ok_or("has an option without a value")?;
        match key {
            "id" => rbd.user = Some(ceph::user(value)?),
            "conf" => rbd.configuration = ceph::configuration(value)?,
            "mon_host" => {
                for monitor in value.split([';', ',']) {
                    rbd.monitors.push(Authority::parse(monitor, PORT)?);
                }
            }
            _ => return Err("has an option that is none of id, conf and mon_host"),
        }
    }
    Ok(rbd)
}

/// Cuts at each of this sign that has no backslash before it.
fn split(text: &str, at: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for sign in text.chars() {
        if sign == at && !escaped {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(sign);
        }
        escaped = sign == '\\' && !escaped;
    }
    parts
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut signs = text.chars();
    while let Some(sign) = signs.next() {
        plain.push(match sign {
            '\\' => signs.next().unwrap_or('\\'),
            sign => sign,
        });
    }
    plain
}

impl Rbd {
    pub(super) fn protocol(&self, read_only: bool) -> Result<Protocol, ProtocolError> {
        let user = self.user.as_deref().unwrap_or(ceph::USER);
        let key = ceph::key(user)?;
        let mut options = json!({
            "driver": "rbd", "pool": self.pool, "image": self.image, "user": user,
        });
        let mut secrets = Vec::new();
        if let Some(options) = options.as_object_mut() {
            if let Some(namespace) = &self.namespace {
                options.insert("namespace".into(), namespace.as_str().into());
            }
            if self.configuration.exists() {
                let path = self.configuration.to_string_lossy();
                options.insert("conf".into(), path.as_ref().into());
            }
            if !self.monitors.is_empty() {
                let server = |monitor: &Authority| json!({ "host": monitor.host, "port": monitor.port.to_string() });
                let servers: Vec<Value> = self.monitors.iter().map(server).collect();
                options.insert("server".into(), servers.into());
            }
            if let Some(text) = key {
                options.insert("key-secret".into(), KEY.into());
                secrets.push(Secret {
                    id: KEY,
                    form: SecretForm::Base64,
                    text,
                });
            }
        }
        let mut readable: Vec<PathBuf> = RESOLVER.map(PathBuf::from).into();
        readable.push(DIRECTORY.into());
        Ok(Protocol {
            options,
            secrets,
            socket: None,
            network: true,
            own_places: false,
            readable,
            read_only,
        })
    }
}

impl fmt::Display for Rbd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "rbd:{}/", self.pool)?;
        if let Some(namespace) = &self.namespace {
            write!(formatter, "{namespace}/")?;
        }
        formatter.write_str(&self.image)
    }
}
