//! What an external task is told: the documented variables, and no secret.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{CUSTOM_TASK, FIRST_BOOT_SCRIPT, Ipv4, Ipv6, Nic};

use crate::disk::detect::family_name;
use crate::disk::table::Table;
use crate::network::facts::{address4, address6, gateway4, gateway6};
use crate::run::context::Context;

/// Properties that hold programs.
const PROGRAMS: [&str; 2] = [CUSTOM_TASK, FIRST_BOOT_SCRIPT];

/// The environment of an external task.
pub(super) fn of(context: &Context<'_>) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    let mut set = |name: &str, value: String| {
        // A variable with a NUL inside cannot be passed on.
        if !value.contains('\0') {
            variables.push((format!("SNF_IMAGE_{name}"), value));
        }
    };
    for (name, value) in context.parameters.properties.iter() {
        // Too long for a variable, and nobody else's business.
        if PROGRAMS.contains(&name) {
            continue;
        }
        set(&format!("PROPERTY_{name}"), value.into());
    }
    set("PROPERTY_OSFAMILY", family_name(context.os_family).into());
    if let Some(number) = context.root_partition {
        set("PROPERTY_ROOT_PARTITION", number.to_string());
    }
    if let Some(hostname) = &context.parameters.hostname {
        set("HOSTNAME", hostname.to_string());
    }
    set("NIC_COUNT", context.parameters.nics.len().to_string());
    for (number, nic) in context.parameters.nics.iter().enumerate() {
        for (name, value) in interface(nic) {
            set(&format!("NIC_{number}_{name}"), value);
        }
    }
    set("DEV_COUNT", context.disks.len().to_string());
    for (index, disk) in context.disks.iter().enumerate() {
        let disk = disk.to_string_lossy();
        if index == 0 {
            set("DEV", disk.clone().into_owned());
        }
        set(&format!("DEV_{index}"), disk.into_owned());
    }
    set("TARGET", context.target.to_string_lossy().into_owned());
    if let Some(last) = context.table.as_ref().and_then(Table::growing) {
        set("RESIZE_PART", last.partition.number.to_string());
    }
    variables
}

/// That of a program that sees no disks, but the mounted image.
pub(super) fn confined(context: &Context<'_>) -> Vec<(String, String)> {
    let mut variables = of(context);
    variables
        .retain(|(name, _)| !name.starts_with("SNF_IMAGE_DEV") && name != "SNF_IMAGE_RESIZE_PART");
    variables
}

/// What an external task that configures the network has to know of an interface.
fn interface(nic: &Nic) -> Vec<(&'static str, String)> {
    let word4 = match nic.ipv4 {
        Ipv4::None => "none",
        Ipv4::Dhcp => "dhcp",
        Ipv4::Static { .. } => "static",
    };
    let word6 = match nic.ipv6 {
        Ipv6::None => "none",
        Ipv6::Slaac => "slaac",
        Ipv6::SlaacDhcp => "slaac_dhcp",
        Ipv6::Dhcp => "dhcpv6",
        Ipv6::Static { .. } => "static",
    };
    let words = |items: Vec<String>| Some(items.join(" ")).filter(|words| !words.is_empty());
    let servers = nic.dns_servers.iter().map(ToString::to_string);
    let domains = nic
        .dns_search
        .iter()
        .map(|domain| domain.as_str().to_owned());
    let routes = nic
        .routes
        .iter()
        .map(|route| format!("{}@{}", route.to, route.via));
    let optional = [
        ("FRONTEND_TYPE", nic.frontend.clone()),
        ("ADDRESS", address4(nic)),
        (
            "GATEWAY",
            gateway4(nic).map(|gateway| gateway.address.to_string()),
        ),
        ("ADDRESS6", address6(nic)),
        (
            "GATEWAY6",
            gateway6(nic).map(|gateway| gateway.address.to_string()),
        ),
        ("MTU", nic.mtu.map(|mtu| mtu.to_string())),
        ("DNS_SERVERS", words(servers.collect())),
        ("DNS_SEARCH", words(domains.collect())),
        ("ROUTES", words(routes.collect())),
    ];
    let mut variables = vec![
        ("MAC", nic.mac.to_string()),
        ("IPV4", word4.to_owned()),
        ("IPV6", word6.to_owned()),
    ];
    for (name, value) in optional {
        variables.extend(value.map(|value| (name, value)));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::testing::full;
    use crate::run::testing::{Warnings, context, parameters};

    #[test]
    fn a_task_gets_the_documented_variables_and_no_secret() {
        let mut parameters = parameters(r#""USERS":"root","OSFAMILY":"","CUSTOM_TASK":"hunter2""#);
        parameters.nics = full();
        let mut warnings = Warnings::default();
        let variables = of(&context(&parameters, &mut warnings));
        let value = |name: &str| {
            let mut all = variables.iter().rev();
            all.find(|(own, _)| own == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(value("SNF_IMAGE_HOSTNAME"), Some("vm.example.org"));
        assert_eq!(value("SNF_IMAGE_DEV_COUNT"), Some("2"));
        assert_eq!(value("SNF_IMAGE_DEV"), value("SNF_IMAGE_DEV_0"));
        assert_eq!(value("SNF_IMAGE_PROPERTY_USERS"), Some("root"));
        assert_eq!(value("SNF_IMAGE_PROPERTY_OSFAMILY"), Some("linux"));
        assert!(value("SNF_IMAGE_TARGET").is_some());
        assert_eq!(value("SNF_IMAGE_NIC_COUNT"), Some("1"));
        assert_eq!(value("SNF_IMAGE_NIC_0_ADDRESS"), Some("192.0.2.5/24"));
        assert_eq!(value("SNF_IMAGE_NIC_0_IPV6"), Some("static"));
        assert_eq!(
            value("SNF_IMAGE_NIC_0_ROUTES"),
            Some("10.0.0.0/8@192.0.2.9 2001:db8:1::/48@2001:db8::9")
        );
        assert!(
            variables
                .iter()
                .all(|(_, value)| !value.contains("hunter2"))
        );
        let confined = confined(&context(&parameters, &mut Warnings::default()));
        assert!(
            confined
                .iter()
                .all(|(_, value)| !value.contains("/nonexistent/vd"))
        );
        assert!(confined.iter().any(|(name, _)| name == "SNF_IMAGE_TARGET"));
    }
}
