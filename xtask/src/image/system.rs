//! The systems of the images: packages and configuration.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use snf_image_testkit::tool::Tool;

use super::disk::{ESP_ID, ROOT_UUID};

/// The release that is installed.
pub(crate) const RELEASE: &str = "bookworm";

/// What is installed beside the essential packages.
const PACKAGES: [&str; 18] = [
    "ca-certificates",
    "dbus",
    "e2fsprogs",
    "fdisk",
    "ifupdown",
    "init",
    "iproute2",
    "isc-dhcp-client",
    "kmod",
    "less",
    "linux-image-cloud-amd64",
    "locales",
    "login",
    "openssh-server",
    "sudo",
    "systemd-timesyncd",
    "udev",
    "zstd",
];

/// What an image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// The demo image's: nothing in it configures a machine by itself.
    Plain,
    /// Likewise with cloud-init, which makes its user `debian` at the first start.
    CloudInit,
}

impl System {
    /// The name of its files.
    pub(super) fn name(self) -> &'static str {
        match self {
            System::Plain => "debian-12",
            System::CloudInit => "debian-12-cloud",
        }
    }

    /// To be raised with every change of how it is made, so that a kept one is not used.
    pub(super) fn recipe(self) -> &'static str {
        match self {
            System::Plain => "2",
            System::CloudInit => "2",
        }
    }

    /// Installs it into a directory that does not exist yet.
    pub(super) fn install(self, root: &Path) -> Result<()> {
        let mut packages = PACKAGES.join(",");
        if self == System::CloudInit {
            packages += ",cloud-init";
        }
        Tool::new("mmdebstrap")
            .args(["--quiet", "--mode=root", "--variant=minbase"])
            .arg(format!("--include={packages}"))
            .arg(RELEASE)
            .arg(root)
            .args(mirrors()?)
            .run()
            .map(drop)
    }

    /// Configures it as one that was used before it was published: with a machine id and host keys
    /// (openssh-server has made them), and a user of its own unless that comes with the first start.
    pub(super) fn configure(self, root: &Path) -> Result<()> {
        configure(root)?;
        match self {
            System::Plain => chroot(
                root,
                &["useradd", "--create-home", "--shell", "/bin/bash", "debian"],
            ),
            // As Debian's own images have it: cloud-init fails to make the one that it takes for the default.
            System::CloudInit => write(root, "etc/default/locale", "LANG=C.UTF-8\n"),
        }
    }
}

/// The sources of the release that this machine has configured; mmdebstrap has its own for
/// a machine with none.
pub(crate) fn mirrors() -> Result<Vec<String>> {
    let wanted = [
        RELEASE.to_owned(),
        format!("{RELEASE}-updates"),
        format!("{RELEASE}-security"),
    ];
    let mut lines: Vec<_> = configured()?
        .into_iter()
        .filter(|(_, codename)| wanted.contains(codename))
        .map(|(uri, codename)| format!("deb {uri} {codename} main"))
        .collect();
    lines.sort();
    lines.dedup();
    Ok(lines)
}

/// The source of another release, at the same place.
pub(crate) fn mirror_of(release: &str) -> Result<Vec<String>> {
    let mut all = configured()?.into_iter();
    let found = all.find(|(_, codename)| codename == RELEASE);
    let line = found.map(|(uri, _)| format!("deb {uri} {release} main"));
    Ok(line.into_iter().collect())
}

/// Addresses and code names of what this machine has configured.
fn configured() -> Result<Vec<(String, String)>> {
    let listed = Tool::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI) $(CODENAME)"])
        .arg("Created-By: Packages")
        .run()?;
    let words = listed.lines().filter_map(|line| line.split_once(' '));
    Ok(words
        .map(|(uri, codename)| (uri.to_owned(), codename.to_owned()))
        .collect())
}

fn configure(root: &Path) -> Result<()> {
    let fstab = format!(
        "UUID={ROOT_UUID} / ext4 rw,discard,errors=remount-ro 0 1\n\
         UUID={}-{} /boot/efi vfat umask=0077 0 1\n",
        ESP_ID.get(..4).context("a volume id")?,
        ESP_ID.get(4..).context("a volume id")?,
    );
    write(root, "etc/fstab", &fstab)?;
    write(root, "etc/hostname", "debian\n")?;
    write(
        root,
        "etc/hosts",
        "127.0.0.1\tlocalhost\n127.0.1.1\tdebian\n::1\tlocalhost ip6-localhost\n",
    )?;
    write(
        root,
        "etc/network/interfaces",
        "auto lo\niface lo inet loopback\n",
    )?;
    write(root, "etc/machine-id", "00112233445566778899aabbccddeeff\n")?;
    fs::create_dir_all(root.join("boot/efi"))?;
    boot_configuration(root)
}

/// extlinux's configuration, with the kernel on the first serial port.
fn boot_configuration(root: &Path) -> Result<()> {
    let version = fs::read_dir(root.join("boot"))?
        .flatten()
        .find_map(|entry| {
            Some(
                entry
                    .file_name()
                    .to_str()?
                    .strip_prefix("vmlinuz-")?
                    .to_owned(),
            )
        })
        .context("no kernel was installed")?;
    let text = format!(
        "SERIAL 0 115200\nDEFAULT linux\nPROMPT 0\nLABEL linux\n\
         \tKERNEL /boot/vmlinuz-{version}\n\tINITRD /boot/initrd.img-{version}\n\
         \tAPPEND root=UUID={ROOT_UUID} ro console=ttyS0,115200\n"
    );
    fs::create_dir_all(root.join("boot/extlinux"))?;
    write(root, "boot/extlinux/extlinux.conf", &text)
}

fn write(root: &Path, name: &str, text: &str) -> Result<()> {
    let path = root.join(name);
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

fn chroot(root: &Path, command: &[&str]) -> Result<()> {
    Tool::new("chroot").arg(root).args(command).run().map(drop)
}
