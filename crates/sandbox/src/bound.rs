//! Binds the life of a helping program to that of its caller.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

/// Has the kernel kill the program as soon as the thread that starts it has ended, even when
/// that is killed itself (PR_SET_PDEATHSIG of prctl(2)). That thread has to wait for it. The
/// program leads a process group of its own: what a terminal sends to all of the caller's, such as
/// Ctrl-C, is for the caller to answer.
pub fn die_with_caller(command: &mut Command) -> &mut Command {
    let caller = getpid();
    let bind = move || -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Had the caller gone before, nobody would be there to tell.
        if getppid() == Some(caller) {
            Ok(())
        } else {
            Err(Errno::SRCH.into())
        }
    };
    command.process_group(0);
    // SAFETY: between fork and exec the closure makes two system calls and nothing else: it
    // takes no lock, allocates nothing and touches no memory that another thread may hold.
    unsafe { command.pre_exec(bind) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Child;
    use std::time::{Duration, Instant};

    #[test]
    fn a_program_ends_with_the_thread_that_started_it() {
        let start = || {
            die_with_caller(Command::new("sleep").arg("60"))
                .spawn()
                .unwrap()
        };
        let begin = Instant::now();
        let mut child: Child = std::thread::spawn(start).join().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert!(begin.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_program_is_in_no_group_of_its_caller() {
        let mut child = die_with_caller(Command::new("sleep").arg("60"))
            .spawn()
            .unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let group = rustix::process::getpgid(Some(pid)).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(group, pid);
    }
}
