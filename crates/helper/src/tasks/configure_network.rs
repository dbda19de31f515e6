//! Configures the network interfaces.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use snf_image_protocol::Nic;

use crate::cloud_init::seed::{self, Means};
use crate::cloud_init::{CloudInit, SEED};
use crate::error::{Error, Result};
use crate::guest::root::{Attributes, FILE_LIMIT, Root};
use crate::network::facts::{Facts, Resolver};
use crate::network::plan::Plan;
use crate::network::system::{self, System};
use crate::network::{
    self, ASIDE, cloud_init, ifcfg, ifupdown, keyfile, netctl, netifrc, netplan, networkd,
    resolv_conf, slackware, stale, suse,
};
use crate::run::context::{Context, Done, Reporter};

/// The property that has NetworkManager configured whatever else the image uses.
const FORCED: &str = "NM_NETWORKING";

/// Writes what the image's own network system reads, and puts aside what would say something
/// else.
///
/// # Errors
/// When somebody asked for addresses and the image has no network system that is known, or
/// when a file cannot be changed.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let nics = context.parameters.nics.as_slice();
    if nics.is_empty() {
        let reason = "no network interface was given: the image keeps its network configuration";
        return Ok(Done::Skipped(reason.into()));
    }
    let root = context.root()?;
    if let Some(found) = &context.cloud_init
        && !context.parameters.properties.flag(FORCED)
    {
        match by_cloud_init(root, found, nics)? {
            Ok(moved) => {
                let notice = "cloud-init of the image configures its network";
                context.reporter.notice(notice);
                tell_of(&moved, context.reporter);
                return Ok(Done::Yes);
            }
            Err(reason) => {
                let text = format!("the network is not configured by cloud-init: {reason}");
                context.reporter.notice(&text);
            }
        }
    }
    let root = context.root()?;
    let system = if context.parameters.properties.flag(FORCED) {
        forced(root)?
    } else {
        match system::detect(root)? {
            Some(system) => system,
            None => return unknown(nics),
        }
    };
    let facts = network::facts(root)?;
    let plan = plan(root, system, nics, &facts)?;
    let moved = stale::clear(root, &plan)?;
    carry_out(root, &plan)?;
    let rivals = system::rivals(root)?;
    let notice = format!("the image configures its network by {system}");
    context.reporter.notice(&notice);
    tell_of(&moved, context.reporter);
    for rival in rivals {
        context.reporter.warning(&format!(
            "{rival} is switched on in the image beside {system} and may change what that configures: \
             in the image: systemctl disable {rival}"
        ));
    }
    Ok(Done::Yes)
}

fn tell_of(moved: &[PathBuf], reporter: &mut dyn Reporter) {
    if moved.is_empty() {
        return;
    }
    let moved: Vec<_> = moved.iter().map(|path| path.to_string_lossy()).collect();
    let text = format!(
        "network configuration of the image is now in its {ASIDE}: {}",
        moved.join(" ").escape_debug()
    );
    reporter.notice(&text);
}

/// Puts the interfaces into the seed of cloud-init, which finds the network system itself; gives
/// what was put aside, or why cloud-init cannot be told of them.
fn by_cloud_init(
    root: &Root,
    found: &CloudInit,
    nics: &[Nic],
) -> Result<std::result::Result<Vec<PathBuf>, &'static str>> {
    let means = Means {
        netplan: system::has_netplan(root),
        loses_routes: system::is_ifupdown_without_route(root),
    };
    let text = match seed::network(found, nics, means) {
        Ok(text) => text,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut plan = Plan::default();
    plan.file_with_mode(format!("{SEED}/network-config"), 0o600, text);
    if root.exists(ifupdown::FILE) {
        // cloud-init writes a file beside it, which it has to name.
        plan.extend(ifupdown::render(
            &[],
            &Facts {
                has_udev: false,
                resolver: Resolver::File,
                has_interfaces_d: true,
                is_busybox: false,
            },
        ));
    }
    let moved = stale::clear(root, &plan)?;
    carry_out(root, &plan)?;
    root.remove(cloud_init::SWITCHED_OFF)?;
    Ok(Ok(moved))
}

fn forced(root: &Root) -> Result<System> {
    if system::is_manager_masked(root)? {
        return Err(Error::image(format!(
            "property {FORCED} is set, but NetworkManager of the image is masked: take the property \
             away, or in the image: systemctl unmask NetworkManager"
        )));
    }
    if system::has_network_manager(root) {
        return Ok(System::NetworkManager);
    }
    Err(Error::image(format!(
        "property {FORCED} is set, but the image has no NetworkManager: take the property away"
    )))
}

fn unknown(nics: &[Nic]) -> Result<Done> {
    let what = "it is not known how the image configures its network: it has none of netplan, \
                NetworkManager, systemd-networkd, ifupdown, wicked, netctl, netifrc and the scripts \
                of Red Hat, SUSE and Slackware";
    if nics.iter().any(|nic| nic.is_asked_for) {
        return Err(Error::image(format!(
            "{what}; set property EXCLUDE_TASK_CONFIGURENETWORK to leave it as it is"
        )));
    }
    Ok(Done::Skipped(what.into()))
}

/// Everything that is to be in the image.
fn plan(root: &Root, system: System, nics: &[Nic], facts: &Facts) -> Result<Plan> {
    let old = |path: &str| root.read(path, FILE_LIMIT).map(Option::unwrap_or_default);
    let mut plan = match system {
        System::Netplan { network_manager } => netplan::render(nics, network_manager),
        System::NetworkManager => {
            let mut plan = keyfile::render(nics);
            let [unmanaged, _] = keyfile::UNMANAGED;
            if root.exists(unmanaged) {
                plan.extend(keyfile::managed());
            }
            if !system::is_manager_enabled(root)? {
                plan.extend(keyfile::enabled(root.exists(keyfile::OPENRC_SERVICE)));
            }
            plan
        }
        System::Networkd { is_enabled } => {
            let mut plan = networkd::render(nics);
            if !is_enabled {
                plan.extend(networkd::enabled());
            }
            // systemd-networkd tells its servers to systemd-resolved alone.
            if facts.resolver != Resolver::Resolved {
                plan.extend(servers(nics, facts)?);
            }
            plan
        }
        System::Ifupdown => {
            if let Some(missing) = ifupdown::inexpressible(nics, facts) {
                return Err(Error::image(format!(
                    "ifupdown of busybox in the image cannot be told of {missing}: give static \
                     addresses or SLAAC, or put ifupdown or ifupdown-ng into the image"
                )));
            }
            let mut plan = ifupdown::render(nics, facts);
            plan.extend(servers(nics, facts)?);
            plan
        }
        System::Initscripts => ifcfg::render(nics, &old(ifcfg::NETWORK)?, facts),
        System::Suse => suse::render(nics, &old(suse::CONFIG)?, facts),
        System::Netctl => netctl::render(nics, facts),
        System::Netifrc => netifrc::render(nics, facts),
        System::Slackware => {
            let mut plan = slackware::render(nics, facts).map_err(|missing| {
                Error::image(format!(
                    "Slackware's network scripts cannot be told of {}: set property {FORCED} if \
                     the image has NetworkManager",
                    missing.0
                ))
            })?;
            plan.extend(servers(nics, facts)?);
            plan
        }
    };
    if system != System::Ifupdown && network::is_configured_by_ifupdown(root)? {
        // Another system is in charge: ifupdown keeps the loopback alone.
        plan.extend(ifupdown::render(
            &[],
            &Facts {
                has_udev: false,
                ..*facts
            },
        ));
    }
    if root.is_directory(cloud_init::DIRECTORY) {
        plan.extend(cloud_init::switched_off());
    }
    Ok(plan)
}

fn servers(nics: &[Nic], facts: &Facts) -> Result<Plan> {
    resolv_conf::render(nics, facts).map_err(|_| {
        Error::image(
            "DNS servers were given, but the image's /etc/resolv.conf is a link to a file of an \
             unknown program: take the link out of the image, or give no DNS servers",
        )
    })
}

fn carry_out(root: &Root, plan: &Plan) -> Result<()> {
    let directory = Attributes::of_root(0o755);
    for file in &plan.files {
        let path = Path::new(&file.path);
        if let Some(parent) = path.parent() {
            root.make_directories(parent, directory)?;
        }
        root.install(
            path,
            file.content.as_bytes(),
            Attributes::of_root(file.mode),
        )?;
    }
    for link in &plan.links {
        let path = Path::new(&link.path);
        if let Some(parent) = path.parent() {
            root.make_directories(parent, directory)?;
        }
        root.make_link(path, &link.target)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
