//! Where Linux systems keep what is one machine's own.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Identity;

/// The files of each part that the system makes anew when they are missing. The last component
/// may hold `*`.
pub(super) const PLACES: [(Identity, &[&str]); 8] = [
    (
        Identity::RandomSeed,
        &[
            "/var/lib/systemd/random-seed",
            "/var/lib/urandom/random-seed", // Debian before systemd
            "/var/lib/random-seed",         // Red Hat before systemd
            "/var/lib/misc/random-seed",    // SUSE, Gentoo
            "/etc/random-seed",             // Slackware
            "/var/lib/seedrng/seed.credit", // OpenRC, busybox
            "/var/lib/seedrng/seed.no-credit",
            // systemd-boot's, on the EFI system partition.
            "/boot/efi/loader/random-seed",
            "/boot/loader/random-seed",
            "/efi/loader/random-seed",
        ],
    ),
    (
        Identity::CredentialSecret,
        &["/var/lib/systemd/credential.secret"],
    ),
    (
        Identity::DhcpLeases,
        &[
            "/var/lib/dhcp/dhclient*.lease*",
            "/var/lib/dhcp3/dhclient*.lease*",
            "/var/lib/dhclient/*.lease*",
            "/var/lib/dhcpcd/*.lease*",
            "/var/lib/dhcpcd/duid",
            "/var/lib/dhcpcd/secret",
            "/var/lib/dhcpcd5/*.lease*",
            "/var/db/dhcpcd/*.lease*",
            "/var/db/dhcpcd/duid",
            "/var/db/dhcpcd/secret",
            "/etc/dhcpcd.duid",
            "/etc/dhcpcd.secret",
            "/etc/dhcpc/*.info", // Slackware
            "/var/lib/NetworkManager/*.lease",
            "/var/lib/wicked/*.xml", // SUSE: leases, DUID, IAIDs
        ],
    ),
    (
        Identity::NetworkManager,
        &[
            "/var/lib/NetworkManager/secret_key",
            "/var/lib/NetworkManager/seen-bssids",
            "/var/lib/NetworkManager/timestamps",
        ],
    ),
    (
        Identity::InterfaceNames,
        &[
            "/etc/udev/rules.d/70-persistent-net.rules",
            "/etc/udev/rules.d/70-persistent-cd.rules",
            "/etc/udev/rules.d/z25_persistent-net.rules",
            "/etc/udev/rules.d/z25_persistent-cd.rules",
        ],
    ),
    (
        Identity::CloudInit,
        &[
            "/var/lib/cloud/instance",
            "/var/lib/cloud/instances",
            "/var/lib/cloud/data",
            "/var/lib/cloud/sem",
        ],
    ),
    // Without it LVM looks at all devices; with it, at those of another machine (lvmdevices(8)).
    (Identity::LvmDevices, &["/etc/lvm/devices/system.devices"]),
    (Identity::YumUuid, &["/var/lib/yum/uuid"]),
];

/// Secrets of one machine that it was given and cannot make anew.
pub(super) const SHARED: [&str; 19] = [
    "/etc/krb5.keytab",
    "/etc/dropbear/dropbear_*_host_key",
    "/etc/ssl/private/ssl-cert-snakeoil.key",
    "/etc/pki/consumer/key.pem",
    "/etc/pki/entitlement/*-key.pem",
    "/etc/sysconfig/rhn/systemid",
    "/etc/zypp/credentials.d/SCCcredentials",
    "/var/lib/ubuntu-advantage/private/machine-token.json",
    "/var/lib/samba/private/secrets.tdb",
    "/var/lib/samba/secrets.tdb",
    "/var/lib/puppet/ssl/private_keys/*.pem",
    "/etc/puppetlabs/puppet/ssl/private_keys/*.pem",
    "/etc/salt/pki/minion/minion.pem",
    "/etc/chef/client.pem",
    "/etc/docker/key.json",
    "/var/lib/tailscale/tailscaled.state",
    "/var/lib/zerotier-one/identity.secret",
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/rancher/k3s/server/token",
];
