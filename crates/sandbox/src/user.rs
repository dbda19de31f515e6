//! The user and groups that a confined program runs as.
// SPDX-License-Identifier: BSD-2-Clause

use serde::{Deserialize, Serialize};

/// Numeric ids, none of them root's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Supplementary groups; the user's own of group(5) are not taken over.
    pub groups: Vec<u32>,
}

/// Why a name gives no user for a confined program.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// passwd(5) and its network relatives do not know it.
    #[error("user {0:?} (HELPER_USER) does not exist on this node")]
    Unknown(String),
    /// It is root, or in root's group.
    #[error(
        "user {0:?} (HELPER_USER) is root or has root's group: name an unprivileged user instead"
    )]
    Root(String),
    /// The user database could not be read.
    #[error("cannot look up user {name:?} (HELPER_USER): {error}")]
    Lookup {
        /// The name asked for.
        name: String,
        /// What the system said.
        error: nix::Error,
    },
}

impl User {
    /// Looks a user up by its name.
    ///
    /// # Errors
    /// When there is none of that name or it is root.
    pub fn lookup(name: &str) -> Result<Self, UserError> {
        let found = nix::unistd::User::from_name(name)
            .map_err(|error| UserError::Lookup {
                name: name.into(),
                error,
            })?
            .ok_or_else(|| UserError::Unknown(name.into()))?;
        let user = User {
            uid: found.uid.as_raw(),
            gid: found.gid.as_raw(),
            groups: Vec::new(),
        };
        if user.is_root() {
            return Err(UserError::Root(name.into()));
        }
        Ok(user)
    }

    /// Whether any of its ids is root's, and hence of no use as a barrier.
    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0 || self.gid == 0 || self.groups.contains(&0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_user_is_refused_by_name() {
        let error = User::lookup("no-such-user").unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"user "no-such-user" (HELPER_USER) does not exist on this node"#
        );
    }

    #[test]
    fn root_is_refused() {
        assert!(matches!(User::lookup("root"), Err(UserError::Root(_))));
        assert!(User::lookup("nobody").unwrap().uid > 0);
    }
}
