//! Leaves to cloud-init the user that it makes when the machine starts for the first time, and keeps it
//! from undoing what was done for the others.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Secret;

use super::PASSWD;
use crate::cloud_init::CloudInit;
use crate::cloud_init::seed::FirstStart;
use crate::error::Result;
use crate::guest::passwd;
use crate::guest::root::{ACCOUNTS_LIMIT, Root};
use crate::tasks::initialize_datasource;

/// The names of users that the image has to have, and whether the others are the one that cloud-init
/// makes.
pub(super) fn divide(
    root: &Root,
    found: Option<&CloudInit>,
    names: &[String],
) -> Result<(Vec<String>, bool)> {
    let to_come = found.and_then(|found| found.default_user.as_ref());
    let Some(to_come) = to_come.filter(|name| names.contains(name)) else {
        return Ok((names.to_vec(), false));
    };
    let table = root.read(PASSWD, ACCOUNTS_LIMIT)?.unwrap_or_default();
    if passwd::user(&table, to_come).is_some() {
        return Ok((names.to_vec(), false));
    }
    let others = names.iter().filter(|name| *name != to_come);
    Ok((others.cloned().collect(), true))
}

/// Writes it into cloud-init's configuration. `hash` is one that no user of the image has got.
pub(super) fn tell(
    root: &Root,
    found: &CloudInit,
    names: &[String],
    is_to_come: bool,
    hash: Option<&Secret>,
    keys: &[&str],
) -> Result<()> {
    let is_named = |name: &str| names.iter().any(|given| given == name);
    let has_password = hash.is_some();
    let default_user = found.default_user.as_deref();
    let content = FirstStart {
        has_password,
        has_root_keys: is_named("root") && !keys.is_empty(),
        unlocks_default_user: has_password && default_user.is_some_and(is_named),
        hash: hash.filter(|_| is_to_come),
        keys: if is_to_come { keys } else { &[] },
    };
    initialize_datasource::first_start(root, &content)
}
