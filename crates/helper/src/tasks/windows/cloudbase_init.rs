//! InitializeDatasource: has Cloudbase-Init of the image find what this deployment says.
//!
//! It looks for no files on the volume of Windows, only for a medium of its own. That is a further disk of the
//! machine: behind the system it would keep that from ever growing. The disk is an ISO 9660 image from its first
//! byte on, as of `config_drive_format=iso9660` in OpenStack: Cloudbase-Init reads that from the device, and Windows
//! makes no drive of it. A volume of NTFS would have a directory that not even administrators may list, and
//! Cloudbase-Init, which copies the whole of it, would then take none of it.
// SPDX-License-Identifier: BSD-2-Clause

mod disk;
mod seed;

use seed::Seed;
use snf_image_protocol::CloudInit as Wanted;

use crate::disk::bytes::{random_uuid, uuid_text};
use crate::error::{Error, Result};
use crate::guest::authorized_keys;
use crate::guest::windows::cloudbase_init::{CloudbaseInit, Found, detect};
use crate::run::context::{Context, Done};
use crate::tasks::add_swap::contents;
use crate::tasks::enforce_personality::stored;

/// Where the files lie until they are on the disk, beside the image.
const STAGING: &str = "seed";

/// Writes the disk where user-data is given or Cloudbase-Init is asked for. The later tasks leave to it what it
/// does itself.
///
/// # Errors
/// When it was asked for and cannot be used, or the disk cannot be written.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let parameters = context.parameters;
    let is_asked_for = match parameters.cloud_init()? {
        Wanted::Yes => true,
        Wanted::Auto => false,
        Wanted::No => return Ok(Done::Skipped("property CLOUD_INIT is not set".into())),
    };
    let (found, index) = match usable(context)? {
        Ok(usable) => usable,
        Err(Unusable { reason, way_out }) if is_asked_for => {
            return Err(Error::image(format!(
                "user-data is given or property CLOUD_INIT=yes, but {reason}: {way_out}"
            )));
        }
        Err(Unusable { reason, .. }) => return Ok(Done::Skipped(reason.into())),
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
    let user_data = match &parameters.user_data {
        Some(name) => Some(stored(&context.parameters_dir, name, "the user-data")?),
        None => None,
    };
    let given = parameters.properties.get("COMPUTER_NAME");
    let hostname = parameters.hostname.as_ref().map(|name| name.as_str());
    let seed = Seed {
        id: &uuid_text(&random_uuid(&mut context.random)),
        name: given.filter(|name| !name.is_empty()).or(hostname),
        keys: &authorized_keys::lines(&parameters.authorized_keys),
        user_data,
    };
    let label = found.source.label();
    let files = seed.files(found.source);
    let staging = context.target.with_file_name(STAGING);
    disk::write(&disk, label, &files, &staging)?;
    context.reporter.notice(&format!(
        "Cloudbase-Init of the image configures the machine, by what is on disk {}",
        index.saturating_add(1)
    ));
    context.cloudbase_init = Some(found);
    Ok(Done::Yes)
}

/// Why it cannot be used, and what to do about it.
struct Unusable {
    reason: &'static str,
    way_out: &'static str,
}

/// Looks whether it can be used, and which disk is for it.
fn usable(context: &Context<'_>) -> Result<std::result::Result<(CloudbaseInit, usize), Unusable>> {
    let not = |reason, way_out| Ok(Err(Unusable { reason, way_out }));
    let found = match detect(context.root()?)? {
        Found::Usable(found) => found,
        Found::Not(reason) => {
            return not(reason, "take it away, or use another image");
        }
    };
    let index = context.parameters.properties.cloud_init_disk()?;
    let Some(index) = index else {
        return not(
            "Cloudbase-Init takes what it is told from a medium of its own alone",
            "give the machine a further disk and name it by property CLOUD_INIT_DISK=b, or take user-data and \
             CLOUD_INIT away",
        );
    };
    let has_password = context.parameters.password.is_some();
    if has_password && found.sets_password && found.last_scripts.is_none() {
        return not(
            "Cloudbase-Init of the image gives its user a password, and runs no script that could set the one of \
             this deployment after that",
            "name local_scripts_path, and in plugins LocalScriptsPlugin last, in its cloudbase-init.conf, or give \
             no password",
        );
    }
    Ok(Ok((found, index)))
}

#[cfg(test)]
mod tests {
    use snf_image_protocol::{OsFamily, Parameters, Properties, Secret};

    use super::*;
    use crate::guest::testing::{Image, nothing};

    /// Where its program is.
    const PROGRAM: &str = "/Program Files/Cloudbase Solutions/Cloudbase-Init";

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
        with.file(
            &format!("{PROGRAM}/conf/cloudbase-init.conf"),
            "[DEFAULT]\nbsdtar_path=C:\\bsdtar.exe\n",
        );
        let other = Image::empty();
        other.file(
            &format!("{PROGRAM}/conf/cloudbase-init.conf"),
            "[DEFAULT]\nmetadata_services=cloudbaseinit.metadata.services.ec2service.EC2Service\n",
        );
        for (image, words) in [
            (&without, "the image has no Cloudbase-Init"),
            (&with, "medium of its own"),
            (&other, "metadata_services"),
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
        let with_password = Parameters {
            password: Some(Secret::new("hunter2".into())),
            ..asked(&pairs)
        };
        let error = with.run(task, &with_password).0.unwrap_err().to_string();
        assert!(error.contains("local_scripts_path"), "{error}");
    }
}
