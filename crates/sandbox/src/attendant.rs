//! The launcher of a program that keeps its rights: starts it and leaves nothing of it behind.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, pidfd_send_signal, waitpid,
};

use crate::attended::Program;
use crate::bound::die_with_caller;
use crate::error::{ConfineError, Doing};
use crate::supervisor;

/// How long killed processes may take to be gone. One that sleeps in the kernel is not waited
/// for any longer. Less than the host gives this process.
const END_LIMIT: Duration = Duration::from_secs(1);

/// Starts the program as the first process of a session and a process group. Every process that
/// loses its parent from here on becomes this one's child (PR_SET_CHILD_SUBREAPER of prctl(2)),
/// so that none gets out of sight. A namespace of processes would do the same, but its first process
/// is deaf to signals without a handler, and every program in it had the same numbers, which
/// scripts take for names of files.
pub(crate) fn start(program: &Program) -> Result<supervisor::Program, ConfineError> {
    nix::sys::prctl::set_child_subreaper(true).doing("becoming the parent of orphans")?;
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .envs(
            program
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .current_dir("/")
        .stdin(Stdio::null());
    let child = die_with_caller(&mut command)
        .spawn()
        .map_err(|error| ConfineError::Execute {
            program: program.path.display().to_string(),
            error,
        })?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(ConfineError::Gone("program"))?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).doing("opening the program's pidfd")?;
    Ok(supervisor::Program {
        pid,
        pidfd,
        leads_group: true,
    })
}

/// Kills all descendants that are left. When a child is gone its own children come up in its
/// place, so this looks until there are none.
pub(crate) fn end_orphans() {
    let deadline = Instant::now() + END_LIMIT;
    while Instant::now() < deadline {
        let children = children();
        if children.is_empty() {
            return;
        }
        // All of them before any is waited for, so that one that hangs saves no other.
        let killed: Vec<_> = children.into_iter().map(|pid| (pid, kill(pid))).collect();
        for (child, handle) in killed {
            await_end(child, handle, deadline);
        }
    }
}

/// The processes whose parent is this one, from /proc/PID/stat of proc(5).
fn children() -> Vec<Pid> {
    let me = getpid().as_raw_nonzero().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_mine = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name in parentheses, which may hold anything: the state, the parent.
        let rest = stat.rsplit_once(')').map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split_whitespace().nth(1)) == Some(me.as_str())
    };
    numbers.filter(is_mine).filter_map(Pid::from_raw).collect()
}

fn kill(child: Pid) -> Option<OwnedFd> {
    // A child that nobody has waited for keeps its number.
    let handle = pidfd_open(child, PidfdFlags::empty()).ok()?;
    let _ = pidfd_send_signal(&handle, Signal::KILL);
    Some(handle)
}

fn await_end(child: Pid, handle: Option<OwnedFd>, deadline: Instant) {
    if let Some(handle) = handle {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).ok();
        let _ = poll(&mut [PollFd::new(&handle, PollFlags::IN)], left.as_ref());
    }
    let _ = waitpid(Some(child), WaitOptions::NOHANG);
}
