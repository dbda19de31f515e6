//! ConfigureNetwork: a script for the first start.
// SPDX-License-Identifier: BSD-2-Clause

use crate::error::Result;
use crate::guest::windows::first_boot::{self, Moment};
use crate::run::context::{Context, Done};

/// Has the interfaces configured by their MAC addresses.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let nics = context.parameters.nics.as_slice();
    if nics.is_empty() {
        let reason = "no network interface was given: the image keeps its network configuration";
        return Ok(Done::Skipped(reason.into()));
    }
    let Some(script) = first_boot::network::script(nics) else {
        let reason = "nothing was asked for that Windows does not do by itself";
        return Ok(Done::Skipped(reason.into()));
    };
    first_boot::add(
        context.root()?,
        Moment::EndOfSetup,
        "20-network.ps1",
        &script,
    )?;
    let is_before_6_2 = (context.windows.as_ref()).is_some_and(|own| own.version < (6, 2));
    if is_before_6_2 {
        for nic in first_boot::network::keep_ipv4(nics) {
            let text = format!(
                "the interface {} keeps IPv4 by DHCP: Windows before 8 and Server 2012 cannot take it away",
                nic.mac
            );
            context.reporter.warning(&text);
        }
    }
    (context.reporter).notice("Windows configures its network at the end of its setup");
    Ok(Done::Yes)
}

#[cfg(test)]
mod tests {
    use snf_image_protocol::{Nic, OsFamily, Parameters};

    use super::*;
    use crate::guest::testing::{Image, nothing};
    use crate::guest::windows::system::Windows;
    use crate::tasks::windows::tests::generalized;

    fn of_version<const MAJOR: u32, const MINOR: u32>(context: &mut Context<'_>) -> Result<Done> {
        context.os_family = OsFamily::Windows;
        context.windows = Some(Windows {
            version: (MAJOR, MINOR),
            ..generalized()
        });
        run(context)
    }

    #[test]
    fn what_an_old_windows_cannot_do_is_said() {
        // Neither of the protocols.
        let parameters = Parameters {
            nics: vec![Nic::new("52:54:00:ab:cd:ef".parse().unwrap())],
            ..nothing()
        };
        for (task, is_warned) in [
            (
                of_version::<6, 1> as fn(&mut Context<'_>) -> Result<Done>,
                true,
            ),
            (of_version::<6, 2>, false),
        ] {
            let (done, notices) = Image::empty().run(task, &parameters);
            assert_eq!(done.unwrap(), Done::Yes);
            let said = notices.iter().any(|text| text.contains("keeps IPv4"));
            assert_eq!(said, is_warned, "{notices:?}");
        }
    }
}
