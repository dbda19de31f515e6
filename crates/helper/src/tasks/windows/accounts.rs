//! ChangePassword: passwords and SSH keys of Windows' users.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Secret;
use zeroize::Zeroizing;

use super::{answer_file, edit, ssh_server, when_passwords_are_set};
use crate::error::{Error, Result};
use crate::guest::authorized_keys;
use crate::guest::windows::answer_file::{Candidate, Pass};
use crate::guest::windows::first_boot::{self, Administrator, Moment};
use crate::guest::windows::password::{self, ADMINISTRATOR, LONGEST};
use crate::guest::windows::registry::{Hive, Purpose};
use crate::guest::windows::system::SAM;
use crate::run::context::{Context, Done};

/// What no name of an account can hold (Microsoft's "Naming conventions", `LMCONS`).
const ILLEGAL: &str = "\"/\\[]:;|=,+*?<>@";

/// The key of SAM whose keys are the names of accounts.
const NAMES: &str = r"SAM\Domains\Account\Users\Names";

/// Has setup set the password of the administrator and of the accounts that it makes, and a script
/// that of accounts which the image has, or all where Cloudbase-Init is used; puts the keys where the
/// OpenSSH server looks for those of administrators.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let parameters = context.parameters;
    if parameters.password_hash.is_some() {
        return Err(Error::image(
            "Windows cannot take a password hash: give the password itself",
        ));
    }
    let keys = authorized_keys::lines(&parameters.authorized_keys);
    if parameters.password.is_none() && keys.is_empty() {
        let reason = "neither a password nor SSH keys were given";
        return Ok(Done::Skipped(reason.into()));
    }
    let users = users(context)?;
    if let Some(password) = &parameters.password {
        set_password(context, &users, password)?;
    }
    if !keys.is_empty() {
        let script = first_boot::administrators_keys(&keys);
        first_boot::add(
            context.root()?,
            Moment::EndOfSetup,
            "30-ssh-keys.ps1",
            &script,
        )?;
        ssh_server::see_to_it(context)?;
        let others: Vec<_> = (users.iter())
            .filter(|user| !password::is_administrator(user))
            .map(String::as_str)
            .collect();
        if !others.is_empty() {
            let text = format!(
                "the SSH keys hold for administrators: {} can log in with them only as a member of \
                 that group",
                others.join(", ")
            );
            context.reporter.warning(&text);
        }
    }
    Ok(Done::Yes)
}

/// The names in property `USERS`, each once.
fn users(context: &Context<'_>) -> Result<Vec<String>> {
    let given = context.parameters.properties.users()?;
    let given = given.unwrap_or_else(|| vec![ADMINISTRATOR]);
    let mut names: Vec<String> = Vec::new();
    for name in given {
        if name.contains(|sign| ILLEGAL.contains(sign)) {
            return Err(Error::image(format!(
                "{name:?} cannot be the name of a user of Windows: check property USERS"
            )));
        }
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Looks whether the image has these accounts.
fn check_accounts(context: &Context<'_>, users: &[&str]) -> Result<()> {
    if users.is_empty() || context.windows.is_none() {
        return Ok(());
    }
    let hive = Hive::open(context.root()?, SAM, Purpose::Read)?;
    let hive = hive.ok_or_else(|| Error::image(format!("the image has no {SAM}")))?;
    for user in users {
        if !hive.has_key(&format!("{NAMES}\\{user}"))? {
            return Err(Error::image(format!(
                "the image has no user {user:?}, and its answer file makes none: check property USERS"
            )));
        }
    }
    Ok(())
}

fn set_password(context: &mut Context<'_>, users: &[String], password: &Secret) -> Result<()> {
    let password = password.expose();
    if password.encode_utf16().count() > LONGEST {
        return Err(Error::image(format!(
            "the password is longer than {LONGEST} characters, the most that Windows Setup takes"
        )));
    }
    let is_server = (context.windows.as_ref()).is_some_and(|windows| windows.is_server);
    if is_server && !password::is_complex(password) {
        context.reporter.warning(
            "the password is simple: unless the image was changed in that, a Windows server takes none below 6 \
             characters or with fewer than three of upper case, lower case, digits and other signs, and its \
             setup stops at that",
        );
    }
    let moment = when_passwords_are_set(context);
    let script = match moment {
        Moment::EndOfSetup => by_setup(context, users, password)?,
        Moment::AfterCloudbaseInit(_) => after_cloudbase_init(context, users, password)?,
    };
    first_boot::add(context.root()?, moment, "10-accounts.ps1", &script)
}

/// Has setup set the passwords of the administrator and of accounts that it makes; the script is for the others.
fn by_setup(context: &Context<'_>, users: &[String], password: &str) -> Result<Zeroizing<Vec<u8>>> {
    let mut existing = Vec::new();
    edit(context, Pass::OobeSystem, |file| {
        for user in users {
            if password::is_of_setup(file, user) {
                password::set(file, user, password)?;
            } else {
                existing.push(user.as_str());
            }
        }
        Ok(())
    })?;
    check_accounts(context, &existing)?;
    let administrator = if users.iter().any(|user| password::is_administrator(user)) {
        Administrator::SwitchedOn
    } else {
        Administrator::Left
    };
    Ok(first_boot::accounts(&existing, password, administrator))
}

/// Has the script set all passwords: Cloudbase-Init gives its user a random one, which may be that of the
/// administrator, and the answer file is its own.
fn after_cloudbase_init(
    context: &Context<'_>,
    users: &[String],
    password: &str,
) -> Result<Zeroizing<Vec<u8>>> {
    let mut made = match answer_file(context, Pass::OobeSystem)? {
        Some(Candidate { file, .. }) => password::local_accounts(&file),
        None => Vec::new(),
    };
    made.extend(context.cloudbase_init.iter().map(|used| used.user.clone()));
    let is_made = |user: &str| {
        made.iter()
            .any(|own| own.to_lowercase() == user.to_lowercase())
    };
    let (administrators, others): (Vec<_>, Vec<_>) =
        (users.iter().map(String::as_str)).partition(|user| password::is_administrator(user));
    let existing: Vec<_> = others
        .iter()
        .copied()
        .filter(|user| !is_made(user))
        .collect();
    check_accounts(context, &existing)?;
    let administrator = if administrators.is_empty() {
        Administrator::Left
    } else {
        Administrator::Given
    };
    Ok(first_boot::accounts(&others, password, administrator))
}

/// CreateUser.
///
/// # Errors
/// When a user is to be made: an answer file has its own way of doing that.
pub(super) fn create(context: &Context<'_>) -> Result<Done> {
    match context.parameters.properties.create_user()? {
        None => Ok(Done::Skipped("property CREATE_USER is not given".into())),
        Some(_) => Err(Error::image(
            "property CREATE_USER makes no user of Windows: name one in the LocalAccounts of an answer \
             file (os_answer_file) instead",
        )),
    }
}

#[cfg(test)]
mod tests;
