//! Runs a program of this machine and ends it when a signal asks for the end.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use snf_image_sandbox::die_with_caller;

use super::error::{ApplianceError, Doing};
use crate::cancel::Cancel;

/// Where programs are looked for: the system's own, never a user's.
pub(super) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The longest output of a program that is looked at, in bytes.
const MAX_OUTPUT: u64 = 4 * 1024 * 1024;

/// A program of the package `package`, which is named when the program is missing.
pub(super) struct Program<'name> {
    name: &'name str,
    package: &'name str,
    command: Command,
}

impl<'name> Program<'name> {
    /// The program `name` without arguments, speaking English.
    pub(super) fn new(name: &'name str, package: &'name str) -> Self {
        let mut command = Command::new(name);
        command
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // It is waited for by the thread that starts it, and a Ctrl-C of the terminal is ours to answer.
        die_with_caller(&mut command);
        Program {
            name,
            package,
            command,
        }
    }

    /// Adds arguments.
    pub(super) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Runs it in this directory.
    pub(super) fn directory(mut self, directory: &std::path::Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Its standard output, once it has ended well.
    ///
    /// # Errors
    /// When it is missing or fails, or the end was asked for.
    pub(super) fn run(mut self, cancel: &Cancel) -> Result<String, ApplianceError> {
        let child = self
            .command
            .spawn()
            .map_err(|source| self.missing(source))?;
        let output = wait(child, cancel).doing(|| format!("waiting for {}", self.name))?;
        if cancel.is_cancelled() {
            return Err(ApplianceError::Cancelled);
        }
        if !output.status.success() {
            return Err(ApplianceError::Program {
                program: self.name.to_owned(),
                status: output.status.to_string(),
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn missing(&self, source: io::Error) -> ApplianceError {
        if source.kind() == io::ErrorKind::NotFound {
            return ApplianceError::NotInstalled {
                program: self.name.to_owned(),
                package: self.package.to_owned(),
            };
        }
        ApplianceError::Io {
            doing: format!("starting {}", self.name),
            source,
        }
    }
}

fn wait(mut child: Child, cancel: &Cancel) -> io::Result<Output> {
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    thread::scope(|scope| {
        let stdout = scope.spawn(|| read(stdout));
        let stderr = scope.spawn(|| read(stderr));
        let waited = until_end_or_cancel(&mut child, cancel);
        let status = child.wait();
        let collect = |reader: thread::ScopedJoinHandle<'_, _>| reader.join().unwrap_or_default();
        let (stdout, stderr) = (collect(stdout), collect(stderr));
        waited?;
        Ok(Output {
            status: status?,
            stdout,
            stderr,
        })
    })
}

fn until_end_or_cancel(child: &mut Child, cancel: &Cancel) -> io::Result<()> {
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("a child without a process id"))?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let mut fds = [
        PollFd::new(&pidfd, PollFlags::IN),
        PollFd::from_borrowed_fd(cancel.as_fd(), PollFlags::IN),
    ];
    while let Err(error) = poll(&mut fds, None) {
        if error != rustix::io::Errno::INTR {
            let _ = child.kill();
            return Err(error.into());
        }
    }
    if cancel.is_cancelled() {
        // Its children too, for instance apt's methods. Not there any more is as good.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    Ok(())
}

/// The first part of what it wrote; the rest is read all the same, so that it can end.
fn read(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What a broken pipe gave until then is all that there is.
        let _ = pipe.by_ref().take(MAX_OUTPUT).read_to_end(&mut bytes);
        let _ = io::copy(&mut pipe, &mut io::sink());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn output_and_failure_come_back() {
        let cancel = Cancel::new().unwrap();
        let run = |script: &str| Program::new("sh", "dash").args(["-c", script]).run(&cancel);
        assert_eq!(run("echo here").unwrap(), "here\n");
        let error = run("echo first >&2; echo why >&2; exit 3").unwrap_err();
        assert_eq!(error.to_string(), "sh failed with exit status: 3: why");
        let error = Program::new("no-such-program", "package")
            .run(&cancel)
            .unwrap_err();
        assert!(error.to_string().ends_with("install the package package"));
    }

    #[test]
    fn a_program_does_not_outlive_what_has_started_it() {
        let cancel = Cancel::new().unwrap();
        let setpriv = Program::new("setpriv", "util-linux").args(["--dump"]);
        let told = setpriv.run(&cancel).unwrap();
        let line = (told.lines()).find(|line| line.starts_with("Parent death signal"));
        assert!(line.unwrap().contains("KILL"), "{told}");
    }

    #[test]
    fn a_wish_to_stop_ends_the_program_and_its_children() {
        let cancel = Cancel::new().unwrap();
        let begun = Instant::now();
        cancel.cancel();
        let result = Program::new("sh", "dash")
            .args(["-c", "sleep 60 & wait"])
            .run(&cancel);
        assert!(matches!(result, Err(ApplianceError::Cancelled)));
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
