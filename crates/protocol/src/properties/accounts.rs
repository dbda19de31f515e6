//! Properties about accounts: a user to make, and what that user may do.
// SPDX-License-Identifier: BSD-2-Clause

use super::{Properties, PropertyError, meaning};

/// The longest login name that utmp(5) holds, in bytes.
const MAX_LOGIN: usize = 32;

/// The largest user id: the one above means "none" to chown(2).
const MAX_UID: u32 = u32::MAX - 1;

/// A user that the image gets, property `CREATE_USER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The login name.
    pub name: String,
    /// The user id; without it the next that is free.
    pub uid: Option<u32>,
    /// Groups of the image that the user becomes a member of, beside the own one.
    pub groups: Vec<String>,
    /// The login shell; without it bash where the image has it, else sh.
    pub shell: Option<String>,
    /// Whether the user may do everything.
    pub rights: Rights,
}

/// What a new user may do as root, property `CREATE_USER_SUDO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// `no`: nothing
    None,
    /// `password`: everything, with the own password
    Password,
    /// `nopasswd`: everything, without a password
    NoPassword,
}

impl Properties {
    /// The user to make, if one is asked for.
    ///
    /// # Errors
    /// When one of the properties of it means nothing, or there is no user for it.
    pub fn create_user(&self) -> Result<Option<NewUser>, PropertyError> {
        let Some(value) = self.given("CREATE_USER") else {
            let mut about = ["CREATE_USER_SHELL", "CREATE_USER_SUDO"].into_iter();
            return match about.find_map(|name| Some((name, self.given(name)?))) {
                Some((name, value)) => Err(meaning(
                    name,
                    value,
                    "it is about the user of CREATE_USER, which is not given",
                )),
                None => Ok(None),
            };
        };
        let mut parts = value.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let uid = match parts.next().unwrap_or_default() {
            "" => Some(None),
            digits => user_id(digits).map(Some),
        };
        let groups: Vec<_> = match parts.next().unwrap_or_default() {
            "" => Vec::new(),
            list => list.split(',').map(str::to_owned).collect(),
        };
        let is_valid = is_login(name) && groups.iter().all(|group| is_login(group));
        let Some(uid) = uid.filter(|_| is_valid) else {
            return Err(meaning(
                "CREATE_USER",
                value,
                "it is NAME, NAME:UID or NAME:UID:GROUP,GROUP, where UID may be empty; a name begins with \
                 a small letter or an underscore and goes on with these, digits, dots and hyphens, up to 32",
            ));
        };
        Ok(Some(NewUser {
            name: name.to_owned(),
            uid,
            groups,
            shell: self.shell()?,
            rights: self.rights()?,
        }))
    }

    fn shell(&self) -> Result<Option<String>, PropertyError> {
        let Some(value) = self.given("CREATE_USER_SHELL") else {
            return Ok(None);
        };
        let is_plain = |sign: char| sign.is_ascii_graphic() && sign != ':';
        if value.starts_with('/') && !value.ends_with('/') && value.chars().all(is_plain) {
            return Ok(Some(value.to_owned()));
        }
        Err(meaning(
            "CREATE_USER_SHELL",
            value,
            "it is the absolute path of a shell, without blanks and colons",
        ))
    }

    fn rights(&self) -> Result<Rights, PropertyError> {
        match self.given("CREATE_USER_SUDO") {
            None | Some("no") => Ok(Rights::None),
            Some("password") => Ok(Rights::Password),
            Some("nopasswd") => Ok(Rights::NoPassword),
            Some(value) => Err(meaning(
                "CREATE_USER_SUDO",
                value,
                "it is one of no, password, nopasswd",
            )),
        }
    }
}

/// An id other than root's.
fn user_id(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let id = digits.parse().ok().filter(|id| *id <= MAX_UID);
    id.filter(|_| plain)
}

/// Names that useradd(8) takes without force and that mean nothing else in sudoers(5).
fn is_login(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let next = |byte: u8| first(byte) || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    name.len() <= MAX_LOGIN && bytes.next().is_some_and(first) && bytes.all(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Option<NewUser>, PropertyError> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Properties(pairs.collect()).create_user()
    }

    #[test]
    fn a_user_has_a_name_and_perhaps_more() {
        let user = of(&[("CREATE_USER", "admin")]).unwrap().unwrap();
        assert_eq!(
            (user.name.as_str(), user.uid, user.groups.len()),
            ("admin", None, 0)
        );
        assert_eq!((user.shell, user.rights), (None, Rights::None));
        let user = of(&[
            ("CREATE_USER", "a.b-c_1::sudo,adm"),
            ("CREATE_USER_SHELL", "/bin/zsh"),
            ("CREATE_USER_SUDO", "nopasswd"),
        ]);
        let user = user.unwrap().unwrap();
        assert_eq!((user.uid, user.rights), (None, Rights::NoPassword));
        assert_eq!(user.groups, ["sudo", "adm"]);
        assert_eq!(user.shell.unwrap(), "/bin/zsh");
        assert_eq!(
            of(&[("CREATE_USER", "x:1234")]).unwrap().unwrap().uid,
            Some(1234)
        );
        assert_eq!(of(&[("CREATE_USER", "")]).unwrap(), None);
    }

    #[test]
    fn what_useradd_or_sudo_would_read_otherwise_is_refused() {
        for value in [
            "Admin",
            "ALL",
            "1st",
            "-x",
            "a b",
            "a:0",
            "a:01",
            "a:-1",
            "a:4294967295",
            "a:x",
            "a:1:sudo,",
            "a:1:SU DO",
            "a:1:b:c",
            ":1",
            "a\nb",
            "%wheel",
            "é",
            "a23456789012345678901234567890123",
        ] {
            assert!(of(&[("CREATE_USER", value)]).is_err(), "{value:?}");
        }
        for (name, value) in [
            ("CREATE_USER_SHELL", "bash"),
            ("CREATE_USER_SHELL", "/bin/a:b"),
            ("CREATE_USER_SHELL", "/bin/ba sh"),
            ("CREATE_USER_SHELL", "/bin/"),
            ("CREATE_USER_SUDO", "yes"),
        ] {
            assert!(
                of(&[("CREATE_USER", "a"), (name, value)]).is_err(),
                "{name}={value}"
            );
            assert!(of(&[(name, "x")]).is_err(), "{name} alone");
        }
    }
}
