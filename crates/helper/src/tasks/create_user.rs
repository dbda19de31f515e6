//! Makes a user, for images that have nobody who may log in.
// SPDX-License-Identifier: BSD-2-Clause

mod home;
mod rights;
mod tables;

use snf_image_protocol::NewUser;

use crate::error::{Error, Result};
use crate::guest::login_defs;
use crate::guest::passwd::User;
use crate::guest::root::Root;
use crate::run::context::{Context, Done};
use tables::Tables;

/// The login shell, where the image has it.
const SHELL: &str = "/bin/bash";
/// The one that every system has.
const PLAIN_SHELL: &str = "/bin/sh";

/// Makes the user of property `CREATE_USER`, who has no password yet. One whom the image has
/// already is kept, and becomes a member of the groups. Everything is looked up before anything
/// is changed.
///
/// # Errors
/// When the id is taken, a group or the shell does not exist, there is no way to give the rights,
/// or a file cannot be changed.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let Some(wanted) = context.parameters.properties.create_user()? else {
        return Ok(Done::Skipped("property CREATE_USER is not given".into()));
    };
    let root = context.root()?;
    let settings = login_defs::read(root)?;
    let shell = shell(root, &wanted)?;
    let rights = rights::find(root, &wanted)?;
    let mut tables = Tables::read(root)?;
    tables.require_groups(&wanted)?;
    let (user, is_known) = match tables.known(&wanted)? {
        Some(user) => (user, true),
        None => (tables.add(&wanted, &shell, &settings)?, false),
    };
    tables.join(&wanted)?;
    let is_full = tables.delegate_ids(&wanted.name, &settings);
    tables.write(root)?;
    let mut warnings = Vec::new();
    if !is_known {
        warnings.extend(home::make(root, &user, &settings)?);
    }
    if let Some(rights) = rights {
        rights.write(root)?;
    }
    if is_full {
        warnings.push(format!(
            "user {:?} of the image gets no ids for containers: none are free",
            wanted.name
        ));
    }
    if is_known {
        let notice = format!(
            "the image has a user {:?} already, who is kept",
            wanted.name
        );
        context.reporter.notice(&notice);
    }
    for warning in warnings {
        context.reporter.warning(&warning);
    }
    Ok(Done::Yes)
}

fn shell(root: &Root, wanted: &NewUser) -> Result<String> {
    let Some(shell) = &wanted.shell else {
        let shell = if root.exists(SHELL) {
            SHELL
        } else {
            PLAIN_SHELL
        };
        return Ok(shell.to_owned());
    };
    if root.exists(shell) {
        return Ok(shell.clone());
    }
    Err(Error::image(format!(
        "the image has no shell {shell:?}: check property CREATE_USER_SHELL"
    )))
}

/// What the user's files get.
fn owned(user: &User, mode: u32) -> crate::guest::root::Attributes {
    crate::guest::root::Attributes {
        owner: user.uid,
        group: user.gid,
        mode,
    }
}

#[cfg(test)]
mod tests;
