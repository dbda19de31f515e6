//! The Debian packages and cargo tools that building, testing and measuring need.
// SPDX-License-Identifier: BSD-2-Clause

/// Debian packages and what each is for.
pub(crate) const DEBIAN: &[&str] = &[
    // Building: the C libraries zstd and liblzma are compiled, the helper is linked statically.
    "gcc",
    "libc6-dev",
    // The helper VM: its kernel, tools and libraries.
    "apt",
    "btrfs-progs",
    "busybox-static",
    "e2fsprogs",
    "f2fs-tools",
    "fdisk",
    "lvm2",
    "ntfs-3g",
    "pax-utils",
    "xfsprogs",
    "xorriso",
    // Running it.
    "qemu-system-x86",
    "openssh-client",
    // The demo image.
    "debian-archive-keyring",
    "dosfstools",
    "extlinux",
    "mmdebstrap",
    "squashfs-tools",
    "mount",
    "syslinux-common",
    // Looking at results with tools that the product does not use.
    "cpio",
    "cryptsetup-bin", // and making what is encrypted
    "gdisk",
    "libxml2-utils",
    "mtools",
    "perl",
    "util-linux",
    "procps",
    // Drivers for Windows in an ISO file; ISO images as Cloudbase-Init unpacks them.
    "genisoimage",
    "libarchive-tools",
    // Registry hives: made and read by hivex, read by reged.
    "chntpw",
    "libwin-hivex-perl",
    // What sshd and sudo make of configurations that the helper reads and writes.
    "openssh-server",
    "sudo",
    // Images as other tools compress them.
    "bzip2",
    "lz4",
    "pigz",
    "tabix",
    "xz-utils",
    "zstd",
    // A policy of SELinux, and what libselinux reads in it.
    "selinux-policy-default",
    "selinux-utils",
    // The packages, and what they depend on.
    "dpkg-dev",
    "kmod",
    "lintian",
    "systemd",
    // Comparing with the unconfined way.
    "parted",
    "passwd",
    "qemu-utils",
    "ca-certificates",
    // Checking OpenPGP signatures, and making signatures for that.
    "gpgv",
    "gpg",
    "gpg-agent",
    "minisign",
    // Servers of the tests, and their certificates.
    "curl",
    "docker-registry",
    "memcached",
    "openssl",
    "python3",
    "nbdkit",
    // Storage that only QEMU reaches: an iSCSI target, GlusterFS, Ceph, and QEMU's drivers for both.
    "ceph-common",
    "glusterfs-server",
    "ceph-mon",
    "ceph-osd",
    "radosgw",
    "qemu-block-extra",
    "tgt",
    "python3-openssl",
    "python3-pyftpdlib",
    "swift-account",
    "swift-container",
    "swift-object",
    "swift-proxy",
];

/// What the copy is measured against.
pub(crate) const COPYING: &[&str] = &[
    "bmap-tools",
    "curl",
    "gzip",
    "libnbd-bin",
    "qemu-utils",
    "tabix",
    "xz-utils",
    "zstd",
];

/// Programs of crates.io: the program and its crate.
pub(crate) const CARGO: [(&str, &str); 2] = [
    ("cargo-nextest", "cargo-nextest"),
    ("cargo-deny", "cargo-deny"),
];

/// Where backports of a Debian release come from, as a line for sources.list(5).
pub(crate) const BACKPORTS: &str = "deb http://deb.debian.org/debian bookworm-backports main";

/// The release of [`BACKPORTS`], and the sign of its packages in their versions.
pub(crate) const BACKPORTS_RELEASE: (&str, &str) = ("bookworm-backports", "~bpo12");
