//! Runs a program with bounded output, an empty environment and nothing of ours inherited.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, kill_process_group, pidfd_open, prlimit,
};

use crate::error::{Doing, Error, Result};
use crate::run::packed;

/// How much of a program's standard output is kept, in bytes. A partition table of 128
/// entries is about 40 KiB of JSON.
const MAX_OUTPUT: usize = 1 << 20;
/// How much of its standard error is kept, in bytes: the end.
const MAX_STDERR: usize = 4096;
/// How much of what it writes goes on to the console, in bytes.
const MAX_CONSOLE: usize = 64 << 10;
/// How many of its last lines go into an error.
const MAX_LINES: usize = 10;
/// The program file that is running.
const OURSELVES: &str = "/proc/self/exe";
/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Output {
    program: String,
    status: ExitStatus,
    /// Its standard output, up to 1 MiB.
    pub stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Output {
    /// Its exit code; `None`: a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The last lines of its standard error, or, when it wrote none, of its standard output.
    #[must_use]
    pub fn stderr(&self) -> Vec<String> {
        last_lines(if self.stderr.is_empty() {
            &self.stdout
        } else {
            &self.stderr
        })
    }

    /// Its standard output when it ended with exit code 0.
    ///
    /// # Errors
    /// When it did not.
    pub fn success(self) -> Result<Vec<u8>> {
        if self.status.success() {
            Ok(self.stdout)
        } else {
            Err(self.failure())
        }
    }

    /// The error that says that it failed.
    #[must_use]
    pub fn failure(&self) -> Error {
        Error::Program {
            program: self.program.clone(),
            status: self.status.to_string(),
            stderr: self.stderr(),
        }
    }
}

fn last_lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    let first = lines.len().saturating_sub(MAX_LINES);
    lines
        .iter()
        .skip(first)
        .map(|line| (*line).into())
        .collect()
}

/// Runs a tool of the helper, with `input` on its standard input.
///
/// # Errors
/// When it cannot be started or waited for. How it ended is in the [`Output`].
pub fn tool(program: &str, arguments: &[&str], device: &Path, input: &[u8]) -> Result<Output> {
    let mut all: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    all.push(device.as_os_str());
    command(program, &all, input)
}

/// Runs a tool of the helper that says nothing worth reading unless it fails.
///
/// # Errors
/// When it cannot be started or fails.
pub fn succeed(program: &str, arguments: &[&str], device: &Path) -> Result<()> {
    tool(program, arguments, device, &[])?.success().map(drop)
}

/// Runs a tool of the helper whose last argument is no device.
///
/// # Errors
/// As [`tool`].
pub fn command(program: &str, arguments: &[&OsStr], input: &[u8]) -> Result<Output> {
    packed::provide(program)?;
    let mut command = Command::new(program);
    command.args(arguments);
    run(program, &mut command, input, Echo::Stderr)
}

/// Runs an executable that is no part of the helper; what it writes goes to the console.
///
/// # Errors
/// When it cannot be started or fails.
pub fn external(path: &Path, environment: &[(String, String)]) -> Result<()> {
    let mut command = Command::new(path);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let output = run(&path.to_string_lossy(), &mut command, &[], Echo::Both)?;
    output.success().map(drop)
}

/// A tool of the helper that goes on while the helper works. Dropping it kills it.
#[derive(Debug)]
pub struct Background {
    program: String,
    child: Child,
    handle: OwnedFd,
    stderr: Option<JoinHandle<Vec<u8>>>,
    status: Option<ExitStatus>,
}

/// Starts a tool and does not wait for its end.
///
/// # Errors
/// When it cannot be started.
pub fn background(program: &str, arguments: &[&OsStr]) -> Result<Background> {
    packed::provide(program)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut child = start(program, &mut command)?;
    let stderr = child.stderr.take();
    let stderr =
        stderr.map(|stderr| thread::spawn(move || drain(stderr, Keep::Last(MAX_STDERR), true)));
    let handle = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("it has no process id"))
        .and_then(|id| Ok(pidfd_open(id, PidfdFlags::empty())?))
        .doing(|| format!("watching {program}"))?;
    Ok(Background {
        program: program.into(),
        child,
        handle,
        stderr,
        status: None,
    })
}

impl Background {
    /// What becomes readable when it ends.
    #[must_use]
    pub fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// Ends it by a signal once it has computed for so many seconds.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn limit(&self, seconds: u64) -> io::Result<()> {
        let limit = Rlimit {
            current: Some(seconds),
            maximum: Some(seconds),
        };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Cpu, limit)?;
        Ok(())
    }

    /// Whether it has ended.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status.is_some())
    }

    /// Whether it ended with exit code 0.
    ///
    /// # Errors
    /// When it did not.
    pub fn success(mut self) -> Result<()> {
        match self.status {
            Some(status) if status.success() => Ok(()),
            _ => Err(self.end()),
        }
    }

    /// The error that says that it failed.
    #[must_use]
    pub fn failure(mut self) -> Error {
        self.end()
    }

    fn end(&mut self) -> Error {
        let stderr = self.stderr.take().map(JoinHandle::join);
        let status = self.status;
        Error::Program {
            program: self.program.clone(),
            status: status.map_or("no end".into(), |status| status.to_string()),
            stderr: last_lines(&stderr.and_then(std::result::Result::ok).unwrap_or_default()),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if self.status.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Starts it with our path and language, and nothing else of ours.
fn start(program: &str, command: &mut Command) -> Result<Child> {
    let own: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    command
        .env_clear()
        .envs(own)
        .env("PATH", PATH)
        .env("LC_ALL", "C.UTF-8")
        .process_group(0)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| missing(program, error))
}

/// Runs a program that is neither the helper's nor the administrator's, by starting the helper
/// itself once more with these arguments; what it writes goes to the console. `name` is for errors.
///
/// # Errors
/// When it cannot be started or waited for. How it ended is in the [`Output`].
pub(super) fn foreign(
    name: &str,
    arguments: &[&OsStr],
    environment: &[(String, String)],
    content: &[u8],
) -> Result<Output> {
    let mut command = Command::new(OURSELVES);
    command
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)));
    run(name, &mut command, content, Echo::Both)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    Stderr,
    Both,
}

fn run(program: &str, command: &mut Command, input: &[u8], echo: Echo) -> Result<Output> {
    command.stdout(Stdio::piped()).stdin(if input.is_empty() {
        Stdio::null()
    } else {
        Stdio::piped()
    });
    let mut child = start(program, command)?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (stdin, Some(stdout), Some(stderr)) = pipes else {
        return Err(Error::image(format!(
            "{program} was started without its pipes"
        )));
    };
    thread::scope(|scope| {
        let stdout =
            scope.spawn(move || drain(stdout, Keep::First(MAX_OUTPUT), echo == Echo::Both));
        let stderr = scope.spawn(move || drain(stderr, Keep::Last(MAX_STDERR), true));
        if let Some(mut stdin) = stdin {
            // A program that does not read its input says so by its exit code.
            let _ = stdin.write_all(input);
        }
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let status = child.wait().doing(|| format!("waiting for {program}"))?;
        // What it left behind would hold the pipes open for ever.
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        Ok(Output {
            program: program.into(),
            status,
            stdout: stdout.join().unwrap_or_default(),
            stderr: stderr.join().unwrap_or_default(),
        })
    })
}

/// A program that is not there is one that the builder of the helper left out.
fn missing(program: &str, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::image(format!(
            "the helper has no {program}: build it again with: snf-image helper build"
        ));
    }
    Error::Io {
        doing: format!("starting {program}"),
        source: error,
    }
}

#[derive(Clone, Copy)]
enum Keep {
    First(usize),
    Last(usize),
}

/// Reads to the end whatever comes, so that the program is never held up.
fn drain(mut pipe: impl Read, keep: Keep, echo: bool) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut echoed = 0;
    let mut buffer = [0; 4096];
    loop {
        let chunk = match pipe.read(&mut buffer) {
            Ok(0) => return kept,
            Ok(length) => buffer.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return kept,
        };
        if echo && echoed < MAX_CONSOLE {
            echoed += chunk.len();
            let _ = io::stderr().write_all(chunk);
        }
        match keep {
            Keep::First(limit) => {
                let room = limit.saturating_sub(kept.len()).min(chunk.len());
                kept.extend_from_slice(chunk.get(..room).unwrap_or_default());
            }
            Keep::Last(limit) => {
                kept.extend_from_slice(chunk);
                kept.drain(..kept.len().saturating_sub(limit));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Output {
        run(
            "sh",
            Command::new("sh").args(["-c", script]),
            &[],
            Echo::Stderr,
        )
        .unwrap()
    }

    #[test]
    fn a_program_gets_its_input_and_gives_its_output() {
        let output = run("cat", &mut Command::new("cat"), b"hello", Echo::Stderr).unwrap();
        assert_eq!(output.success().unwrap(), b"hello");
    }

    #[test]
    fn a_failure_names_the_program_its_status_and_its_last_line() {
        let output = shell("seq 100 >&2; echo 'no space' >&2; exit 3");
        assert_eq!(output.code(), Some(3));
        assert_eq!(output.stderr().len(), 10);
        let text = output.success().unwrap_err().to_string();
        assert_eq!(text, "sh failed with exit status: 3: no space");
    }

    #[test]
    fn output_without_end_is_cut_and_does_not_block() {
        let output = shell("head -c 5000000 /dev/zero");
        assert_eq!(output.stdout.len(), MAX_OUTPUT);
        assert_eq!(output.code(), Some(0));
    }

    #[test]
    fn what_a_program_leaves_behind_holds_nothing_up() {
        let output = shell("sleep 1000 & echo started");
        assert_eq!(output.success().unwrap(), b"started\n");
    }

    #[test]
    fn nothing_of_our_environment_is_inherited() {
        let output = shell("unset PWD SHLVL _; env");
        let mut names: Vec<_> = std::str::from_utf8(&output.stdout)
            .unwrap()
            .lines()
            .filter_map(|line| line.split('=').next())
            .filter(|name| !["PWD", "SHLVL", "_"].contains(name))
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["LC_ALL", "PATH"]);
    }
}
