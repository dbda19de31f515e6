//! Passwords in an answer file, in the form that nobody reads by chance.
//!
//! The form is no secret: the password with the name of its element behind it, as base64 of
//! UTF-16. Setup takes the element out of its own copy when it is done.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::answer_file::{AnswerFile, AnswerFileError, Pass, SHELL_SETUP, Step};
use super::power_shell::base64_of;

/// The account of the administrator, which every Windows has. The answer file knows it by its
/// number (500), whatever the name is in the image's language.
pub const ADMINISTRATOR: &str = "Administrator";

/// The longest password that the answer file and Windows' own programs take, in UTF-16 units:
/// `PWLEN` of lmcons.h is 256, the answer file's reference says 127.
pub const LONGEST: usize = 127;

/// The shortest password, and the fewest classes of characters in it, that Windows takes where passwords must be complex,
/// as they must on servers unless somebody has changed that (Microsoft, "Passwords must meet complexity requirements").
const SHORTEST: usize = 6;
const FEWEST_CLASSES: usize = 3;

const ACCOUNTS: Step<'_> = Step::Element("UserAccounts");
const AUTO_LOGON: Step<'_> = Step::Element("AutoLogon");

/// Whether a name is that of the administrator.
#[must_use]
pub fn is_administrator(user: &str) -> bool {
    user.eq_ignore_ascii_case(ADMINISTRATOR)
}

/// Whether a password is long enough, and has enough of: upper case, lower case, digits, letters that have no case, all
/// else.
#[must_use]
pub fn is_complex(password: &str) -> bool {
    let class = |sign: char| match sign {
        '0'..='9' => 0,
        _ if sign.is_uppercase() => 1,
        _ if sign.is_lowercase() => 2,
        _ if sign.is_alphabetic() => 3,
        _ => 4,
    };
    let classes: BTreeSet<_> = password.chars().map(class).collect();
    password.encode_utf16().count() >= SHORTEST && classes.len() >= FEWEST_CLASSES
}

/// The accounts that setup makes from the answer file.
#[must_use]
pub fn local_accounts(file: &AnswerFile) -> Vec<String> {
    let mut names = Vec::new();
    for architecture in file.architectures() {
        let path = [
            Step::Settings(Pass::OobeSystem),
            Step::Component(SHELL_SETUP, *architecture),
            ACCOUNTS,
            Step::Element("LocalAccounts"),
            Step::Element("LocalAccount"),
        ];
        names.extend(file.values(&path, "Name"));
    }
    names
}

/// Whether setup itself gives this user the password: it is the administrator, or an account that
/// setup makes.
#[must_use]
pub fn is_of_setup(file: &AnswerFile, user: &str) -> bool {
    is_administrator(user)
        || local_accounts(file)
            .iter()
            .any(|name| name.to_lowercase() == user.to_lowercase())
}

/// Gives the password to a user for whom [`is_of_setup`] holds, and to the automatic log-on as
/// this user where the file has one: it would fail with the old password.
///
/// # Errors
/// When the answer file cannot be changed.
pub fn set(file: &mut AnswerFile, user: &str, password: &str) -> Result<(), AnswerFileError> {
    if is_administrator(user) {
        let path = [ACCOUNTS, Step::Element("AdministratorPassword")];
        put(file, &path, "AdministratorPassword", password)?;
    } else {
        let account = Step::Item("LocalAccount", "Name", user);
        let accounts = Step::Element("LocalAccounts");
        let path = [ACCOUNTS, accounts, account, Step::Element("Password")];
        put(file, &path, "Password", password)?;
    }
    let logs_on = file.architectures().iter().any(|architecture| {
        let name = file.value(&[
            Step::Settings(Pass::OobeSystem),
            Step::Component(SHELL_SETUP, *architecture),
            AUTO_LOGON,
            Step::Element("Username"),
        ]);
        name.is_some_and(|name| name.to_lowercase() == user.to_lowercase())
    });
    if logs_on {
        put(
            file,
            &[AUTO_LOGON, Step::Element("Password")],
            "Password",
            password,
        )?;
    }
    Ok(())
}

fn put(
    file: &mut AnswerFile,
    path: &[Step<'_>],
    element: &str,
    password: &str,
) -> Result<(), AnswerFileError> {
    let encoded = encoded(password, element);
    for (name, value) in [("Value", encoded.as_str()), ("PlainText", "false")] {
        let mut path = path.to_vec();
        path.push(Step::Element(name));
        file.set(Pass::OobeSystem, SHELL_SETUP, &path, value)?;
    }
    Ok(())
}

/// The encoded form of a password in an element of this name.
#[must_use]
pub fn encoded(password: &str, element: &str) -> Zeroizing<String> {
    let both = Zeroizing::new(format!("{password}{element}"));
    base64_of(&both)
}

#[cfg(test)]
mod tests;
