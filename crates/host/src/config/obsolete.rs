//! Variables of earlier releases that have no effect any more, and what takes their place.
// SPDX-License-Identifier: BSD-2-Clause

/// Groups of names, and what to do about them.
const OBSOLETE: [(&[&str], &str); 11] = [
    (
        &["XEN_SCRIPTS_DIR", "XEN_CMD"],
        "the helper VM runs in QEMU whatever the hypervisor of the instances",
    ),
    (
        &["KVM"],
        "QEMU names the emulator, HELPER_ACCEL says whether it uses KVM",
    ),
    (
        &["MULTISTRAP_CONFIG", "MULTISTRAP_APTPREFDIR"],
        "HELPER_BUILDER, HELPER_SUITE and HELPER_MIRROR say how the helper VM is made",
    ),
    (
        &[
            "HELPER_URL",
            "HELPER_IMG",
            "HELPER_KERNEL",
            "HELPER_INITRD",
            "VERSION_CHECK",
        ],
        "the helper VM in HELPER_DIR is built by snf-image-update-helper and checked by itself",
    ),
    (
        &["HELPER_DEBUG"],
        "there is no shell in the helper VM; IMAGE_DEBUG shows all that it says",
    ),
    (
        &[
            "DD",
            "LOSETUP",
            "BLOCKDEV",
            "PARTED",
            "SFDISK",
            "KPARTX",
            "INSTALL_MBR",
            "MD5SUM",
            "TIMEOUT",
            "TAR",
            "QEMU_NBD",
        ],
        "no such program is run on the node",
    ),
    (&["CURL"], "no program is run to fetch what a URL names"),
    (
        &[
            "PITHOS_DB",
            "PITHOS_DATA",
            "PITHOS_BACKEND_STORAGE",
            "PITHOS_RADOS_CEPH_CONF",
            "PITHOS_RADOS_POOL_MAPS",
            "PITHOS_RADOS_POOL_BLOCKS",
            "PITHOS_ARCHIPELAGO_CONF",
            "PITHCAT_UMASK",
        ],
        "set it in pithos.conf in BACKENDS_CONFIG_DIR, for a back-end pithos",
    ),
    (
        &["RBD_CEPH_CONF", "RBD_BLOCK_SIZE"],
        "let Ganeti map the volume (access=kernelspace), then it is a block device like any other",
    ),
    (
        &["UNATTEND"],
        "os_answer_file names an answer file, OS_ANSWER_FILE in this file one for all instances",
    ),
    (
        &["CLOUD_INIT_DEBUG"],
        "cloud-init logs to /var/log/cloud-init.log of the machine; a drop-in in the image's /etc/cloud/cloud.cfg.d makes it say more",
    ),
];

/// Why a name has no effect any more; none for a name that never had one.
pub(super) fn reason(name: &str) -> Option<&'static str> {
    OBSOLETE
        .iter()
        .find(|(names, _)| names.contains(&name))
        .map(|(_, reason)| *reason)
}
