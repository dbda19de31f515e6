//! The environment that Ganeti gives to an OS script, as typed values.
//!
//! Names and meanings are those of ganeti-os-interface(7). Variables that mean nothing here
//! are passed over: export and import get all of the node daemon's own.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

use snf_image_protocol::{Hostname, MacAddress, Network, Secret};

use super::fault::{Fault, Faults};
use super::parameters::Values;
use super::script::Script;
use crate::config::{Given, Origin, os_parameters};

/// The version of the interface that this is.
const API_VERSION: &str = "20";

/// The most disks and network interfaces of an instance: `MAX_DISKS` and `MAX_NICS` of Ganeti's
/// constants.
const MAX_DISKS: usize = 16;
const MAX_NICS: usize = 8;

/// What every script is told.
#[derive(Debug)]
pub struct Environment {
    /// OS_VARIANT, when there is one.
    pub variant: Option<String>,
    /// Whether DEBUG_LEVEL is above 0.
    pub debug: bool,
    /// The OS parameters, OSP_*.
    pub parameters: Values,
    /// The instance; `verify` knows of none.
    pub instance: Option<Instance>,
}

/// What all scripts but `verify` are told.
#[derive(Debug)]
pub struct Instance {
    /// INSTANCE_NAME.
    pub name: Hostname,
    /// HYPERVISOR; the helper VM does not depend on it.
    pub hypervisor: String,
    /// INSTANCE_REINSTALL is 1.
    pub is_reinstall: bool,
    /// OLD_INSTANCE_NAME, for `rename`.
    pub old_name: Option<String>,
    /// The disks in their order.
    pub disks: Vec<Disk>,
    /// The network interfaces in their order.
    pub nics: Vec<Nic>,
    /// EXPORT_DEVICE or IMPORT_DEVICE, with its index, for `export` and `import`.
    pub transfer: Option<Transfer>,
}

/// One disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// DISK_n_PATH: a block device or a regular file.
    pub path: Option<PathBuf>,
    /// DISK_n_URI: how a hypervisor reaches it without the kernel.
    pub uri: Option<String>,
    /// DISK_n_ACCESS is `ro`.
    pub read_only: bool,
}

/// One network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// NIC_n_MAC.
    pub mac: MacAddress,
    /// NIC_n_IP.
    pub ip: Option<IpAddr>,
    /// NIC_n_FRONTEND_TYPE: how the hypervisor shows it to the guest.
    pub frontend: Option<String>,
    /// NIC_n_MODE: bridged, routed, openvswitch.
    pub mode: Option<String>,
    /// NIC_n_LINK.
    pub link: Option<String>,
    /// NIC_n_NETWORK_NAME.
    pub network: Option<String>,
    /// NIC_n_NETWORK_SUBNET.
    pub subnet: Option<Network>,
    /// NIC_n_NETWORK_GATEWAY.
    pub gateway: Option<Ipv4Addr>,
    /// NIC_n_NETWORK_SUBNET6.
    pub subnet6: Option<Network>,
    /// NIC_n_NETWORK_GATEWAY6.
    pub gateway6: Option<Ipv6Addr>,
    /// NIC_n_NETWORK_TAGS.
    pub tags: Vec<String>,
}

/// The one disk that `export` reads or `import` writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The block device or regular file; of an export it may be a snapshot.
    pub device: PathBuf,
    /// Which disk of the instance it is, from 0.
    pub index: usize,
    /// EXP_SIZE_FD: where `export` tells the size.
    pub size_descriptor: Option<u32>,
}

impl Environment {
    /// Reads what a script is told.
    ///
    /// # Errors
    /// All faults at once, each with the name of its variable. No value of an OS parameter is
    /// among them.
    pub fn parse(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        script: Script,
    ) -> Result<Self, Faults> {
        let (environment, faults) = Self::read(variables, script);
        faults.or(environment)
    }

    /// The same, with what could be read where there are faults.
    #[must_use]
    pub fn read(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        script: Script,
    ) -> (Self, Faults) {
        let mut reader = Reader::new(variables);
        reader.version();
        let environment = Environment {
            variant: reader.filled("OS_VARIANT"),
            debug: reader.number("DEBUG_LEVEL").is_some_and(|level| level > 0),
            parameters: reader.parameters(),
            instance: (script != Script::Verify)
                .then(|| reader.instance(script))
                .flatten(),
        };
        (environment, reader.faults)
    }
}

struct Reader {
    variables: BTreeMap<String, String>,
    faults: Faults,
}

impl Reader {
    fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut faults = Faults::default();
        let mut known = BTreeMap::new();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| is_ours(name)) else {
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    known.insert(name.to_owned(), value);
                }
                Err(_) => faults.add(format!("{name} is not UTF-8 text")),
            }
        }
        Reader {
            variables: known,
            faults,
        }
    }

    /// A variable that is there and not empty.
    fn filled(&self, name: &str) -> Option<String> {
        self.variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let value = self.filled(name);
        if value.is_none() {
            self.faults
                .add(format!("{name} is not set: is this called by Ganeti?"));
        }
        value
    }

    fn number(&mut self, name: &str) -> Option<usize> {
        let value = self.filled(name)?;
        let number = value
            .parse()
            .ok()
            .filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()));
        if number.is_none() {
            self.faults
                .add(format!("{name}={:?} is not a number", shortened(&value)));
        }
        number
    }

    fn version(&mut self) {
        if let Some(version) = self
            .required("OS_API_VERSION")
            .filter(|version| version != API_VERSION)
        {
            self.faults.add(format!(
                "OS_API_VERSION={:?}: only version {API_VERSION} of the OS interface is spoken here",
                shortened(&version)
            ));
        }
    }

    /// Ganeti has checked the names against `parameters.list`, so another one is a fault.
    fn parameters(&mut self) -> Values {
        let mut values = Values::new();
        for (variable, value) in &self.variables {
            let Some(name) = variable.strip_prefix("OSP_") else {
                continue;
            };
            match os_parameters::named(name) {
                Some(name) => {
                    let value = Secret::new(value.clone());
                    let origin = Origin::OsParameter;
                    values.insert(name, Given { value, origin });
                }
                None => self.faults.add(Fault::of_request(format!(
                    "{}: there is no such OS parameter",
                    shortened(variable)
                ))),
            }
        }
        values
    }

    fn instance(&mut self, script: Script) -> Option<Instance> {
        let name = self.required("INSTANCE_NAME");
        let name = name.and_then(|name| {
            let name = Hostname::new(&name)
                .map_err(|fault| Fault::of_request(format!("INSTANCE_NAME: {fault}")));
            self.faults.keep(name)
        });
        let hypervisor = self.required("HYPERVISOR").unwrap_or_default();
        let old_name = match script {
            Script::Rename => self.required("OLD_INSTANCE_NAME"),
            _ => None,
        };
        let disks = self.disks(script);
        let nics = self.nics();
        let transfer = match script {
            Script::Export => self.transfer("EXPORT"),
            Script::Import => self.transfer("IMPORT"),
            _ => None,
        };
        Some(Instance {
            name: name?,
            hypervisor,
            is_reinstall: self.filled("INSTANCE_REINSTALL").as_deref() == Some("1"),
            old_name,
            disks,
            nics,
            transfer,
        })
    }

    fn count(&mut self, name: &str, most: usize) -> usize {
        self.required(name);
        let count = self.number(name).unwrap_or(0);
        if count > most {
            self.faults
                .add(format!("{name}={count}: Ganeti knows at most {most}"));
        }
        count.min(most)
    }

    fn disks(&mut self, script: Script) -> Vec<Disk> {
        let count = self.count("DISK_COUNT", MAX_DISKS);
        if count == 0 && script == Script::Create {
            self.faults.add(Fault::of_request(
                "DISK_COUNT is 0: there is no disk to put an image on",
            ));
        }
        (0..count).map(|index| self.disk(index)).collect()
    }

    fn disk(&mut self, index: usize) -> Disk {
        let access = format!("DISK_{index}_ACCESS");
        let read_only = match self.filled(&access).as_deref() {
            None | Some("rw") => false,
            Some("ro") => true,
            Some(other) => {
                self.faults.add(format!(
                    "{access}={:?} is neither rw nor ro",
                    shortened(other)
                ));
                true
            }
        };
        let disk = Disk {
            path: self
                .filled(&format!("DISK_{index}_PATH"))
                .map(PathBuf::from),
            uri: self.filled(&format!("DISK_{index}_URI")),
            read_only,
        };
        if disk.path.is_none() && disk.uri.is_none() {
            self.faults.add(format!(
                "neither DISK_{index}_PATH nor DISK_{index}_URI is set"
            ));
        }
        disk
    }

    fn nics(&mut self) -> Vec<Nic> {
        let count = match self.filled("NIC_COUNT") {
            None => 0,
            Some(_) => self.count("NIC_COUNT", MAX_NICS),
        };
        (0..count).filter_map(|index| self.nic(index)).collect()
    }

    fn nic(&mut self, index: usize) -> Option<Nic> {
        let variable = |name: &str| format!("NIC_{index}_{name}");
        let tags = self.filled(&variable("NETWORK_TAGS")).unwrap_or_default();
        self.required(&variable("MAC"))?;
        let ip = self.parsed(&variable("IP"), "an IP address");
        let subnet = self.parsed(&variable("NETWORK_SUBNET"), "a network");
        let gateway = self.parsed(&variable("NETWORK_GATEWAY"), "an IPv4 address");
        let subnet6 = self.parsed(&variable("NETWORK_SUBNET6"), "a network");
        let gateway6 = self.parsed(&variable("NETWORK_GATEWAY6"), "an IPv6 address");
        Some(Nic {
            mac: self.parsed(&variable("MAC"), "a MAC address")?,
            ip,
            frontend: self.filled(&variable("FRONTEND_TYPE")),
            mode: self.filled(&variable("MODE")),
            link: self.filled(&variable("LINK")),
            network: self.filled(&variable("NETWORK_NAME")),
            subnet: subnet.filter(|subnet: &Network| subnet.address().is_ipv4()),
            gateway,
            subnet6: subnet6.filter(|subnet: &Network| subnet.address().is_ipv6()),
            gateway6,
            tags: tags.split_whitespace().map(Into::into).collect(),
        })
    }

    /// The value of a variable, if it is there and not empty.
    fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let text = self.filled(name)?;
        let parsed = text
            .parse()
            .map_err(|_| format!("{name}={:?} is not {expected}", shortened(&text)));
        self.faults.keep(parsed)
    }

    fn transfer(&mut self, verb: &str) -> Option<Transfer> {
        let device = self.required(&format!("{verb}_DEVICE"));
        let size = "EXP_SIZE_FD";
        let size_descriptor = self.number(size).and_then(|number| {
            let number = u32::try_from(number).map_err(|_| format!("{size} is not a descriptor"));
            self.faults.keep(number)
        });
        Some(Transfer {
            device: device?.into(),
            index: self.number(&format!("{verb}_INDEX")).unwrap_or(0),
            size_descriptor,
        })
    }
}

/// Whether a variable can mean something here.
fn is_ours(name: &str) -> bool {
    let prefixes = [
        "OS_",
        "OSP_",
        "INSTANCE_",
        "DISK_",
        "NIC_",
        "EXPORT_",
        "IMPORT_",
    ];
    let names = [
        "DEBUG_LEVEL",
        "EXP_SIZE_FD",
        "HYPERVISOR",
        "OLD_INSTANCE_NAME",
    ];
    prefixes.iter().any(|prefix| name.starts_with(prefix)) || names.contains(&name)
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
