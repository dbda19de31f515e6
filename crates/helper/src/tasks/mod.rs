//! The built-in tasks, one file each.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Task;

use crate::error::Result;
use crate::run::context::{Context, Done};

pub mod add_swap;
pub mod assign_hostname;
pub mod change_machine_id;
pub mod change_password;
pub mod configure_network;
pub mod create_user;
pub mod delete_ssh_keys;
pub mod enforce_personality;
pub mod filesystem_resize_mounted;
pub mod filesystem_resize_unmounted;
pub mod first_boot;
pub mod fix_partition_table;
mod growth;
pub mod initialize_datasource;
pub mod mount_image;
pub mod remove_identity;
pub mod run_custom_task;
pub mod selinux_autorelabel;
pub mod umount_image;
mod windows;

/// Runs one built-in task.
///
/// # Errors
/// Whatever makes the task fail.
pub fn run(task: Task, context: &mut Context<'_>) -> Result<Done> {
    if let Some(done) = windows::run(task, context)? {
        return Ok(done);
    }
    match task {
        Task::FixPartitionTable => fix_partition_table::run(context),
        Task::FilesystemResizeUnmounted => filesystem_resize_unmounted::run(context),
        Task::MountImage => mount_image::run(context),
        Task::InstallUnattend => Ok(windows::without_setup(context)),
        Task::DisableRemoteDesktopConnections | Task::InstallDrivers => {
            Ok(Done::Skipped(windows::NO_WINDOWS.into()))
        }
        Task::FilesystemResizeMounted => filesystem_resize_mounted::run(context),
        Task::InitializeDatasource => initialize_datasource::run(context),
        Task::CreateUser => create_user::run(context),
        Task::AddSwap => add_swap::run(context),
        Task::AssignHostname => assign_hostname::run(context),
        Task::ChangeMachineId => change_machine_id::run(context),
        Task::ChangePassword => change_password::run(context),
        Task::ConfigureNetwork => configure_network::run(context),
        Task::DeleteSSHKeys => delete_ssh_keys::run(context),
        Task::RemoveIdentity => remove_identity::run(context),
        Task::EnforcePersonality => enforce_personality::run(context),
        Task::SELinuxAutorelabel => selinux_autorelabel::run(context),
        Task::FirstBoot => first_boot::run(context),
        Task::RunCustomTask => run_custom_task::run(context),
        Task::UmountImage => umount_image::run(context),
    }
}

#[cfg(test)]
mod traps_tests;
#[cfg(test)]
mod trees_tests;
