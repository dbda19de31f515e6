//! Sets passwords and SSH keys of users.
// SPDX-License-Identifier: BSD-2-Clause

mod first_start;
mod keys;

use snf_image_protocol::{HashMethod, Secret};

use crate::error::{Error, Result};
use crate::guest::passwd::{self, User};
use crate::guest::root::{ACCOUNTS_LIMIT, Attributes, Root};
use crate::guest::{authorized_keys, crypt, shadow};
use crate::run::context::{Context, Done};

const PASSWD: &str = "/etc/passwd";
const SHADOW: &str = "/etc/shadow";

/// Whose password is set when property `USERS` is not given.
const DEFAULT_USER: &str = "root";

/// Gives every user of property `USERS` the password and adds the keys to those that the
/// image's SSH server reads. All users are looked up before anything is changed.
///
/// # Errors
/// When a user is unknown, when passwords are not kept in shadow(5), or when a file cannot
/// be changed.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let parameters = context.parameters;
    let keys = authorized_keys::lines(&parameters.authorized_keys);
    let has_password = parameters.password.is_some() || parameters.password_hash.is_some();
    if !has_password && keys.is_empty() {
        let reason = "neither a password nor SSH keys were given";
        return Ok(Done::Skipped(reason.into()));
    }
    let names = users(context)?;
    let hashes = hashes(context, names.len())?;
    let root = context.root()?;
    let cloud_init = context.cloud_init.as_ref();
    let (now, later) = first_start::divide(root, cloud_init, &names)?;
    let users = look_up(root, &now)?;
    if !hashes.is_empty() {
        set_passwords(root, &users, &hashes)?;
    }
    // cloud-init has them for its own user already.
    let is_done = cloud_init.is_some_and(|found| found.takes_keys(&parameters.properties));
    let keys = if is_done { Vec::new() } else { keys };
    if !keys.is_empty() {
        keys::add(root, &users, &keys)?;
    }
    if let Some(found) = cloud_init {
        first_start::tell(root, found, &names, later, hashes.last(), &keys)?;
    }
    Ok(Done::Yes)
}

/// The names in property `USERS`, each once.
fn users(context: &Context<'_>) -> Result<Vec<String>> {
    let given = context
        .parameters
        .properties
        .users()
        .map_err(|error| Error::image(error.to_string()))?
        .unwrap_or_else(|| vec![DEFAULT_USER]);
    let mut names = Vec::new();
    for name in given {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// One hash for each user, each with salt of its own; none when no password is set.
fn hashes(context: &mut Context<'_>, count: usize) -> Result<Vec<Secret>> {
    let parameters = context.parameters;
    if let Some(hash) = &parameters.password_hash {
        if !crypt::is_hash(hash) {
            return Err(Error::image(
                "the password hash is not valid: it must be printable ASCII without blanks \
                 and colons, as crypt(5) describes it",
            ));
        }
        return Ok(vec![hash.clone(); count]);
    }
    let Some(password) = &parameters.password else {
        return Ok(Vec::new());
    };
    let method = parameters
        .properties
        .hash_method()
        .map_err(|error| Error::image(error.to_string()))?
        .unwrap_or(HashMethod::Sha512);
    (0..count)
        .map(|_| crypt::hash(password, method, &mut context.random))
        .collect()
}

fn look_up(root: &Root, names: &[String]) -> Result<Vec<User>> {
    let Some(table) = root.read(PASSWD, ACCOUNTS_LIMIT)? else {
        return Err(Error::image(format!("the image has no {PASSWD}")));
    };
    names
        .iter()
        .map(|name| {
            passwd::user(&table, name).ok_or_else(|| {
                Error::image(format!(
                    "the image has no user {name:?} in {PASSWD}: check property USERS"
                ))
            })
        })
        .collect()
}

fn set_passwords(root: &Root, users: &[User], hashes: &[Secret]) -> Result<()> {
    let Some(mut table) = root.read(SHADOW, ACCOUNTS_LIMIT)? else {
        return Err(Error::image(format!(
            "the image has no {SHADOW}: passwords can only be set where they are kept there"
        )));
    };
    let today = shadow::today();
    for (user, hash) in users.iter().zip(hashes) {
        if !user.is_shadowed {
            return Err(Error::image(format!(
                "the password of user {:?} is not kept in {SHADOW}: its field in {PASSWD} is \
                 not x; run pwconv in the image",
                user.name
            )));
        }
        table =
            shadow::with_password(&table, &user.name, hash.expose(), today).ok_or_else(|| {
                Error::image(format!(
                    "user {:?} has no line in {SHADOW} of the image; run pwconv in the image",
                    user.name
                ))
            })?;
    }
    root.rewrite(SHADOW, &table, Attributes::of_root(0o600))
}

#[cfg(test)]
mod tests;
