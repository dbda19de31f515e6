//! One deployment as a front end asks for it, checked before anything is touched.
// SPDX-License-Identifier: BSD-2-Clause

mod inject;
mod nic;
mod password;
mod personality;
mod ssh_key;
mod user_data;
mod windows;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File as OpenFile;
use std::path::{Path, PathBuf};

use snf_image_protocol::{
    Account, CloudInit, Drivers as Named, FileMode, GuestPath, HostKey, Hostname, InjectedFile,
    MacAddress, Nic, Parameters, Properties, Secret, Swap, Task, VERSION,
};

use crate::digest::Digest;
use crate::format::Format;
use crate::source::{ExternalId, Source, Url};
use crate::store::StoredName;
use crate::target::Location;
use crate::verification::{Claims, Document};

pub use inject::{InjectError, parse_inject};
pub use nic::{NicArgumentError, apply_properties, parse_nic};
pub use password::{
    PasswordError, check_password, check_password_hash, read_password, read_password_hash,
};
pub use personality::{PersonalityFileError, parse_personality, read_personality};
pub use ssh_key::{KeyError, parse_authorized_keys, read_authorized_keys};
pub use user_data::{MAX_USER_DATA, UserData, UserDataError, read_user_data};
pub use windows::{
    MAX_ANSWER_FILE, NO_KEY, ProductKeyError, Windows, is_product_key, read_product_key,
};

/// The most that all injected files of one deployment may hold together, in bytes. They
/// travel through memory.
pub const MAX_PERSONALITY: usize = 32 * 1024 * 1024;

/// The file on the parameters disk that holds the user-data.
const USER_DATA: &str = "files/user-data";

/// Where a target's content comes from.
#[derive(Debug)]
pub enum Image {
    /// An image that is looked up when the deployment begins.
    At(PathBuf),
    /// An image that is open already.
    Open(Source),
    /// An image that is fetched.
    Url(Url),
    /// An image that a back-end of the node's reads.
    External(ExternalId),
    /// An image that is fetched from a store.
    Stored(StoredName),
    /// None: the target keeps what it holds and is only customised.
    Keep,
}

/// As messages name it.
impl fmt::Display for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Image::At(path) => path.display().fmt(formatter),
            Image::Open(source) => source.path().display().fmt(formatter),
            Image::Url(url) => url.fmt(formatter),
            Image::External(id) => id.fmt(formatter),
            Image::Stored(name) => name.fmt(formatter),
            Image::Keep => formatter.write_str("null"),
        }
    }
}

impl Image {
    /// The name of its file, where it has one: what a list of digests calls it.
    #[must_use]
    pub fn file_name(&self) -> Option<String> {
        let of_path = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
        match self {
            Image::At(path) => of_path(path),
            Image::Open(source) => of_path(source.path()),
            Image::Url(url) => url.file_name(),
            Image::External(id) => {
                let path = id.expose().split(['?', '#']).next()?;
                let name = path.rsplit(['/', ':']).next()?;
                Some(name.to_owned()).filter(|name| !name.is_empty())
            }
            Image::Stored(name) => {
                let name = name.to_string();
                let name = name.rsplit('/').next().map(str::to_owned);
                name.filter(|name| !name.is_empty())
            }
            Image::Keep => None,
        }
    }
}

/// A further disk of the machine, for the helper to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherDisk {
    /// Where it is.
    pub location: Location,
    /// Whether the helper may only read it.
    pub read_only: bool,
}

/// What one deployment is to do.
#[derive(Debug)]
pub struct Request {
    /// The image.
    pub image: Image,
    /// Its form.
    pub format: Format,
    /// What the digest of its bytes must be, as they come.
    pub digest: Option<Digest>,
    /// A list that says so instead.
    pub digest_list: Option<Document>,
    /// A signature by one of the node's keys: of the list where there is one, else of the image.
    pub signature: Option<Document>,
    /// Where the disk is that becomes the machine's.
    pub target: Location,
    /// For a regular file: its size afterwards, in bytes.
    pub size: Option<u64>,
    /// The machine's disks behind the target, in their order.
    pub other_disks: Vec<OtherDisk>,
    /// The only tasks of the helper to run, where not all that there are.
    pub only: Option<Vec<Task>>,
    /// The machine's name.
    pub hostname: Option<Hostname>,
    /// The users' password, in clear.
    pub password: Option<Secret>,
    /// The users' password as crypt(5) hash.
    pub password_hash: Option<Secret>,
    /// Lines for the users' authorized_keys.
    pub authorized_keys: Vec<String>,
    /// The machine's network interfaces; none when the image keeps its own configuration.
    pub nics: Vec<Nic>,
    /// What is known about the image, and what to leave out.
    pub properties: Properties,
    /// Files to put into the image.
    pub personality: Vec<File>,
    /// What only Windows has.
    pub windows: Windows,
    /// What cloud-init of the image gets as user-data.
    pub user_data: Option<UserData>,
}

/// The file on the parameters disk that holds the answer file.
const ANSWER_FILE: &str = "files/answer-file";

/// The directory on the parameters disk that holds the drivers for Windows.
const DRIVERS: &str = "drivers";

/// What was found out for a deployment before it is handed over to the helper.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The content of the answer file.
    pub answer_file: Option<Vec<u8>>,
    /// The time zone of the node's settings, by Windows' name.
    pub time_zone: String,
    /// Drivers for Windows, where some are to be put into it.
    pub drivers: Option<Drivers>,
}

/// Drivers for Windows.
#[derive(Debug)]
pub enum Drivers {
    /// Files by their places, `viostor/w10/amd64/viostor.sys`.
    Files(Vec<(String, Vec<u8>)>),
    /// An ISO file.
    Disk(OpenFile),
}

/// One file to put into the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it goes.
    pub path: GuestPath,
    /// Whose it is.
    pub owner: Account,
    /// Whose group it is.
    pub group: Account,
    /// Its permissions.
    pub mode: FileMode,
    /// What it holds.
    pub content: Vec<u8>,
}

/// What only the whole request can tell is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// All injected files together hold too much.
    #[error("the files to inject hold {0} bytes in all, more than 33554432 (32 MiB)")]
    TooMuch(usize),
    /// A property names a disk that is not there.
    #[error("property {property}={value} names disk {} of the machine, which has {disks}", .index + 1)]
    NoDisk {
        /// The property.
        property: &'static str,
        /// Its value.
        value: String,
        /// The place of that disk, from 0.
        index: usize,
        /// How many there are.
        disks: usize,
    },
    /// A property names a disk that may only be read.
    #[error("property {property}={value} names a disk that is read-only")]
    ReadOnlyDisk {
        /// The property.
        property: &'static str,
        /// Its value.
        value: String,
    },
    /// Two properties name one disk.
    #[error("properties SWAP and CLOUD_INIT_DISK name the same disk: give them two")]
    SameDisk,
    /// Two network interfaces that the machine could not tell apart.
    #[error("two network interfaces have the MAC address {0}: give each its own")]
    SameMac(MacAddress),
    /// There is user-data, and nobody to read it.
    #[error(
        "user-data is given and property CLOUD_INIT=no says that cloud-init is not used: take one of \
         them away"
    )]
    NoCloudInit,
}

impl Request {
    /// What asks for nothing but an image on a target, by all tasks.
    #[must_use]
    pub fn new(image: Image, target: Location) -> Self {
        Request {
            image,
            format: Format::Diskdump,
            digest: None,
            digest_list: None,
            signature: None,
            target,
            size: None,
            other_disks: Vec::new(),
            only: None,
            hostname: None,
            password: None,
            password_hash: None,
            authorized_keys: Vec::new(),
            nics: Vec::new(),
            properties: Properties::default(),
            personality: Vec::new(),
            windows: Windows::default(),
            user_data: None,
        }
    }

    /// What is said of the image, where there is one.
    #[must_use]
    pub fn claims(&self) -> Option<Claims<'_>> {
        let claims = Claims {
            image: self.image.to_string(),
            file_name: self.image.file_name(),
            digest: self.digest.as_ref(),
            digest_list: self.digest_list.as_ref(),
            signature: self.signature.as_ref(),
        };
        (!matches!(self.image, Image::Keep)).then_some(claims)
    }

    /// Checks what only the whole request can tell.
    ///
    /// # Errors
    /// When the injected files are more than [`MAX_PERSONALITY`] together, a property names a disk that is not
    /// there or cannot be written to, two interfaces have one MAC address, or user-data is given and
    /// cloud-init is not to be used.
    pub fn check(&self) -> Result<(), RequestError> {
        let total: usize = self.personality.iter().map(|file| file.content.len()).sum();
        if total > MAX_PERSONALITY {
            return Err(RequestError::TooMuch(total));
        }
        let mut known = BTreeSet::new();
        if let Some(again) = self.nics.iter().find(|nic| !known.insert(nic.mac)) {
            return Err(RequestError::SameMac(again.mac));
        }
        if self.user_data.is_some() && self.properties.cloud_init() == Ok(Some(CloudInit::No)) {
            return Err(RequestError::NoCloudInit);
        }
        let swap = match self.properties.swap() {
            Ok(Some(Swap::Disk { index })) => Some(index),
            _ => None,
        };
        let seed = self.properties.cloud_init_disk().unwrap_or_default();
        if swap.is_some() && swap == seed {
            return Err(RequestError::SameDisk);
        }
        self.check_disk("SWAP", swap)?;
        self.check_disk("CLOUD_INIT_DISK", seed)
    }

    /// Looks whether a property names a further disk that can be written to.
    fn check_disk(&self, property: &'static str, index: Option<usize>) -> Result<(), RequestError> {
        let Some(index) = index else {
            return Ok(());
        };
        let value = self.properties.get(property).unwrap_or_default().to_owned();
        match index.checked_sub(1).and_then(|at| self.other_disks.get(at)) {
            None => Err(RequestError::NoDisk {
                property,
                value,
                index,
                disks: self.other_disks.len() + 1,
            }),
            Some(disk) if disk.read_only => Err(RequestError::ReadOnlyDisk { property, value }),
            Some(_) => Ok(()),
        }
    }

    /// Whether a task is asked for.
    #[must_use]
    pub fn wants(&self, task: Task) -> bool {
        let listed = self.only.as_ref().is_none_or(|only| only.contains(&task));
        listed && self.properties.excludes(task).is_none()
    }

    /// What the helper is told, and the files that go beside it on the parameters disk.
    #[must_use]
    pub fn parameters<'a>(
        &'a self,
        host_keys: Vec<HostKey>,
        gathered: &'a Gathered,
    ) -> (Parameters, Vec<(String, &'a [u8])>) {
        let named = || {
            self.personality
                .iter()
                .enumerate()
                .map(|(number, file)| (format!("files/{number}"), file))
        };
        let parameters = Parameters {
            version: VERSION,
            only: self.only.clone(),
            hostname: self.hostname.clone(),
            password: self.password.clone(),
            password_hash: self.password_hash.clone(),
            authorized_keys: self.authorized_keys.clone(),
            host_keys,
            nics: self.nics.clone(),
            properties: self.properties.clone(),
            personality: named()
                .map(|(content, file)| InjectedFile {
                    path: file.path.clone(),
                    owner: file.owner.clone(),
                    group: file.group.clone(),
                    mode: file.mode,
                    content,
                })
                .collect(),
            windows: snf_image_protocol::Windows {
                product_key: self.windows.product_key.clone(),
                answer_file: (gathered.answer_file.as_ref()).map(|_| ANSWER_FILE.to_owned()),
                time_zone: gathered.time_zone.clone(),
                drivers: gathered.drivers.as_ref().map(|drivers| match drivers {
                    Drivers::Files(_) => Named::Directory(DRIVERS.to_owned()),
                    Drivers::Disk(_) => Named::Disk,
                }),
            },
            user_data: self.user_data.as_ref().map(|_| USER_DATA.to_owned()),
        };
        let user_data = self.user_data.iter();
        let answer_file = gathered.answer_file.iter();
        let drivers = match &gathered.drivers {
            Some(Drivers::Files(files)) => files.as_slice(),
            Some(Drivers::Disk(_)) | None => &[],
        };
        let files = named()
            .map(|(name, file)| (name, file.content.as_slice()))
            .chain(answer_file.map(|content| (ANSWER_FILE.to_owned(), content.as_slice())))
            .chain(user_data.map(|data| (USER_DATA.to_owned(), data.expose())))
            .chain(
                drivers
                    .iter()
                    .map(|(place, content)| (format!("{DRIVERS}/{place}"), content.as_slice())),
            )
            .collect();
        (parameters, files)
    }
}
