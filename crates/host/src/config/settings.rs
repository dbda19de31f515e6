//! What a node is told about itself, with the default of each setting.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use snf_image_protocol::{TIME_ZONE, Windows, is_time_zone};

use super::network::NetworkSettings;
use super::prefix::Prefix;
use super::rule::Rule;
use crate::size::parse_size;

/// How the helper VM's processor is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceleratorChoice {
    /// KVM where it works, else TCG.
    Auto,
    /// KVM.
    Kvm,
    /// QEMU's own emulation.
    Tcg,
}

/// Where the helper finds its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParametersSeat {
    /// On the last virtio disk.
    Virtio,
    /// On a virtual floppy of 1.44 MB.
    Floppy,
}

/// How the helper VM is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelperBuilder {
    /// A kernel and an initramfs with the tools of this node.
    Initramfs,
    /// A whole Debian system.
    Debootstrap,
}

/// The settings that a configuration file may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `HELPER_DIR`: where the helper VM's files lie.
    pub helper_dir: PathBuf,
    /// `HELPER_BUILDER`: how it is made.
    pub helper_builder: HelperBuilder,
    /// `HELPER_KERNEL`: the package whose kernel the builder initramfs takes.
    pub helper_kernel: String,
    /// `HELPER_PKG`: the package snf-image-helper, absolute or in HELPER_DIR; may be empty.
    pub helper_pkg: PathBuf,
    /// `HELPER_SUITE`: the release of Debian for the builder debootstrap.
    pub helper_suite: String,
    /// `HELPER_MIRROR`: where it comes from; empty: Debian's own mirror.
    pub helper_mirror: String,
    /// `HELPER_USER`: the user that runs the helper VM.
    pub helper_user: String,
    /// `HELPER_MEMORY`: its memory, in MiB.
    pub helper_memory_mib: u32,
    /// `HELPER_SOFT_TIMEOUT`: from the open gate to SIGTERM.
    pub helper_soft_timeout: Duration,
    /// `HELPER_HARD_TIMEOUT`: from SIGTERM to SIGKILL.
    pub helper_hard_timeout: Duration,
    /// `HELPER_ACCEL`.
    pub helper_accel: AcceleratorChoice,
    /// `HELPER_PARAMETERS`.
    pub helper_parameters: ParametersSeat,
    /// `QEMU`: the emulator, a name in PATH or a path.
    pub qemu: PathBuf,
    /// `IMAGE_DIR`: where the images lie that the OS parameter img_id may name.
    pub image_dir: PathBuf,
    /// `BACKENDS_DIR`: the programs that read images which nothing here knows.
    pub backends_dir: PathBuf,
    /// `BACKENDS_CONFIG_DIR`: their variables and priorities.
    pub backends_config_dir: PathBuf,
    /// `BACKENDS_TIMEOUT`: how long one may take to answer, or send nothing.
    pub backends_timeout: Duration,
    /// `DETECT_FORMAT`: images that are trusted to say themselves what they are.
    pub detect_format: Vec<Prefix>,
    /// `FETCH_ALLOW`: hosts and addresses that images may be fetched from, beside public ones.
    pub fetch_allow: Vec<Rule>,
    /// `FETCH_DENY`: those that they may not be fetched from.
    pub fetch_deny: Vec<Rule>,
    /// `FETCH_PROXY`: the URL of a proxy; none when empty.
    pub fetch_proxy: String,
    /// `FETCH_CA_FILE`: certificates of the authorities to trust; the system's when empty.
    pub fetch_ca_file: PathBuf,
    /// `FETCH_TIMEOUT`: how long a server may send nothing.
    pub fetch_timeout: Duration,
    /// `IMAGE_DEBUG`: whether the OS scripts' log has every detail.
    pub image_debug: bool,
    /// `IMPORT_GROW`: whether an import onto a larger disk grows partition and file system.
    pub import_grow: bool,
    /// `IMAGE_CACHE_DIR`: where images are kept that were fetched; nowhere when empty.
    pub image_cache_dir: PathBuf,
    /// `IMAGE_CACHE_SIZE`: how much they may take up, in bytes.
    pub image_cache_size: u64,
    /// `KEYS_DIR`: where the keys are whose signatures count.
    pub keys_dir: PathBuf,
    /// `REQUIRE_DIGEST`: whether an image needs a digest or a signature.
    pub require_digest: bool,
    /// `REQUIRE_SIGNATURE`: whether it needs a signature.
    pub require_signature: bool,
    /// `DHCP_TAGS` and the others about network interfaces.
    pub network: NetworkSettings,
    /// `PROGRESS_MONITOR`: the program that is fed with messages; none when empty.
    pub progress_monitor: PathBuf,
    /// `SPOOL_DIR`: where temporary files are made for images that must be there as a whole.
    pub spool_dir: PathBuf,
    /// `STORES_DIR`: where the files lie that speak of object stores and registries, with their credentials.
    pub stores_dir: PathBuf,
    /// `TARGET_TIMEOUT`: how long the server of a disk behind a URI may take to answer.
    pub target_timeout: Duration,
    /// `VARIANTS_DIR`: where the variants' files lie.
    pub variants_dir: PathBuf,
    /// `WINDOWS_DRIVERS_DIR`: where the drivers for Windows are that property WINDOWS_DRIVERS may name.
    pub windows_drivers_dir: PathBuf,
    /// `WINDOWS_TIMEZONE`: the time zone of Windows machines, by Windows' own name.
    pub windows_timezone: String,
}

/// A value that a setting does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value:?} is not valid: {expected}")]
pub struct SettingError {
    name: String,
    value: String,
    expected: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            helper_dir: PathBuf::from("/var/lib/snf-image/helper"),
            helper_builder: HelperBuilder::Initramfs,
            helper_kernel: "linux-image-cloud-amd64".into(),
            helper_pkg: PathBuf::new(),
            helper_suite: "stable".into(),
            helper_mirror: String::new(),
            helper_user: "nobody".into(),
            helper_memory_mib: 512,
            helper_soft_timeout: Duration::from_secs(120),
            helper_hard_timeout: Duration::from_secs(5),
            helper_accel: AcceleratorChoice::Auto,
            helper_parameters: ParametersSeat::Virtio,
            qemu: PathBuf::from("qemu-system-x86_64"),
            image_dir: PathBuf::from("/var/lib/snf-image"),
            backends_dir: PathBuf::from("/usr/share/ganeti/os/snf-image/backends/src"),
            backends_config_dir: PathBuf::from("/etc/snf-image/backends/src"),
            backends_timeout: Duration::from_secs(60),
            detect_format: Vec::new(),
            fetch_allow: Vec::new(),
            fetch_deny: Vec::new(),
            fetch_proxy: String::new(),
            fetch_ca_file: PathBuf::new(),
            fetch_timeout: Duration::from_secs(30),
            image_debug: false,
            import_grow: true,
            image_cache_dir: PathBuf::new(),
            image_cache_size: 20 << 30,
            keys_dir: PathBuf::from("/etc/snf-image/keys"),
            require_digest: false,
            require_signature: false,
            network: NetworkSettings::default(),
            progress_monitor: PathBuf::new(),
            spool_dir: PathBuf::from("/var/tmp"),
            stores_dir: PathBuf::from("/etc/snf-image/stores"),
            target_timeout: Duration::from_secs(120),
            variants_dir: PathBuf::from("/etc/ganeti/snf-image/variants"),
            windows_drivers_dir: PathBuf::from("/usr/share/virtio-win"),
            windows_timezone: Windows::TIME_ZONE.into(),
        }
    }
}

impl Settings {
    /// Changes one setting. Gives `false` for a name that is none.
    ///
    /// # Errors
    /// When the setting does not take the value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, SettingError> {
        let refuse = |expected| SettingError {
            name: name.into(),
            value: value.chars().take(80).collect(),
            expected,
        };
        match name {
            "HELPER_DIR" => {
                self.helper_dir = Some(PathBuf::from(value))
                    .filter(|path| path.is_absolute())
                    .ok_or_else(|| refuse("it is an absolute path of a directory"))?;
            }
            "HELPER_BUILDER" => {
                self.helper_builder = match value {
                    "initramfs" => HelperBuilder::Initramfs,
                    "debootstrap" => HelperBuilder::Debootstrap,
                    _ => return Err(refuse("it is one of initramfs, debootstrap")),
                };
            }
            "HELPER_KERNEL" => {
                // Names of packages (Debian Policy, 5.6.7).
                let plain = |byte: u8| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte)
                };
                self.helper_kernel = Some(value.to_owned())
                    .filter(|name| name.starts_with("linux-image-") && name.bytes().all(plain))
                    .ok_or_else(|| {
                        refuse("it is the name of a package, such as linux-image-amd64")
                    })?;
            }
            "HELPER_PKG" => self.helper_pkg = PathBuf::from(value),
            "HELPER_SUITE" => {
                let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
                self.helper_suite = Some(value.to_owned())
                    .filter(|suite| {
                        suite.bytes().all(plain) && suite.starts_with(char::is_alphabetic)
                    })
                    .ok_or_else(|| {
                        refuse("it is the name of a release of Debian, such as stable")
                    })?;
            }
            "HELPER_MIRROR" => {
                let starts = ["http://", "https://", "file:/", "copy:/", "deb "];
                let fits = |mirror: &String| {
                    mirror.is_empty() || starts.iter().any(|start| mirror.starts_with(start))
                };
                self.helper_mirror = Some(value.to_owned()).filter(fits).ok_or_else(|| {
                    refuse("it is a URL with http:, https: or file:, or a line of sources.list")
                })?;
            }
            "HELPER_USER" => {
                self.helper_user = Some(value.to_owned())
                    .filter(|user| !user.is_empty() && user != "root")
                    .ok_or_else(|| refuse("it is the name of a user other than root"))?;
            }
            "HELPER_MEMORY" => {
                self.helper_memory_mib = value
                    .parse()
                    .ok()
                    .filter(|mib| (128..=1 << 20).contains(mib))
                    .ok_or_else(|| refuse("it is a number of MiB from 128 to 1048576"))?;
            }
            "HELPER_SOFT_TIMEOUT" => {
                self.helper_soft_timeout = duration(value).ok_or_else(|| refuse(TIME))?
            }
            "HELPER_HARD_TIMEOUT" => {
                self.helper_hard_timeout = duration(value).ok_or_else(|| refuse(TIME))?
            }
            "HELPER_ACCEL" => {
                self.helper_accel = match value {
                    "auto" => AcceleratorChoice::Auto,
                    "kvm" => AcceleratorChoice::Kvm,
                    "tcg" => AcceleratorChoice::Tcg,
                    _ => return Err(refuse("it is one of auto, kvm, tcg")),
                };
            }
            "HELPER_PARAMETERS" => {
                self.helper_parameters = match value {
                    "virtio" => ParametersSeat::Virtio,
                    "floppy" => ParametersSeat::Floppy,
                    _ => return Err(refuse("it is one of virtio, floppy")),
                };
            }
            "QEMU" => {
                self.qemu = Some(PathBuf::from(value))
                    .filter(|path| !path.as_os_str().is_empty())
                    .ok_or_else(|| refuse("it is the name or the path of a program"))?;
            }
            "IMAGE_DIR" => self.image_dir = directory(value).ok_or_else(|| refuse(DIRECTORY))?,
            "BACKENDS_DIR" => {
                self.backends_dir = directory(value).ok_or_else(|| refuse(DIRECTORY))?
            }
            "BACKENDS_CONFIG_DIR" => {
                self.backends_config_dir = directory(value).ok_or_else(|| refuse(DIRECTORY))?
            }
            "BACKENDS_TIMEOUT" => {
                self.backends_timeout = duration(value).ok_or_else(|| refuse(TIME))?
            }
            "DETECT_FORMAT" => {
                self.detect_format = words(value).ok_or_else(|| refuse(PREFIXES))?;
            }
            "FETCH_ALLOW" => self.fetch_allow = words(value).ok_or_else(|| refuse(RULES))?,
            "FETCH_DENY" => self.fetch_deny = words(value).ok_or_else(|| refuse(RULES))?,
            "FETCH_PROXY" => {
                self.fetch_proxy = Some(value.to_owned())
                    .filter(|proxy| proxy.is_empty() || is_proxy(proxy))
                    .ok_or_else(|| refuse("it is http://HOST:PORT, without a user, or empty"))?;
            }
            "FETCH_CA_FILE" => {
                self.fetch_ca_file = Some(PathBuf::from(value))
                    .filter(|path| value.is_empty() || path.is_absolute())
                    .ok_or_else(|| refuse("it is the absolute path of a file, or empty"))?;
            }
            "FETCH_TIMEOUT" => self.fetch_timeout = duration(value).ok_or_else(|| refuse(TIME))?,
            "IMAGE_DEBUG" => {
                self.image_debug = yes_or_no(value).ok_or_else(|| refuse(YES_OR_NO))?
            }
            "IMPORT_GROW" => {
                self.import_grow = yes_or_no(value).ok_or_else(|| refuse(YES_OR_NO))?
            }
            "IMAGE_CACHE_DIR" => {
                self.image_cache_dir = Some(PathBuf::from(value))
                    .filter(|path| value.is_empty() || path.is_absolute())
                    .ok_or_else(|| refuse("it is an absolute path of a directory, or empty"))?;
            }
            "IMAGE_CACHE_SIZE" => {
                self.image_cache_size = parse_size(value).map_err(|_| {
                    refuse("it is a number of bytes, or one with K, M, G or T behind")
                })?;
            }
            "KEYS_DIR" => self.keys_dir = directory(value).ok_or_else(|| refuse(DIRECTORY))?,
            "REQUIRE_DIGEST" => {
                self.require_digest = yes_or_no(value).ok_or_else(|| refuse(YES_OR_NO))?
            }
            "REQUIRE_SIGNATURE" => {
                self.require_signature = yes_or_no(value).ok_or_else(|| refuse(YES_OR_NO))?
            }
            "PROGRESS_MONITOR" => {
                self.progress_monitor = Some(PathBuf::from(value))
                    .filter(|path| value.is_empty() || path.is_absolute())
                    .ok_or_else(|| {
                        refuse("it is the absolute path of a program, without arguments, or empty")
                    })?;
            }
            "SPOOL_DIR" => self.spool_dir = directory(value).ok_or_else(|| refuse(DIRECTORY))?,
            "STORES_DIR" => self.stores_dir = directory(value).ok_or_else(|| refuse(DIRECTORY))?,
            "TARGET_TIMEOUT" => {
                self.target_timeout = duration(value).ok_or_else(|| refuse(TIME))?
            }
            "VARIANTS_DIR" => {
                self.variants_dir = directory(value).ok_or_else(|| refuse(DIRECTORY))?
            }
            "WINDOWS_DRIVERS_DIR" => {
                self.windows_drivers_dir = directory(value).ok_or_else(|| refuse(DIRECTORY))?
            }
            "WINDOWS_TIMEZONE" => {
                self.windows_timezone = Some(value.to_owned())
                    .filter(|zone| is_time_zone(zone))
                    .ok_or_else(|| refuse(TIME_ZONE))?;
            }
            _ => return self.network.set(name, value).map_err(refuse),
        }
        Ok(true)
    }

    /// Every setting by its name, in the form that [`Settings::set`] takes.
    #[must_use]
    pub fn show(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Path| path.display().to_string();
        let switch = |on: bool| if on { "yes" } else { "no" }.to_owned();
        let builder = match self.helper_builder {
            HelperBuilder::Initramfs => "initramfs",
            HelperBuilder::Debootstrap => "debootstrap",
        };
        let accel = match self.helper_accel {
            AcceleratorChoice::Auto => "auto",
            AcceleratorChoice::Kvm => "kvm",
            AcceleratorChoice::Tcg => "tcg",
        };
        let seat = match self.helper_parameters {
            ParametersSeat::Virtio => "virtio",
            ParametersSeat::Floppy => "floppy",
        };
        let mut shown = vec![
            ("BACKENDS_CONFIG_DIR", path(&self.backends_config_dir)),
            ("BACKENDS_DIR", path(&self.backends_dir)),
            (
                "BACKENDS_TIMEOUT",
                self.backends_timeout.as_secs().to_string(),
            ),
            ("DETECT_FORMAT", listed(&self.detect_format)),
            ("FETCH_ALLOW", listed(&self.fetch_allow)),
            ("FETCH_CA_FILE", path(&self.fetch_ca_file)),
            ("FETCH_DENY", listed(&self.fetch_deny)),
            ("FETCH_PROXY", self.fetch_proxy.clone()),
            ("FETCH_TIMEOUT", self.fetch_timeout.as_secs().to_string()),
            ("HELPER_ACCEL", accel.to_owned()),
            ("HELPER_BUILDER", builder.to_owned()),
            ("HELPER_DIR", path(&self.helper_dir)),
            (
                "HELPER_HARD_TIMEOUT",
                self.helper_hard_timeout.as_secs().to_string(),
            ),
            ("HELPER_KERNEL", self.helper_kernel.clone()),
            ("HELPER_MEMORY", self.helper_memory_mib.to_string()),
            ("HELPER_MIRROR", self.helper_mirror.clone()),
            ("HELPER_PARAMETERS", seat.to_owned()),
            ("HELPER_PKG", path(&self.helper_pkg)),
            (
                "HELPER_SOFT_TIMEOUT",
                self.helper_soft_timeout.as_secs().to_string(),
            ),
            ("HELPER_SUITE", self.helper_suite.clone()),
            ("HELPER_USER", self.helper_user.clone()),
            ("IMAGE_CACHE_DIR", path(&self.image_cache_dir)),
            ("IMAGE_CACHE_SIZE", self.image_cache_size.to_string()),
            ("IMAGE_DEBUG", switch(self.image_debug)),
            ("IMAGE_DIR", path(&self.image_dir)),
            ("IMPORT_GROW", switch(self.import_grow)),
            ("KEYS_DIR", path(&self.keys_dir)),
            ("PROGRESS_MONITOR", path(&self.progress_monitor)),
            ("QEMU", path(&self.qemu)),
            ("REQUIRE_DIGEST", switch(self.require_digest)),
            ("REQUIRE_SIGNATURE", switch(self.require_signature)),
            ("SPOOL_DIR", path(&self.spool_dir)),
            ("STORES_DIR", path(&self.stores_dir)),
            ("TARGET_TIMEOUT", self.target_timeout.as_secs().to_string()),
            ("VARIANTS_DIR", path(&self.variants_dir)),
            ("WINDOWS_DRIVERS_DIR", path(&self.windows_drivers_dir)),
            ("WINDOWS_TIMEZONE", self.windows_timezone.clone()),
        ];
        shown.extend(self.network.show());
        shown.sort_unstable();
        shown
    }
}

const TIME: &str =
    "it is a number from 1 on, in seconds or with s, m, h or d behind it, at most 7d";

const DIRECTORY: &str = "it is an absolute path of a directory";

const YES_OR_NO: &str = "it is yes or no";

const RULES: &str = "it is a list of hosts (example.org), domains (.example.org), ranges of addresses (10.0.0.0/8) and *, with blanks between";

const PREFIXES: &str = "it is a list of directories below IMAGE_DIR (vendor/, ./ for all) and URLs (https://example.org/images/), each with a slash at its end and blanks between";

fn listed<T: ToString>(values: &[T]) -> String {
    let values: Vec<_> = values.iter().map(ToString::to_string).collect();
    values.join(" ")
}

fn words<T: FromStr>(value: &str) -> Option<Vec<T>> {
    let words = value
        .split([' ', ',', '\t'])
        .filter(|word| !word.is_empty());
    words.map(|word| word.parse().ok()).collect()
}

/// Whether a text is the URL of a host and a port alone: a password here would be seen by all who
/// may see the settings.
fn is_proxy(text: &str) -> bool {
    let host = text.strip_prefix("http://").unwrap_or_default();
    let host = host.strip_suffix('/').unwrap_or(host);
    let port = host.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    matches!(port, Some(Ok(_))) && !host.contains(['@', '/', '?', ' '])
}

fn directory(value: &str) -> Option<PathBuf> {
    Some(PathBuf::from(value)).filter(|path| path.is_absolute())
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// Reads a time as timeout(1) does, without fractions.
fn duration(text: &str) -> Option<Duration> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, unit @ ('s' | 'm' | 'h' | 'd'))) => (text.get(..at)?, unit),
        _ => (text, 's'),
    };
    let number: u64 = Some(digits)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()?;
    let seconds = number.checked_mul(match unit {
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => 1,
    })?;
    (1..=7 * 86400)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
