//! Barrier: user and group ids, in all three forms, and no supplementary groups but those given.
// SPDX-License-Identifier: BSD-2-Clause

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use crate::User;
use crate::error::{ConfineError, Doing};

/// Stops being root for good.
pub(crate) fn drop_root(user: &User) -> Result<(), ConfineError> {
    if user.is_root() {
        return Err(ConfineError::Root);
    }
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let groups: Vec<Gid> = user.groups.iter().copied().map(Gid::from_raw).collect();
    // Groups first: without root's user id they could no longer be changed.
    setgroups(&groups).doing("setting the supplementary groups")?;
    setresgid(gid, gid, gid).doing("setting the group id")?;
    setresuid(uid, uid, uid).doing("setting the user id")?;
    if setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok() {
        return Err(ConfineError::Root);
    }
    Ok(())
}
