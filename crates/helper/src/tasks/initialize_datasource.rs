//! Has cloud-init of the image find what this deployment says.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::CloudInit as Wanted;

use super::enforce_personality::stored;
use crate::cloud_init::detect::{Found, detect};
use crate::cloud_init::seed::{self, FirstStart};
use crate::cloud_init::{CLEAN_UP, CloudInit, FIRST_START, IDENTIFY, PIN, SEED, STALE};
use crate::error::{Error, Result};
use crate::guest::authorized_keys;
use crate::guest::root::{Attributes, Root};
use crate::run::context::{Context, Done};

/// What others may read.
const PUBLIC: Attributes = Attributes::of_root(0o644);

/// What may hold a secret.
const PRIVATE: Attributes = Attributes::of_root(0o600);

/// Decides whether cloud-init is used. Where it is, writes the seed of its datasource, pins that, and
/// removes what it knew of another machine. The later tasks leave to it what it does itself.
///
/// # Errors
/// When cloud-init was asked for and the image has none that starts, or when a file cannot be
/// written.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let parameters = context.parameters;
    let is_asked_for = match parameters.cloud_init()? {
        Wanted::Yes => true,
        Wanted::Auto => false,
        Wanted::No => return Ok(Done::Skipped("property CLOUD_INIT is not set".into())),
    };
    let found = match detect(context.root()?, is_asked_for)? {
        Found::Usable(found) => found,
        Found::Not(reason) if is_asked_for => {
            let asked = if parameters.user_data.is_some() {
                "user-data is given"
            } else {
                "property CLOUD_INIT=yes"
            };
            return Err(Error::image(format!(
                "{asked}, but {reason}: take it away, or use an image whose cloud-init starts"
            )));
        }
        Found::Not(reason) => return Ok(Done::Skipped(reason.into())),
    };
    let user_data = match &parameters.user_data {
        Some(name) => stored(&context.parameters_dir, name, "the user-data")?,
        None => seed::NO_USER_DATA.to_vec(),
    };
    let keys = if found.takes_keys(&parameters.properties) {
        authorized_keys::lines(&parameters.authorized_keys)
    } else {
        Vec::new()
    };
    let instance = seed::instance_id(&mut context.random);
    let meta_data = seed::meta_data(&instance, parameters.hostname.as_ref(), &keys);
    write(context.root()?, &meta_data, &user_data)?;
    context.reporter.notice(&told(&found));
    context.cloud_init = Some(found);
    Ok(Done::Yes)
}

fn write(root: &Root, meta_data: &str, user_data: &[u8]) -> Result<()> {
    for path in STALE {
        root.remove_all(path)?;
    }
    root.make_directories(SEED, Attributes::of_root(0o755))?;
    for (path, content, attributes) in [
        (format!("{SEED}/meta-data"), meta_data.as_bytes(), PRIVATE),
        (format!("{SEED}/user-data"), user_data, PRIVATE),
        (PIN.into(), seed::pin().as_bytes(), PUBLIC),
        (IDENTIFY.into(), seed::identify().as_bytes(), PUBLIC),
        (
            CLEAN_UP.into(),
            seed::clean_up().as_bytes(),
            Attributes::of_root(0o755),
        ),
    ] {
        put(root, &path, content, attributes)?;
    }
    first_start(root, &FirstStart::default())
}

/// Writes what only the first start needs, in place of what was there.
///
/// # Errors
/// When it cannot be written.
pub(super) fn first_start(root: &Root, content: &FirstStart<'_>) -> Result<()> {
    let text = content.text();
    put(root, FIRST_START, text.expose().as_bytes(), PRIVATE)
}

fn put(root: &Root, path: &str, content: &[u8], attributes: Attributes) -> Result<()> {
    if let Some((parent, _)) = path.rsplit_once('/') {
        root.make_directories(parent, Attributes::of_root(0o755))?;
    }
    root.install(path, content, attributes)
}

fn told(found: &CloudInit) -> String {
    let version = found
        .version
        .map(|(year, number)| format!(" {year}.{number}"))
        .unwrap_or_default();
    let user = found
        .default_user
        .as_deref()
        .map(|name| format!("; it makes the user {name:?}"))
        .unwrap_or_default();
    format!("cloud-init{version} of the image configures the machine{user}")
}

#[cfg(test)]
mod tests;
