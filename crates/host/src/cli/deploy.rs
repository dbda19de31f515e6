//! The arguments of `snf-image deploy`.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use snf_image_protocol::Nic;

use crate::digest::Digest;
use crate::format::Format;
use crate::request::parse_nic;
use crate::size::parse_size;

/// Arguments of `snf-image deploy`.
#[derive(Debug, Args)]
pub struct DeployArguments {
    /// The image: a file, a block device, where to fetch it from, or null to keep what the target holds
    ///
    /// A URL begins with http://, https://, ftp://, ftps:// or ftpes://, an object in a store is
    /// s3://BUCKET/KEY or swift://CONTAINER/OBJECT, an artifact in a registry oci://REGISTRY/NAME:TAG. Where
    /// images may be fetched from is set by FETCH_ALLOW, FETCH_DENY and STORES_DIR of the configuration. file:///PATH is a file, too. A
    /// file of the name null is ./null.
    #[arg(long, value_name = "FILE|URL|null", value_hint = ValueHint::FilePath)]
    pub image: OsString,

    /// What becomes the machine's disk: a block device, a regular file, or a disk behind a URI
    ///
    /// All that it held is lost. A file that does not exist is made, and removed again when
    /// the deployment fails. A URI begins with nbd:, iscsi:, rbd: or gluster:. A file of such a name
    /// is reached by ./ before it.
    #[arg(long, value_name = "FILE|BLOCKDEV|URI", value_hint = ValueHint::AnyPath)]
    pub target: OsString,

    /// What the image is
    #[arg(long, value_enum, default_value_t = Format::Diskdump)]
    pub format: Format,

    /// What the digest of the image's bytes must be: sha256:HEX or sha512:HEX
    ///
    /// Another image is not deployed: the ends of the target are wiped then. md5 and sha1 are
    /// taken with a warning.
    #[arg(long, value_name = "ALGORITHM:HEX")]
    pub digest: Option<Digest>,

    /// A list of digests, such as SHA256SUMS, that holds that of the image's file name
    ///
    /// The lines of sha256sum, those of sha256sum --tag, a lone digest, and all of them in a
    /// clear-signed message are understood.
    #[arg(long, value_name = "FILE|URL", value_hint = ValueHint::FilePath, conflicts_with = "digest")]
    pub digest_url: Option<OsString>,

    /// A signature by a key in KEYS_DIR: of the list of digests where one is given, else of the image itself
    ///
    /// It is of OpenPGP or of minisign, and detached, or the list itself again where that is
    /// clear-signed. An image without it is not deployed.
    #[arg(long, value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
    pub signature_url: Option<OsString>,

    /// Let a regular file as target grow to this size: bytes, or with K, M, G or T behind
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub size: Option<u64>,

    /// The machine's host name; without it the image keeps its own
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,

    /// A file with one line: the password of the users (root or Administrator, or property USERS)
    #[arg(long, value_name = "FILE", conflicts_with = "password_hash_file")]
    pub password_file: Option<PathBuf>,

    /// A file with one line: their password as crypt(5) hash
    #[arg(long, value_name = "FILE")]
    pub password_hash_file: Option<PathBuf>,

    /// A file with SSH public keys that may log in as the users; may be repeated
    #[arg(long, value_name = "FILE")]
    pub ssh_key: Vec<PathBuf>,

    /// A network interface of the machine, recognised by its MAC address; may be repeated
    ///
    /// WORDS, with commas between: address=ADDRESS/PREFIX or dhcp for IPv4; address=ADDRESS/PREFIX,
    /// slaac, slaac_dhcp (addresses by SLAAC, the rest by DHCPv6) or dhcpv6 for IPv6; gateway=ADDRESS,
    /// which may lie outside the network; dns=ADDRESS, search=DOMAIN and route=NETWORK@ROUTER, each as
    /// often as needed; mtu=BYTES. An interface with none of these is configured to have no address.
    /// Without this option the image keeps its network configuration.
    #[arg(long, value_name = "mac=MAC[,WORDS]", value_parser = parse_nic)]
    pub nic: Vec<Nic>,

    /// An answer file for Windows Setup, in place of the image's own
    #[arg(long, value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
    pub answer_file: Option<OsString>,

    /// A file with one line: the product key for Windows Setup
    #[arg(long, value_name = "FILE")]
    pub product_key_file: Option<PathBuf>,

    /// An image property, such as USERS="root debian" or EXCLUDE_TASK_DELETESSHKEYS=yes; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub property: Vec<String>,

    /// A program that the helper runs, confined, while the image is mounted: property CUSTOM_TASK
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub custom_task: Option<PathBuf>,

    /// A script that the machine runs once, at its first boot: property FIRST_BOOT_SCRIPT
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub first_boot: Option<PathBuf>,

    /// Put the file LOCAL into the image as GUEST; may be repeated
    ///
    /// It belongs to root and has the permissions of the local file, unless OWNER, GROUP (names
    /// of the image, or numbers) and MODE (octal) are given.
    #[arg(long, value_name = "LOCAL:GUEST[:OWNER:GROUP:MODE]")]
    pub inject: Vec<String>,

    /// A JSON list of files to put into the image: objects with path, contents (base64) and, optionally, owner, group, mode
    #[arg(long, value_name = "JSONFILE")]
    pub personality: Option<PathBuf>,

    /// A file that cloud-init of the image gets as user-data; property CLOUD_INIT is yes then
    ///
    /// Its content is passed on as it is: a configuration, a script, a MIME message, at most 1 MiB. With
    /// CLOUD_INIT=auto it is refused by the helper where the image does not use cloud-init.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub user_data: Option<PathBuf>,
}
