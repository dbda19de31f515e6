//! The OpenSSH server of Windows, for which SSH keys are put there.
// SPDX-License-Identifier: BSD-2-Clause

use crate::error::{Error, Result};
use crate::guest::windows::registry::{Hive, Purpose, Value};
use crate::guest::windows::system::SYSTEM;
use crate::run::context::Context;

/// Where the server is that comes with Windows, and the one that people install.
const SERVERS: [&str; 3] = [
    "/Windows/System32/OpenSSH/sshd.exe",
    "/Program Files/OpenSSH/sshd.exe",
    "/Program Files/OpenSSH-Win64/sshd.exe",
];

/// The value of a service that says when it starts, and the number for: with Windows (Microsoft, "`CurrentControlSet`\\`Services` Subkey
/// Entries").
const START: &str = "Start";
const AUTOMATIC: u32 = 2;

/// Has the service start with Windows, as the one of Windows itself does not until somebody says so. Warns where there is
/// none.
///
/// # Errors
/// When the registry cannot be changed.
pub(super) fn see_to_it(context: &mut Context<'_>) -> Result<()> {
    let root = context.root()?;
    let has_program = SERVERS.iter().any(|path| root.exists(path));
    let has_service = match &context.windows {
        None => has_program,
        Some(windows) => {
            let hive = Hive::open(root, SYSTEM, Purpose::Set)?;
            let mut hive =
                hive.ok_or_else(|| Error::image(format!("the image has no {SYSTEM}")))?;
            let key = format!(r"{}\Services\sshd", windows.control_set);
            let is_there = hive.has_key(&key)?;
            let start = hive.value(&key, START)?.and_then(|value| value.as_dword());
            if is_there && start != Some(AUTOMATIC) {
                hive.set(&key, START, &Value::dword(AUTOMATIC))?;
                hive.finish()?;
                (context.reporter).notice(
                    "the OpenSSH server of the image starts with Windows from now on, as SSH keys were given",
                );
            }
            is_there
        }
    };
    if !has_service {
        let what = if has_program {
            "the OpenSSH server of the image is not installed as a service: the SSH keys wait in \
             administrators_authorized_keys until it is"
        } else {
            "the image has no OpenSSH server: the SSH keys wait in administrators_authorized_keys until \
             one is installed"
        };
        context.reporter.warning(what);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use snf_image_testkit::hive;

    use super::super::tests::{generalized, windows};
    use super::*;
    use crate::guest::testing::nothing;
    use crate::run::context::Done;

    fn task(context: &mut Context<'_>) -> Result<Done> {
        context.windows = Some(generalized());
        see_to_it(context)?;
        Ok(Done::Yes)
    }

    #[test]
    fn a_server_that_does_not_start_by_itself_does_so_from_now_on() {
        let services = "[\\ControlSet001]\n\n[\\ControlSet001\\Services]\n";
        let service =
            format!("{services}\n[\\ControlSet001\\Services\\SSHD]\n\"Type\"=dword:00000010\n");
        let starting = |number| format!("{service}\"Start\"=dword:{number:08x}\n");
        for (text, program, words) in [
            (starting(3), true, Some("starts with Windows from now on")),
            (starting(4), false, Some("starts with Windows from now on")),
            (starting(2), false, None),
            (
                services.to_owned(),
                true,
                Some("not installed as a service"),
            ),
            (services.to_owned(), false, Some("has no OpenSSH server")),
        ] {
            let image = windows();
            image.directory("/Windows/System32/config");
            let system = image.path(SYSTEM);
            hive::make(&system, &text).unwrap();
            if program {
                image.file(SERVERS[1], "MZ phony");
            }
            let (done, said) = image.run(task, &nothing());
            done.unwrap();
            assert_eq!(said.len(), usize::from(words.is_some()), "{said:?}");
            assert!(
                words.is_none_or(|words| said[0].contains(words)),
                "{said:?}"
            );
            let keys = hive::export(&system).unwrap();
            if let Some(values) = keys.get("\\ControlSet001\\Services\\SSHD") {
                assert!(
                    values.contains(&"\"Start\"=dword:00000002".to_owned()),
                    "{values:?}"
                );
                assert_eq!(values.len(), 2);
            }
        }
    }
}
