//! The names of interfaces, for systems that know an interface by its name alone.
//!
//! What the kernel or systemd calls an interface depends on the machine's slots and drivers,
//! which nobody knows here. So a rule of udev(7) gives each interface, found by its MAC address, a
//! name that no kernel gives. A rule works with every udev since 2008, with eudev, and without
//! a new initramfs; systemd.link(5) leaves alone what a rule has named.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Nic;

use super::facts::Facts;
use super::lines::Lines;
use super::plan::Plan;

/// The rule. It sorts before those of systemd and before `75-persistent-net-generator.rules`,
/// which leave a named interface alone.
pub const RULES: &str = "/etc/udev/rules.d/70-snf-image-net.rules";

/// The name of the interface with this number.
#[must_use]
pub fn name(number: usize, facts: &Facts) -> String {
    if facts.has_udev {
        format!("nic{number}")
    } else {
        // Without udev nobody renames what the kernel has named.
        format!("eth{number}")
    }
}

/// The rule that gives the names.
#[must_use]
pub fn rules(nics: &[Nic], facts: &Facts) -> Plan {
    let mut plan = Plan::default();
    if !facts.has_udev {
        return plan;
    }
    let mut lines = Lines::marked();
    for (number, nic) in nics.iter().enumerate() {
        // Bridges and VLANs borrow a MAC address, but have no driver.
        lines.add(format!(
            "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{type}}==\"1\", \
             ATTR{{address}}==\"{}\", NAME=\"{}\"",
            nic.mac,
            name(number, facts)
        ));
    }
    plan.file(RULES, lines.into_text());
    plan
}
