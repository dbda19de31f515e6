//! The tables of accounts of an image, changed in memory and written at once.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use snf_image_protocol::NewUser;

use crate::error::{Error, Result};
use crate::guest::login_defs::LoginDefs;
use crate::guest::passwd::{self, User};
use crate::guest::root::{ACCOUNTS_LIMIT, Attributes, Root};
use crate::guest::{shadow, table};

/// Where homes are (useradd(8)).
const HOMES: &str = "/home";

/// Who has no password yet and cannot log in with one.
const LOCKED: &str = "!";

/// The ids of people, and those that a user may give to containers: what the tools for
/// accounts take where login.defs(5) says nothing.
const PEOPLE: RangeInclusive<u32> = 1000..=60_000;
const CONTAINERS: RangeInclusive<u32> = 100_000..=600_100_000;
const CONTAINER_IDS: u32 = 65_536;

/// One table of the image. What is not there is not made.
struct Table {
    path: &'static str,
    content: Option<Vec<u8>>,
    is_changed: bool,
}

impl Table {
    fn read(root: &Root, path: &'static str) -> Result<Self> {
        Ok(Table {
            path,
            content: root.read(path, ACCOUNTS_LIMIT)?,
            is_changed: false,
        })
    }

    fn bytes(&self) -> &[u8] {
        self.content.as_deref().unwrap_or_default()
    }

    fn change(&mut self, changed: Vec<u8>) {
        if self.content.as_ref().is_some_and(|old| *old != changed) {
            self.content = Some(changed);
            self.is_changed = true;
        }
    }

    fn append(&mut self, line: &str) {
        self.change(table::appended(self.bytes(), line));
    }

    fn has(&self, name: &str) -> bool {
        table::named(self.bytes(), name).next().is_some()
    }

    fn write(&self, root: &Root) -> Result<()> {
        match &self.content {
            Some(content) if self.is_changed => {
                root.rewrite(Path::new(self.path), content, Attributes::of_root(0o600))
            }
            _ => Ok(()),
        }
    }
}

/// Everything that says who there is.
pub(super) struct Tables {
    passwd: Table,
    shadow: Table,
    group: Table,
    gshadow: Table,
    delegated: [Table; 2],
}

impl Tables {
    /// Reads the tables.
    ///
    /// # Errors
    /// When the image has no passwd(5) or group(5), or one cannot be read.
    pub(super) fn read(root: &Root) -> Result<Self> {
        let tables = Tables {
            passwd: Table::read(root, "/etc/passwd")?,
            shadow: Table::read(root, "/etc/shadow")?,
            group: Table::read(root, "/etc/group")?,
            gshadow: Table::read(root, "/etc/gshadow")?,
            delegated: [
                Table::read(root, "/etc/subuid")?,
                Table::read(root, "/etc/subgid")?,
            ],
        };
        match [&tables.passwd, &tables.group].map(|table| (table.path, &table.content)) {
            [(path, None), _] | [_, (path, None)] => {
                Err(Error::image(format!("the image has no {path}")))
            }
            _ => Ok(tables),
        }
    }

    /// Looks whether every group exists that the user becomes a member of.
    ///
    /// # Errors
    /// When one does not.
    pub(super) fn require_groups(&self, wanted: &NewUser) -> Result<()> {
        let is_missing = |name: &&String| passwd::group_id(self.group.bytes(), name).is_none();
        match wanted.groups.iter().find(is_missing) {
            Some(name) => Err(Error::image(format!(
                "the image has no group {name:?}: check property CREATE_USER"
            ))),
            None => Ok(()),
        }
    }

    /// The user, if the image has one of that name.
    ///
    /// # Errors
    /// When that one has another id.
    pub(super) fn known(&self, wanted: &NewUser) -> Result<Option<User>> {
        let user = passwd::user(self.passwd.bytes(), &wanted.name);
        match (&user, wanted.uid) {
            (Some(user), Some(uid)) if user.uid != uid => Err(Error::image(format!(
                "user {:?} of the image has the id {}, not {uid}: check property CREATE_USER",
                user.name, user.uid
            ))),
            _ => Ok(user),
        }
    }

    /// Adds a user with a group of the same name.
    ///
    /// # Errors
    /// When no id is free, or not that which is asked for.
    pub(super) fn add(
        &mut self,
        wanted: &NewUser,
        shell: &str,
        settings: &LoginDefs,
    ) -> Result<User> {
        let name = wanted.name.as_str();
        let users: BTreeSet<_> = passwd::user_ids(self.passwd.bytes()).collect();
        let groups: BTreeSet<_> = passwd::group_ids(self.group.bytes()).collect();
        let taken: BTreeSet<_> = users.union(&groups).copied().collect();
        let next = |bounds| {
            let free = free(range(settings, bounds, &PEOPLE), &taken);
            free.ok_or_else(|| Error::image("no id for a user is free in the image"))
        };
        let uid = match wanted.uid {
            Some(uid) if users.contains(&uid) => {
                return Err(Error::image(format!(
                    "the id {uid} is another user's in the image: check property CREATE_USER"
                )));
            }
            Some(uid) => uid,
            None => next(["UID_MIN", "UID_MAX"])?,
        };
        let gid = match passwd::group_id(self.group.bytes(), name) {
            Some(gid) => gid,
            None => {
                let gid = if groups.contains(&uid) {
                    next(["GID_MIN", "GID_MAX"])?
                } else {
                    uid
                };
                self.group.append(&format!("{name}:x:{gid}:"));
                self.gshadow.append(&format!("{name}:!::"));
                gid
            }
        };
        let is_shadowed = self.shadow.content.is_some();
        let password = if is_shadowed { "x" } else { LOCKED };
        let home = format!("{HOMES}/{name}");
        self.passwd
            .append(&format!("{name}:{password}:{uid}:{gid}::{home}:{shell}"));
        if !shadow::has(self.shadow.bytes(), name) {
            let today = shadow::today();
            self.shadow
                .change(shadow::with_user(self.shadow.bytes(), name, LOCKED, today));
        }
        Ok(User {
            name: name.to_owned(),
            is_shadowed,
            uid,
            gid,
            home: home.into(),
            shell: shell.into(),
        })
    }

    /// Makes the user a member of the groups.
    ///
    /// # Errors
    /// When one is not as group(5) says.
    pub(super) fn join(&mut self, wanted: &NewUser) -> Result<()> {
        for group in &wanted.groups {
            let changed = passwd::with_member(self.group.bytes(), group, &wanted.name);
            let changed = changed.ok_or_else(|| {
                Error::image(format!(
                    "the line of group {group:?} in /etc/group is not valid"
                ))
            })?;
            self.group.change(changed);
            if let Some(changed) = passwd::with_member(self.gshadow.bytes(), group, &wanted.name) {
                self.gshadow.change(changed);
            }
        }
        Ok(())
    }

    /// Gives the user ids for containers, subuid(5), where the image does so. Says whether there
    /// were none left.
    pub(super) fn delegate_ids(&mut self, name: &str, settings: &LoginDefs) -> bool {
        let names = [
            (["SUB_UID_MIN", "SUB_UID_MAX"], "SUB_UID_COUNT"),
            (["SUB_GID_MIN", "SUB_GID_MAX"], "SUB_GID_COUNT"),
        ];
        let mut is_full = false;
        for (delegated, (bounds, count)) in self.delegated.iter_mut().zip(names) {
            let count = settings.number(count).unwrap_or(CONTAINER_IDS);
            if delegated.content.is_none() || delegated.has(name) || count == 0 {
                continue;
            }
            let range = range(settings, bounds, &CONTAINERS);
            let ends = table::lines(delegated.bytes()).filter_map(|fields| {
                let [_, start, count] = fields.as_slice() else {
                    return None;
                };
                table::number(start)?.checked_add(table::number(count)?)
            });
            let start = ends.fold(*range.start(), u32::max);
            match start.checked_add(count) {
                Some(end) if end <= *range.end() => {
                    delegated.append(&format!("{name}:{start}:{count}"));
                }
                _ => is_full = true,
            }
        }
        is_full
    }

    /// Writes what has changed, names before those who use them.
    ///
    /// # Errors
    /// When one cannot be written.
    pub(super) fn write(&self, root: &Root) -> Result<()> {
        let Tables {
            passwd,
            shadow,
            group,
            gshadow,
            delegated: [subuid, subgid],
        } = self;
        [group, gshadow, shadow, passwd, subuid, subgid]
            .into_iter()
            .try_for_each(|table| table.write(root))
    }
}

fn range(
    settings: &LoginDefs,
    [least, most]: [&str; 2],
    usual: &RangeInclusive<u32>,
) -> RangeInclusive<u32> {
    let least = settings.number(least).unwrap_or(*usual.start()).max(1);
    let most = settings
        .number(most)
        .unwrap_or(*usual.end())
        .min(u32::MAX - 1);
    least..=most
}

/// The id behind all that are taken, as useradd(8) finds it, or else the first gap.
fn free(mut range: RangeInclusive<u32>, taken: &BTreeSet<u32>) -> Option<u32> {
    if range.is_empty() {
        return None;
    }
    let last = taken.range(range.clone()).next_back().copied();
    let behind = match last {
        Some(last) => last.checked_add(1).filter(|id| range.contains(id)),
        None => Some(*range.start()),
    };
    behind.or_else(|| range.find(|id| !taken.contains(id)))
}
