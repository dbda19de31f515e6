//! Whoever has a machine deployed, boots it, and reaches it: by a password on its console, by a key
//! over its networks.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use snf_image_testkit::machine::{Kernel, Machine, UserNetwork};
use snf_image_testkit::tool::Tool;

use crate::Scene;

/// How long a system may take to its login prompt, without KVM and beside another.
const BOOT: Duration = Duration::from_secs(240);

/// How long everything that starts with it may take from there on.
const START: Duration = Duration::from_secs(180);

const PASSWORD: &str = "correct horse";

/// The interface with an address of its own.
const STATIC: &str = "52:54:00:5e:00:01";

/// The one that asks QEMU's DHCP server.
const DHCP: &str = "52:54:00:5e:00:02";

/// The owner of one machine, with a password and a key.
#[derive(Debug)]
pub struct Owner {
    hostname: String,
    password: PathBuf,
    key: PathBuf,
}

impl Scene {
    /// Somebody who wants a machine of this host name.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn owner(&self, hostname: &str) -> Result<Owner> {
        let key = self.path("key");
        Tool::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key)
            .run()?;
        Ok(Owner {
            hostname: hostname.to_owned(),
            password: self.write("password", format!("{PASSWORD}\n"))?,
            key,
        })
    }
}

impl Owner {
    /// The arguments of a deployment: host name, password, key, two interfaces, and these.
    #[must_use]
    pub fn arguments(&self, more: &[&str]) -> Vec<String> {
        let public = self.key.with_extension("pub");
        let mut arguments = vec![
            format!("--hostname={}", self.hostname),
            format!("--password-file={}", self.password.display()),
            format!("--ssh-key={}", public.display()),
            format!(
                "--nic=mac={STATIC},address=10.0.2.77/24,gateway=10.0.2.2,dns=10.0.2.3,\
                 search=example.org,mtu=1400"
            ),
            format!("--nic=mac={DHCP},dhcp"),
        ];
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        arguments
    }

    /// Boots the disk, by a kernel beside it where one is given, and logs in as root when everything
    /// has started.
    ///
    /// The two interfaces are in another order on the bus than in the request, so that names by
    /// slot would be wrong for both.
    ///
    /// # Errors
    /// When it does not start, or anything in it does not.
    pub fn boot(&self, disk: &Path, kernel: Option<&Kernel>) -> Result<Running<'_>> {
        let networks = [
            UserNetwork::new(DHCP, "10.9.8.0/24", "10.9.8.15")?,
            UserNetwork::new(STATIC, "10.0.2.0/24", "10.0.2.77")?,
        ];
        let mut machine = match kernel {
            Some(kernel) => Machine::boot_by(kernel, disk, &networks)?,
            None => Machine::boot_in(disk, &networks)?,
        };
        let console = &mut machine.console;
        console.login("root", PASSWORD, BOOT)?;
        // What starts meanwhile writes to the console too.
        console.run_within("systemctl is-system-running --wait || true", START)?;
        let state = "systemctl is-system-running || systemctl --failed --no-legend --no-pager";
        let state = console.run(state)?;
        ensure!(state == "running", "the system is {state}");
        Ok(Running {
            owner: self,
            machine,
            networks,
        })
    }
}

/// The machine while it runs.
#[derive(Debug)]
pub struct Running<'a> {
    owner: &'a Owner,
    machine: Machine,
    networks: [UserNetwork; 2],
}

impl Running<'_> {
    /// What a command prints that root runs on the console.
    ///
    /// # Errors
    /// When it fails or does not end within a minute.
    pub fn run(&mut self, command: &str) -> Result<String> {
        self.machine.console.run(command)
    }

    /// What a command prints that a user runs who has come over the network by the key.
    ///
    /// # Errors
    /// When the user is not let in or the command fails.
    pub fn run_as(&self, user: &str, command: &str) -> Result<String> {
        let [_, network] = &self.networks;
        network.ssh(user, &self.owner.key, command)
    }

    /// Logs in at the address that the machine was given and at the one from DHCP, and looks
    /// whether it has both and its host name.
    ///
    /// # Errors
    /// When the user is not let in or the machine is another.
    pub fn is_reached_by(&self, user: &str) -> Result<()> {
        for network in &self.networks {
            let command = "id -un; hostname --fqdn; /sbin/ip -4 -o addr show";
            let said = network.ssh(user, &self.owner.key, command)?;
            let names = format!("{user}\n{}\n", self.owner.hostname);
            let addresses = said
                .strip_prefix(&names)
                .with_context(|| format!("not {names:?}: {said}"))?;
            for address in ["nic0    inet 10.0.2.77/24 ", "nic1    inet 10.9.8.15/24 "] {
                ensure!(addresses.contains(address), "no {address:?} in {addresses}");
            }
        }
        Ok(())
    }

    /// Has it switch itself off.
    ///
    /// # Errors
    /// When it does not.
    pub fn power_off(mut self) -> Result<()> {
        self.machine.console.send_line("poweroff")?;
        let status = self.machine.wait_for_power_off()?;
        ensure!(status.success(), "QEMU ended with {status}");
        Ok(())
    }
}
