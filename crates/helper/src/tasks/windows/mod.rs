//! The tasks on an image of Windows.
//!
//! Nothing of Windows is run or set directly but in files: what setup is to do stands in its answer
//! file, what it cannot do in scripts that it runs at its end.
// SPDX-License-Identifier: BSD-2-Clause

mod accounts;
mod cloudbase_init;
mod drivers;
mod first_boot_script;
mod growth;
mod host_keys;
mod install_unattend;
mod name;
mod named_answer_file;
mod network;
mod personality;
mod remote_desktop;
mod ssh_server;

use snf_image_protocol::{OsFamily, Task};

use crate::error::{Error, Result};
use crate::guest::root::{Attributes, Root};
use crate::guest::windows::answer_file::{
    AnswerFile, AnswerFileError, Architecture, Candidate, Pass, of_image, on_volume, place,
};
use crate::guest::windows::first_boot::Moment;
use crate::run::context::{Context, Done};

/// Why a task of Windows alone is left out.
pub(super) const NO_WINDOWS: &str = "the image is not Windows";

/// `InstallUnattend` where nothing is set up. What was given for the setup of Windows is no fault: a cluster may have
/// set it for every instance of an OS.
pub(super) fn without_setup(context: &mut Context<'_>) -> Done {
    let given = &context.parameters.windows;
    let what = match (&given.answer_file, &given.product_key) {
        (Some(_), _) => Some("an answer file"),
        (None, Some(_)) => Some("a product key"),
        (None, None) => None,
    };
    if let Some(what) = what {
        context.reporter.warning(&format!(
            "{what} for the setup of Windows was given and has no effect: {NO_WINDOWS}"
        ));
    }
    Done::Skipped(NO_WINDOWS.into())
}

/// Runs a task in the way of Windows; `None` for one that is the same for all systems.
///
/// # Errors
/// Whatever makes the task fail.
pub(super) fn run(task: Task, context: &mut Context<'_>) -> Result<Option<Done>> {
    let is_legacy = match context.os_family {
        OsFamily::Windows => false,
        OsFamily::WindowsLegacy => true,
        _ => return Ok(None),
    };
    Ok(Some(match task {
        Task::InstallUnattend
        | Task::AssignHostname
        | Task::ChangePassword
        | Task::ConfigureNetwork
        | Task::FirstBoot
        | Task::CreateUser
        | Task::DisableRemoteDesktopConnections
            if is_legacy =>
        {
            return Err(Error::image(
                "the image is a Windows before Vista and Server 2008, which this release does not \
                 customise: set property EXCLUDE_MOUNTED_TASKS to deploy it as it is",
            ));
        }
        Task::InstallUnattend => install_unattend::run(context)?,
        Task::InitializeDatasource if !is_legacy => cloudbase_init::run(context)?,
        Task::AssignHostname => name::run(context)?,
        Task::ChangePassword => accounts::run(context)?,
        Task::ConfigureNetwork => network::run(context)?,
        Task::EnforcePersonality => personality::run(context)?,
        Task::FirstBoot => first_boot_script::run(context)?,
        Task::CreateUser => accounts::create(context)?,
        Task::DisableRemoteDesktopConnections => remote_desktop::run(context)?,
        Task::InstallDrivers => drivers::run(context)?,
        Task::DeleteSSHKeys => host_keys::run(context)?,
        Task::FilesystemResizeMounted
            if !is_legacy && context.parameters.properties.windows_grows_itself() =>
        {
            growth::run(context)?
        }
        Task::AddSwap | Task::ChangeMachineId | Task::RemoveIdentity | Task::SELinuxAutorelabel => {
            Done::Skipped("the image is Windows, which does this itself".into())
        }
        _ => return Ok(None),
    }))
}

/// For which architectures settings are made: that of the image, all where it is not known.
fn architectures<'a>(context: &'a Context<'_>) -> &'a [Architecture] {
    (context.windows.as_ref()).map_or(&Architecture::ALL[..], |windows| {
        std::slice::from_ref(&windows.architecture)
    })
}

/// Changes the answer file that setup will use for a pass.
///
/// # Errors
/// When there is none, or it cannot be changed.
fn edit(
    context: &Context<'_>,
    pass: Pass,
    change: impl FnOnce(&mut AnswerFile) -> std::result::Result<(), AnswerFileError>,
) -> Result<()> {
    let Some(Candidate { path, mut file }) = answer_file(context, pass)? else {
        return Err(Error::image(
            "the image has no answer file to change: let task InstallUnattend run",
        ));
    };
    change(&mut file).map_err(|error| fault(path, &error))?;
    write(context.root()?, path, &file)
}

/// The answer file of the image that setup will use for a pass.
///
/// # Errors
/// See [`of_image`].
fn answer_file(context: &Context<'_>, pass: Pass) -> Result<Option<Candidate>> {
    let named = (context.windows.as_ref()).and_then(|windows| windows.answer_file.as_deref());
    let first = named.and_then(on_volume).and_then(|path| place(&path));
    of_image(context.root()?, architectures(context), first, pass)
}

/// When a step runs that must come after the passwords.
fn when_passwords_are_set<'a>(context: &'a Context<'_>) -> Moment<'a> {
    let used = context.cloudbase_init.as_ref();
    used.and_then(|used| used.last_scripts.as_deref())
        .map_or(Moment::EndOfSetup, Moment::AfterCloudbaseInit)
}

fn write(root: &Root, path: &str, file: &AnswerFile) -> Result<()> {
    root.rewrite(path, &file.to_bytes(), Attributes::of_root(0o600))
}

fn fault(path: &str, error: &AnswerFileError) -> Error {
    Error::image(format!(
        "the answer file {path} of the image cannot be changed: {error}"
    ))
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod kinds_tests;
#[cfg(test)]
mod tests;
