//! The tasks that come with the helper, and the rules by which each may be left out.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

use serde::{Deserialize, Serialize};

/// A built-in task. The order of the variants is the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Task {
    /// Moves the backup GPT to the end of the disk and grows the last partition.
    FixPartitionTable,
    /// Grows the file system of the grown partition while nothing is mounted.
    FilesystemResizeUnmounted,
    /// Mounts the root file system and those that its fstab names.
    MountImage,
    /// Sees to it that Windows Setup finds an answer file.
    InstallUnattend,
    /// Grows the file system of the grown partition that only grows while it is mounted.
    FilesystemResizeMounted,
    /// Has cloud-init of the image, where it is used, find what this deployment says.
    InitializeDatasource,
    /// Makes a user.
    CreateUser,
    /// Makes swap space where it is asked for, and names it in fstab.
    AddSwap,
    /// Sets the host name.
    AssignHostname,
    /// Draws a new machine id.
    ChangeMachineId,
    /// Sets passwords and SSH keys of users.
    ChangePassword,
    /// Configures the network interfaces.
    ConfigureNetwork,
    /// Replaces the SSH host keys.
    DeleteSSHKeys,
    /// Keeps Remote Desktop of Windows shut until its setup is done.
    DisableRemoteDesktopConnections,
    /// Puts drivers for the machine's disks and network into Windows.
    InstallDrivers,
    /// Takes away what belongs to the machine that the image was made on.
    RemoveIdentity,
    /// Puts files into the image.
    EnforcePersonality,
    /// Leaves a script in the image that runs at the first boot.
    FirstBoot,
    /// Runs the program that came with the request.
    RunCustomTask,
    /// Has the system label its files where the labels of new ones are not known.
    SELinuxAutorelabel,
    /// Unmounts everything.
    UmountImage,
}

impl Task {
    /// Every built-in task in the order in which they run.
    pub const ALL: [Task; 21] = [
        Task::FixPartitionTable,
        Task::FilesystemResizeUnmounted,
        Task::MountImage,
        Task::InstallUnattend,
        Task::FilesystemResizeMounted,
        Task::InitializeDatasource,
        Task::CreateUser,
        Task::AddSwap,
        Task::AssignHostname,
        Task::ChangeMachineId,
        Task::ChangePassword,
        Task::ConfigureNetwork,
        Task::DeleteSSHKeys,
        Task::DisableRemoteDesktopConnections,
        Task::InstallDrivers,
        Task::RemoveIdentity,
        Task::EnforcePersonality,
        Task::FirstBoot,
        Task::RunCustomTask,
        Task::SELinuxAutorelabel,
        Task::UmountImage,
    ];

    /// The name without its number, as events, properties and logs spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Task::FixPartitionTable => "FixPartitionTable",
            Task::FilesystemResizeUnmounted => "FilesystemResizeUnmounted",
            Task::MountImage => "MountImage",
            Task::InstallUnattend => "InstallUnattend",
            Task::FilesystemResizeMounted => "FilesystemResizeMounted",
            Task::InitializeDatasource => "InitializeDatasource",
            Task::CreateUser => "CreateUser",
            Task::AddSwap => "AddSwap",
            Task::AssignHostname => "AssignHostname",
            Task::ChangeMachineId => "ChangeMachineId",
            Task::ChangePassword => "ChangePassword",
            Task::ConfigureNetwork => "ConfigureNetwork",
            Task::DeleteSSHKeys => "DeleteSSHKeys",
            Task::DisableRemoteDesktopConnections => "DisableRemoteDesktopConnections",
            Task::InstallDrivers => "InstallDrivers",
            Task::RemoveIdentity => "RemoveIdentity",
            Task::EnforcePersonality => "EnforcePersonality",
            Task::FirstBoot => "FirstBoot",
            Task::RunCustomTask => "RunCustomTask",
            Task::SELinuxAutorelabel => "SELinuxAutorelabel",
            Task::UmountImage => "UmountImage",
        }
    }

    /// The two-digit number that gives the order in the tasks directory.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Task::FixPartitionTable => 10,
            Task::FilesystemResizeUnmounted => 20,
            Task::MountImage => 30,
            Task::InstallUnattend => 35,
            Task::FilesystemResizeMounted | Task::InitializeDatasource => 40,
            Task::CreateUser => 45,
            Task::AddSwap
            | Task::AssignHostname
            | Task::ChangeMachineId
            | Task::ChangePassword
            | Task::ConfigureNetwork
            | Task::DeleteSSHKeys
            | Task::DisableRemoteDesktopConnections
            | Task::InstallDrivers
            | Task::RemoveIdentity => 50,
            Task::EnforcePersonality => 60,
            Task::FirstBoot => 65,
            Task::RunCustomTask => 70,
            Task::SELinuxAutorelabel => 75,
            Task::UmountImage => 80,
        }
    }

    /// The name of its entry in the tasks directory, for example `50AssignHostname`.
    #[must_use]
    pub fn entry(self) -> String {
        format!("{}{}", self.number(), self.name())
    }

    /// The task of an entry in the tasks directory.
    #[must_use]
    pub fn from_entry(entry: &str) -> Option<Task> {
        Task::ALL.into_iter().find(|task| task.entry() == entry)
    }

    /// Whether it needs the image mounted, so that `EXCLUDE_MOUNTED_TASKS` leaves it out.
    #[must_use]
    pub fn is_mounted(self) -> bool {
        !matches!(
            self,
            Task::FixPartitionTable | Task::FilesystemResizeUnmounted
        )
    }

    /// Whether `EXCLUDE_FILESYSTEMRESIZE_TASKS` leaves it out.
    #[must_use]
    pub fn is_resize(self) -> bool {
        matches!(
            self,
            Task::FilesystemResizeUnmounted | Task::FilesystemResizeMounted
        )
    }

    /// Whether a program of the image may replace it, where the request permits that.
    #[must_use]
    pub fn is_overwritable(self) -> bool {
        self.is_mounted() && self.is_excludable()
    }

    /// Whether `EXCLUDE_TASK_<NAME>` leaves it out. The others are only left out together,
    /// as mounted tasks: without them those that remain would have nothing to work on.
    #[must_use]
    pub fn is_excludable(self) -> bool {
        !matches!(self, Task::MountImage | Task::UmountImage)
    }
}

impl fmt::Display for Task {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_sort_into_the_order_of_the_tasks() {
        let mut entries: Vec<_> = Task::ALL.into_iter().map(Task::entry).collect();
        let in_order = entries.clone();
        entries.sort();
        assert_eq!(entries, in_order);
        for task in Task::ALL {
            assert_eq!(Task::from_entry(&task.entry()), Some(task));
        }
        assert_eq!(Task::from_entry("AssignHostname"), None);
    }
}
