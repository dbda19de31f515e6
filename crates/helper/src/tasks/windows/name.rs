//! AssignHostname: the name that setup gives the machine.
// SPDX-License-Identifier: BSD-2-Clause

use super::edit;
use crate::error::Result;
use crate::guest::windows::answer_file::{Pass, SHELL_SETUP, Step};
use crate::guest::windows::computer_name;
use crate::run::context::{Context, Done};

/// Writes the name of property `COMPUTER_NAME`, or else the first part of the host name, unless Cloudbase-Init sets
/// it.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let given = context.parameters.properties.get("COMPUTER_NAME");
    let given = given.filter(|name| !name.is_empty());
    let name = match (given, &context.parameters.hostname) {
        (Some(name), _) => name.to_owned(),
        (None, Some(hostname)) => {
            let name = computer_name::of(hostname)?;
            if name != hostname.as_str() {
                let text = format!(
                    "the machine's name in Windows is {name}: it takes no domain, such as that of \
                     {hostname}"
                );
                context.reporter.warning(&text);
            }
            name
        }
        (None, None) => return Ok(Done::Skipped("no host name was given".into())),
    };
    if context
        .cloudbase_init
        .as_ref()
        .is_some_and(|used| used.sets_name)
    {
        return Ok(Done::Skipped("Cloudbase-Init of the image sets it".into()));
    }
    edit(context, Pass::Specialize, |file| {
        let path = [Step::Element("ComputerName")];
        file.set(Pass::Specialize, SHELL_SETUP, &path, &name)
    })?;
    Ok(Done::Yes)
}
