//! What starts a script once: a unit of systemd, a service of OpenRC, a line in rc.local.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use super::SCRIPT;
use crate::error::{Error, Result};
use crate::guest::init;
use crate::guest::root::{Attributes, FILE_LIMIT, Root, shown};

const UNIT: &str = "/etc/systemd/system/snf-image-first-boot.service";
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/snf-image-first-boot.service";

const OPENRC: [&str; 2] = ["/sbin/openrc-run", "/usr/bin/openrc-run"];
const SERVICES: &str = "/etc/init.d";
const SERVICE: &str = "/etc/init.d/snf-image-first-boot";
const RUNLEVEL: &str = "/etc/runlevels/default";
const STARTED: &str = "/etc/runlevels/default/snf-image-first-boot";

/// Where other systems have commands of the administrator that run at the end of each boot: the
/// usual place, that of Red Hat and Slackware, that of SUSE.
const RC_LOCAL: [&str; 3] = [
    "/etc/rc.local",
    "/etc/rc.d/rc.local",
    "/etc/init.d/boot.local",
];

/// How the image starts things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Starter {
    /// systemd
    Systemd,
    /// OpenRC, and its program for services.
    OpenRc(&'static str),
    /// A file of commands.
    RcLocal(&'static str),
}

impl Starter {
    /// Finds out by what is there.
    ///
    /// # Errors
    /// When nothing is that is known, or when it is switched off.
    pub(super) fn find(root: &Root) -> Result<Self> {
        if init::is_systemd(root)? {
            return Ok(Starter::Systemd);
        }
        if let Some(program) = OPENRC.into_iter().find(|path| root.exists(path)) {
            return Ok(Starter::OpenRc(program));
        }
        let there: Vec<_> = RC_LOCAL
            .into_iter()
            .filter(|path| root.exists(path))
            .collect();
        // The line takes itself out of a file; of a link sed(1) would make one.
        let mut plain = None;
        for path in &there {
            if plain.is_none() && !root.is_link(path)? {
                plain = Some(*path);
            }
        }
        let Some(file) = plain.or_else(|| there.first().copied()) else {
            return Err(Error::image(
                "the image has neither systemd nor OpenRC nor an rc.local that could run the script of \
                 property FIRST_BOOT_SCRIPT",
            ));
        };
        if root
            .attributes(file)?
            .is_none_or(|found| found.mode & 0o100 == 0)
        {
            return Err(Error::image(format!(
                "{} is not executable, so it would not run the script of property FIRST_BOOT_SCRIPT",
                shown(Path::new(file))
            )));
        }
        Ok(Starter::RcLocal(file))
    }

    /// Has it start the script.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn install(self, root: &Root) -> Result<()> {
        let directory = Attributes::of_root(0o755);
        match self {
            Starter::Systemd => {
                root.make_directories(WANTS, directory)?;
                root.install(UNIT, unit().as_bytes(), Attributes::of_root(0o644))?;
                root.make_link(WANTED, UNIT)
            }
            Starter::OpenRc(program) => {
                root.make_directories(SERVICES, directory)?;
                root.make_directories(RUNLEVEL, directory)?;
                let service = service(program);
                root.install(SERVICE, service.as_bytes(), Attributes::of_root(0o755))?;
                root.make_link(STARTED, SERVICE)
            }
            Starter::RcLocal(file) => {
                let content = root.read(file, FILE_LIMIT)?.unwrap_or_default();
                let content = with_line(&content, &line(file));
                root.rewrite(file, &content, directory)
            }
        }
    }
}

/// The unit. It removes the script, whether that succeeded or not, and itself.
fn unit() -> String {
    format!(
        "[Unit]\n\
         Description=Script of the deployment for the first boot\n\
         ConditionFileIsExecutable={SCRIPT}\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={SCRIPT}\n\
         ExecStopPost=/bin/rm -f {SCRIPT} {WANTED} {UNIT}\n\
         TimeoutStartSec=infinity\n\
         StandardOutput=journal+console\n\
         StandardError=journal+console\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}

fn service(program: &str) -> String {
    format!(
        "#!{program}\n\
         description=\"Script of the deployment for the first boot\"\n\
         \n\
         depend() {{\n\
         \tneed localmount\n\
         \tuse net\n\
         \tafter bootmisc\n\
         }}\n\
         \n\
         start() {{\n\
         \tebegin \"Running the script for the first boot\"\n\
         \t{SCRIPT}\n\
         \tstatus=$?\n\
         \trm -f {SCRIPT} {STARTED} {SERVICE}\n\
         \teend $status\n\
         }}\n"
    )
}

/// The line of rc.local, which may run under `sh -e`.
fn line(file: &str) -> String {
    format!(
        "[ ! -x {SCRIPT} ] || {{ {SCRIPT} || true; rm -f {SCRIPT}; sed -i '/snf-image-first-boot/d' {file}; }}"
    )
}

/// Puts a line behind the one that names the interpreter: what follows may end with `exit`.
fn with_line(content: &[u8], line: &str) -> Vec<u8> {
    let is_there = |known: &[u8]| known == line.as_bytes();
    if content.split(|byte| *byte == b'\n').any(is_there) {
        return content.to_vec();
    }
    let end = content.iter().position(|byte| *byte == b'\n');
    let first = match end.and_then(|end| content.split_at_checked(end.saturating_add(1))) {
        Some((first, rest)) if first.starts_with(b"#!") => (first, rest),
        _ => (&b"#!/bin/sh\n"[..], content),
    };
    [first.0, line.as_bytes(), b"\n", first.1].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_comes_before_whatever_ends_the_file() {
        for (before, after) in [
            ("#!/bin/sh -e\nexit 0\n", "#!/bin/sh -e\nL\nexit 0\n"),
            ("touch /x\n", "#!/bin/sh\nL\ntouch /x\n"),
            ("", "#!/bin/sh\nL\n"),
            ("#!/bin/sh\nL\nexit 0\n", "#!/bin/sh\nL\nexit 0\n"),
        ] {
            assert_eq!(
                with_line(before.as_bytes(), "L"),
                after.as_bytes(),
                "{before}"
            );
        }
    }
}
