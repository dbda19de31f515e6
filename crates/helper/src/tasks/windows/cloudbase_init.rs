//! InitializeDatasource: a volume from which Cloudbase-Init of the image takes the user-data.
//!
//! It looks for no files on the volume of Windows, only for a volume of its own that is called `config-2`
//! (cloudbase-init, ConfigDrive service). That goes on a further disk of the machine: behind the system it
//! would keep that from ever growing.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;
use snf_image_protocol::{CloudInit as Wanted, Parameters};

use crate::disk::bytes::{random_uuid, uuid_text};
use crate::disk::device;
use crate::disk::mount::unmount_all;
use crate::disk::ntfs::driver::mount_own;
use crate::error::{Doing, Error, Result};
use crate::guest::authorized_keys;
use crate::guest::root::{Attributes, Root};
use crate::guest::windows::registry::{Hive, Purpose, Value};
use crate::guest::windows::system::SYSTEM;
use crate::run::context::{Context, Done};
use crate::run::program;
use crate::tasks::add_swap::contents;
use crate::tasks::enforce_personality::stored;

/// Where it is installed.
const PROGRAM: &str = "/Program Files/Cloudbase Solutions/Cloudbase-Init";
/// The label by which it knows the volume, and where its files are on it (OpenStack, "Store metadata on a
/// configuration drive").
const LABEL: &str = "config-2";
const DIRECTORY: &str = "/openstack/latest";
const META_DATA: &str = "/openstack/latest/meta_data.json";
const USER_DATA: &str = "/openstack/latest/user_data";
/// Where the volume is mounted, beside the image.
const POINT: &str = "seed";
/// One partition over the whole disk, of type NTFS.
const TABLE: &[u8] = b"label: dos\nstart=1MiB, type=7\n";

/// How a file is made, before it is given to them.
const FILE: Attributes = Attributes::of_root(0o600);

/// Which disks Windows uses without being told (Microsoft, "SanPolicy" of Microsoft-Windows-PartitionManager): all.
/// Of servers it uses none that several machines might share, and takes those of virtio for such.
const POLICY: (&str, u32) = ("SanPolicy", 1);

/// What is given to Administrators and the system alone, because user-data may hold secrets: a new
/// NTFS lets every user read and write.
const PRIVATE: [(&str, u32); 4] = [
    (USER_DATA, 0o600),
    (META_DATA, 0o600),
    (DIRECTORY, 0o700),
    ("/openstack", 0o700),
];

/// Makes the volume where user-data is given or Cloudbase-Init is asked for.
///
/// # Errors
/// When the image has no Cloudbase-Init, no disk is named for the volume, or it cannot be made.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let properties = &context.parameters.properties;
    let invalid = |error: snf_image_protocol::PropertyError| Error::image(error.to_string());
    let wanted = properties.cloud_init().map_err(invalid)?;
    let index = properties.cloud_init_disk().map_err(invalid)?;
    let is_asked_for = context.parameters.user_data.is_some() || wanted == Some(Wanted::Yes);
    if !is_asked_for && wanted != Some(Wanted::Auto) {
        return Ok(Done::Skipped("property CLOUD_INIT is not set".into()));
    }
    if !context.root()?.is_directory(PROGRAM) {
        let reason = "the image has no Cloudbase-Init";
        if !is_asked_for {
            return Ok(Done::Skipped(reason.into()));
        }
        return Err(Error::image(format!(
            "user-data is given or property CLOUD_INIT=yes, but {reason}: take it away, or use an image \
             with Cloudbase-Init"
        )));
    }
    let Some(index) = index else {
        let reason = "Cloudbase-Init takes user-data from a volume of its own alone";
        if !is_asked_for {
            return Ok(Done::Skipped(reason.into()));
        }
        return Err(Error::image(format!(
            "{reason}: give the machine a further disk and name it by property CLOUD_INIT_DISK=b, or \
             take user-data and CLOUD_INIT away"
        )));
    };
    let Some(disk) = context.disks.get(index).cloned() else {
        return Err(Error::image(format!(
            "property CLOUD_INIT_DISK: the machine has only {} disks",
            context.disks.len()
        )));
    };
    if let Some(found) = contents(&disk)? {
        context.reporter.warning(&format!(
            "the disk for Cloudbase-Init held {found}, which is gone now"
        ));
    }
    let user_data = match &context.parameters.user_data {
        Some(name) => Some(stored(&context.parameters_dir, name, "the user-data")?),
        None => None,
    };
    let uuid = uuid_text(&random_uuid(&mut context.random));
    let meta_data = meta_data(context.parameters, &uuid).to_string();
    let point = context.target.with_file_name(POINT);
    make(&disk, &point, |root| {
        root.make_directories(DIRECTORY, Attributes::of_root(0o700))?;
        root.install(META_DATA, meta_data.as_bytes(), FILE)?;
        match &user_data {
            Some(user_data) => root.install(USER_DATA, user_data, FILE),
            None => Ok(()),
        }
    })?;
    use_all_disks(context)?;
    context.reporter.notice(&format!(
        "Cloudbase-Init of the image finds its volume {LABEL} on disk {}",
        index.saturating_add(1)
    ));
    Ok(Done::Yes)
}

/// Without this the volume may stay out of sight.
fn use_all_disks(context: &Context<'_>) -> Result<()> {
    let Some(windows) = &context.windows else {
        return Ok(());
    };
    let hive = Hive::open(context.root()?, SYSTEM, Purpose::Set)?;
    let mut hive = hive.ok_or_else(|| Error::image(format!("the image has no {SYSTEM}")))?;
    let key = format!(r"{}\Services\partmgr\Parameters", windows.control_set);
    let (name, all) = POLICY;
    hive.set(&key, name, &Value::dword(all))?;
    hive.finish()
}

/// Name and keys; no password, which setup sets.
fn meta_data(parameters: &Parameters, uuid: &str) -> serde_json::Value {
    let keys = authorized_keys::lines(&parameters.authorized_keys);
    let keys = keys
        .into_iter()
        .enumerate()
        .map(|(number, key)| (format!("key-{number}"), serde_json::Value::from(key)));
    let mut data = json!({ "uuid": uuid, "public_keys": keys.collect::<serde_json::Map<_, _>>() });
    if let Some(name) = &parameters.hostname
        && let Some(members) = data.as_object_mut()
    {
        members.insert("hostname".into(), name.as_str().into());
    }
    data
}

/// Makes an NTFS over a whole disk and fills it.
fn make(disk: &Path, point: &Path, fill: impl FnOnce(&Root) -> Result<()>) -> Result<()> {
    let quiet = [
        "--quiet",
        "--no-reread",
        "--no-tell-kernel",
        "--wipe=always",
    ];
    program::tool("sfdisk", &quiet, disk, TABLE)?.success()?;
    device::reread_table(disk)?;
    let volume = device::partition(disk, 1);
    let arguments = ["--quiet", "--fast", "--label", LABEL];
    program::succeed("mkntfs", &arguments, &volume)?;
    fs::create_dir_all(point).doing(|| format!("making {}", point.display()))?;
    mount_own(&volume, point)?;
    let filled = Root::of_windows(point)
        .and_then(|root| fill(&root))
        .and_then(|()| keep_private(point));
    let unmounted = unmount_all(point);
    filled.and(unmounted)
}

/// The driver makes an access list of a mode; what a mode does not name, has no part in it.
fn keep_private(volume: &Path) -> Result<()> {
    for (path, mode) in PRIVATE {
        let path = volume.join(path.trim_start_matches('/'));
        if path.exists() {
            fs::set_permissions(&path, Permissions::from_mode(mode))
                .doing(|| format!("changing the access list of {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use snf_image_protocol::{Hostname, OsFamily, Properties};

    use super::*;
    use crate::guest::testing::{Image, nothing};

    fn task(context: &mut Context<'_>) -> Result<Done> {
        context.os_family = OsFamily::Windows;
        run(context)
    }

    fn asked(pairs: &[(&str, &str)]) -> Parameters {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Parameters {
            properties: Properties::new(pairs).unwrap(),
            ..nothing()
        }
    }

    #[test]
    fn what_is_missing_is_said_with_the_way_out_and_only_where_it_was_asked_for() {
        let without = Image::empty();
        let with = Image::empty();
        with.directory(PROGRAM);
        for (image, words) in [
            (&without, "the image has no Cloudbase-Init"),
            (&with, "volume of its own"),
        ] {
            let (done, _) = image.run(task, &asked(&[("CLOUD_INIT", "yes")]));
            let error = done.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            for pairs in [&[("CLOUD_INIT", "auto")][..], &[]] {
                let (done, _) = image.run(task, &asked(pairs));
                assert!(matches!(done.unwrap(), Done::Skipped(_)));
            }
        }
        let pairs = [("CLOUD_INIT", "yes"), ("CLOUD_INIT_DISK", "c")];
        let error = with.run(task, &asked(&pairs)).0.unwrap_err().to_string();
        assert!(error.contains("only 2 disks"), "{error}");
    }

    #[test]
    fn meta_data_has_name_and_keys_and_no_password() {
        let parameters = Parameters {
            hostname: Some(Hostname::new("vm1.example.org").unwrap()),
            password: Some(snf_image_protocol::Secret::new("hunter2".into())),
            authorized_keys: vec!["ssh-ed25519 AAAA me".into()],
            ..nothing()
        };
        let expected = json!({
            "uuid": "a", "hostname": "vm1.example.org",
            "public_keys": {"key-0": "ssh-ed25519 AAAA me"},
        });
        assert_eq!(meta_data(&parameters, "a"), expected);
    }
}
