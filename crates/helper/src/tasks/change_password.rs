//! Sets passwords and SSH keys of users.
// SPDX-License-Identifier: BSD-2-Clause

mod first_start;
mod keys;

use snf_image_protocol::Secret;

use crate::error::{Error, Result};
use crate::guest::hashing::{self, Hashing};
use crate::guest::passwd::{self, User};
use crate::guest::root::{ACCOUNTS_LIMIT, Attributes, Root};
use crate::guest::{authorized_keys, crypt, shadow};
use crate::run::context::{Context, Done};

const PASSWD: &str = "/etc/passwd";
const SHADOW: &str = "/etc/shadow";

/// Whose password is set when neither property `USERS` nor `CREATE_USER` is given.
const DEFAULT_USER: &str = "root";

/// Login shells that let nobody in.
const NO_SHELLS: [&str; 2] = ["nologin", "false"];

/// Gives every user of property `USERS` the password and adds the keys to those that the
/// image's SSH server reads. All users are looked up before anything is changed.
///
/// # Errors
/// When a user is unknown, when there is no place for a password, or when a file cannot be
/// changed.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let parameters = context.parameters;
    let keys = authorized_keys::lines(&parameters.authorized_keys);
    let has_password = parameters.password.is_some() || parameters.password_hash.is_some();
    if !has_password && keys.is_empty() {
        let reason = "neither a password nor SSH keys were given";
        return Ok(Done::Skipped(reason.into()));
    }
    let names = users(context)?;
    let hashing = hashing(context)?;
    let hashes = hashes(context, hashing, names.len())?;
    let root = context.root()?;
    let cloud_init = context.cloud_init.as_ref();
    let (now, later) = first_start::divide(root, cloud_init, &names)?;
    let users = look_up(root, &now)?;
    let mut warnings: Vec<_> = users.iter().filter_map(without_shell).collect();
    if !hashes.is_empty() {
        set_passwords(root, &users, &hashes)?;
        // With keys there is a way in, and cloud-init switches logins by password on.
        if keys.is_empty() && cloud_init.is_none() {
            warnings.extend(keys::without_password(root, &users)?);
        }
    }
    // cloud-init has them for its own user already.
    let is_done = cloud_init.is_some_and(|found| found.takes_keys(&parameters.properties));
    let keys = if is_done { Vec::new() } else { keys };
    if !keys.is_empty() {
        warnings.extend(keys::add(root, &users, &keys, hashes.is_empty())?);
    }
    if let Some(found) = cloud_init {
        first_start::tell(root, found, &names, later, hashes.last(), &keys)?;
    }
    for warning in warnings {
        context.reporter.warning(&warning);
    }
    Ok(Done::Yes)
}

/// The names in property `USERS`, each once; without it the user that was made.
fn users(context: &Context<'_>) -> Result<Vec<String>> {
    let properties = &context.parameters.properties;
    let made = properties.create_user()?;
    let default = made.as_ref().map_or(DEFAULT_USER, |made| &made.name);
    let given = properties.users()?.unwrap_or_else(|| vec![default]);
    let mut names = Vec::new();
    for name in given {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// How passwords are hashed: as property `PASSWD_HASHING_METHOD` says, else as the image does it.
fn hashing(context: &Context<'_>) -> Result<Hashing> {
    match context.parameters.properties.hash_method()? {
        Some(method) => Ok(method.into()),
        None => hashing::of(context.root()?),
    }
}

/// One hash for each user, each with salt of its own; none when no password is set.
fn hashes(context: &mut Context<'_>, hashing: Hashing, count: usize) -> Result<Vec<Secret>> {
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
    (0..count)
        .map(|_| crypt::hash(password, hashing, &mut context.random))
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

/// A warning for an account that nobody can log in to.
fn without_shell(user: &User) -> Option<String> {
    let shell = user.shell.file_name()?.to_str()?;
    NO_SHELLS.contains(&shell).then(|| {
        format!(
            "nobody can log in as user {:?} of the image: the login shell is {:?}",
            user.name, user.shell
        )
    })
}

/// Puts the hashes where the image keeps them: in shadow(5), or in passwd(5) on a system that
/// has no shadow(5) at all.
fn set_passwords(root: &Root, users: &[User], hashes: &[Secret]) -> Result<()> {
    let mut passwd = root.read(PASSWD, ACCOUNTS_LIMIT)?.unwrap_or_default();
    let mut shadow = root.read(SHADOW, ACCOUNTS_LIMIT)?;
    let has_new_passwd = users.iter().any(|user| !user.is_shadowed);
    let today = shadow::today();
    for (user, hash) in users.iter().zip(hashes) {
        let (name, hash) = (user.name.as_str(), hash.expose());
        let field = match &mut shadow {
            Some(table) => {
                *table = shadow::with_password(table, name, hash, today)
                    .unwrap_or_else(|| shadow::with_user(table, name, hash, today));
                "x"
            }
            None if user.is_shadowed => {
                return Err(Error::image(format!(
                    "the password of user {name:?} is kept in {SHADOW}, which the image does not \
                     have: run pwconv in the image"
                )));
            }
            None => hash,
        };
        if !user.is_shadowed {
            passwd = passwd::with_password(&passwd, name, field).unwrap_or(passwd);
        }
    }
    if let Some(shadow) = shadow {
        root.rewrite(SHADOW, &shadow, Attributes::of_root(0o600))?;
    }
    if has_new_passwd {
        root.rewrite(PASSWD, &passwd, Attributes::of_root(0o644))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
