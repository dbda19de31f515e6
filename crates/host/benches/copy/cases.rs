//! The images, and the tools that each is measured against.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use snf_image::format::Format;

use crate::ways::shell;

/// One form of image.
pub(crate) struct Case {
    /// What it is.
    pub(crate) name: &'static str,
    /// What we are told that it is.
    pub(crate) format: Format,
    /// How it is made of the raw image `$1` as `$2`: a shell script.
    script: &'static str,
    /// Whether it comes from a server on this machine.
    pub(crate) by_url: bool,
    /// Other ways to put `$1`, or what is at the URL `$3`, onto the file `$2`, which is there and
    /// one hole: shell scripts.
    pub(crate) others: &'static [&'static str],
}

impl Case {
    /// Makes the image, and brings it to the disk so that nobody has to later.
    pub(crate) fn make(&self, raw: &Path, image: &Path) {
        shell(self.script, raw, image, "");
        rustix::fs::sync();
    }
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "raw, 1 GiB of data",
        format: Format::Diskdump,
        script: "head -c 1G /dev/urandom > $2",
        by_url: false,
        others: &[
            "dd if=$1 of=$2 bs=4M oflag=direct conv=notrunc status=none",
            "qemu-img convert -n -W -t none -f raw -O raw $1 $2",
            "nbdcopy $1 $2",
            "cp --sparse=always $1 $2",
        ],
    },
    Case {
        name: "raw with holes",
        format: Format::Diskdump,
        script: "cp --sparse=always $1 $2; bmaptool -q create -o $2.bmap $2",
        by_url: false,
        others: &[
            "nbdcopy $1 $2",
            "qemu-img convert -n -W -t none -f raw -O raw $1 $2",
            "qemu-img convert -n -W -f raw -O raw $1 $2",
            "cp --sparse=always $1 $2",
            "bmaptool -q copy --bmap $1.bmap $1 $2",
            "dd if=$1 of=$2 bs=4M oflag=direct conv=notrunc status=none",
        ],
    },
    Case {
        name: "raw with holes, by http",
        format: Format::Diskdump,
        script: "cp --sparse=always $1 $2",
        by_url: true,
        others: &[
            "curl -s $3 | dd of=$2 bs=64K conv=sparse,notrunc iflag=fullblock status=none",
            "curl -s $3 | dd of=$2 bs=4M oflag=direct conv=notrunc iflag=fullblock status=none",
        ],
    },
    Case {
        name: "raw.gz",
        format: Format::Diskdump,
        script: "gzip -c $1 > $2",
        by_url: false,
        others: &[
            "gzip -dc < $1 | dd of=$2 bs=64K conv=sparse,notrunc iflag=fullblock status=none",
        ],
    },
    Case {
        name: "raw.gz of bgzip, many members",
        format: Format::Diskdump,
        script: "bgzip -@2 -c $1 > $2",
        by_url: false,
        others: &[
            "gzip -dc < $1 | dd of=$2 bs=64K conv=sparse,notrunc iflag=fullblock status=none",
            "bgzip -@2 -dc $1 | dd of=$2 bs=64K conv=sparse,notrunc iflag=fullblock status=none",
        ],
    },
    Case {
        name: "raw.zst",
        format: Format::Diskdump,
        script: "zstd -q -c $1 > $2",
        by_url: false,
        others: &[
            "zstd -q -d --sparse -f -o $2 $1",
            "zstd -q -dc $1 | dd of=$2 bs=64K conv=sparse,notrunc iflag=fullblock status=none",
            "zstd -q -dc $1 | dd of=$2 bs=4M oflag=direct conv=notrunc iflag=fullblock status=none",
        ],
    },
    Case {
        name: "raw.zst of pzstd, many frames",
        format: Format::Diskdump,
        script: "pzstd -q -c $1 > $2",
        by_url: false,
        others: &[
            "zstd -q -d --sparse -f -o $2 $1",
            "pzstd -q -p 2 -dc $1 | dd of=$2 bs=64K conv=sparse,notrunc iflag=fullblock status=none",
        ],
    },
    Case {
        name: "raw.zst, by http",
        format: Format::Diskdump,
        script: "zstd -q -c $1 > $2",
        by_url: true,
        others: &[
            "curl -s $3 | zstd -q -dc | dd of=$2 bs=64K conv=sparse,notrunc iflag=fullblock status=none",
        ],
    },
    Case {
        name: "qcow2",
        format: Format::Qcow2,
        script: "qemu-img convert -O qcow2 $1 $2",
        by_url: false,
        others: &[
            "qemu-img convert -n -W -t none -f qcow2 -O raw $1 $2",
            "qemu-img convert -n -W -f qcow2 -O raw $1 $2",
        ],
    },
    Case {
        name: "qcow2, zlib",
        format: Format::Qcow2,
        script: "qemu-img convert -c -O qcow2 $1 $2",
        by_url: false,
        others: &[
            "qemu-img convert -n -W -t none -f qcow2 -O raw $1 $2",
            "qemu-img convert -n -W -f qcow2 -O raw $1 $2",
        ],
    },
    Case {
        name: "qcow2, zstd",
        format: Format::Qcow2,
        script: "qemu-img convert -c -O qcow2 -o compression_type=zstd $1 $2",
        by_url: false,
        others: &[
            "qemu-img convert -n -W -t none -f qcow2 -O raw $1 $2",
            "qemu-img convert -n -W -f qcow2 -O raw $1 $2",
        ],
    },
    Case {
        name: "raw.xz, many blocks",
        format: Format::Diskdump,
        script: "xz -1 -T2 --block-size=16MiB -c $1 > $2",
        by_url: false,
        others: &[
            "xz -dc < $1 | dd of=$2 bs=64K conv=sparse,notrunc iflag=fullblock status=none",
            "xz -T0 -dc < $1 | dd of=$2 bs=64K conv=sparse,notrunc iflag=fullblock status=none",
        ],
    },
];
