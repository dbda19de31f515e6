//! `iscsi://[USER[%PASSWORD]@]HOST[:PORT]/TARGET/LUN`, the form of libiscsi.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::path::PathBuf;

use serde_json::json;
use zeroize::Zeroizing;

use super::RESOLVER;
use super::authority::Authority;
use crate::exporter::{Protocol, Secret, SecretForm};

/// The port of RFC 7143.
const PORT: u16 = 3260;

/// By this QEMU knows the password.
const PASSWORD: &str = "password";

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Iscsi {
    portal: Authority,
    target: String,
    lun: u32,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
}

/// Reads what follows the scheme and its colon.
pub(super) fn parse(rest: &str) -> Result<Iscsi, &'static str> {
    let rest = rest
        .strip_prefix("//")
        .ok_or("needs slashes behind iscsi:")?;
    if rest.contains('?') {
        return Err("takes nothing behind a question mark");
    }
    let (login, place) = match rest.rsplit_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, rest),
    };
    let (portal, place) = place.split_once('/').ok_or("needs a target and a LUN")?;
    let (target, lun) = place
        .split_once('/')
        .ok_or("needs a LUN behind the target")?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'_');
    // RFC 3720, 3.2.6.1.
    if target.is_empty() || target.len() > 223 || !target.bytes().all(fits) {
        return Err("has a target that is no iSCSI name");
    }
    if lun.is_empty() || !lun.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("has a LUN that is no number");
    }
    let lun = lun.parse().ok().filter(|lun| *lun < 1 << 14);
    let (user, password) = match login.map(|login| login.split_once('%').unwrap_or((login, ""))) {
        None => (None, None),
        Some((user, "")) => (Some(user.into()), None),
        Some((user, password)) => (Some(user.into()), Some(Zeroizing::new(password.into()))),
    };
    Ok(Iscsi {
        portal: Authority::parse(portal, PORT)?,
        target: target.into(),
        lun: lun.ok_or("has a LUN that is too large")?,
        user,
        password,
    })
}

impl Iscsi {
    pub(super) fn protocol(&self, read_only: bool) -> Protocol {
        let mut options = json!({
            "driver": "iscsi", "transport": "tcp", "portal": self.portal.to_string(),
            "target": self.target, "lun": self.lun,
        });
        let mut secrets = Vec::new();
        if let Some(options) = options.as_object_mut() {
            if let Some(user) = &self.user {
                options.insert("user".into(), user.as_str().into());
            }
            if let Some(password) = &self.password {
                options.insert("password-secret".into(), PASSWORD.into());
                secrets.push(Secret {
                    id: PASSWORD,
                    form: SecretForm::Raw,
                    text: password.clone(),
                });
            }
        }
        Protocol {
            options,
            secrets,
            socket: None,
            network: true,
            own_places: false,
            readable: RESOLVER.map(PathBuf::from).into(),
            read_only,
        }
    }
}

impl fmt::Display for Iscsi {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Iscsi {
            portal,
            target,
            lun,
            ..
        } = self;
        write!(formatter, "iscsi://{portal}/{target}/{lun}")
    }
}
