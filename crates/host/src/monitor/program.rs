//! Messages to a program of the administrator's, which may be slow, hang or die.
//!
//! Lines wait in a bounded queue for a thread that writes them to the program's standard
//! input. Whoever reports never waits.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::queue::Queue;
use super::{Message, Monitor, line};

/// How long the program is waited for at the end, from the last message on.
const PATIENCE: Duration = Duration::from_secs(2);

/// The program, fed until [`Program::finish`].
#[derive(Debug)]
pub struct Program {
    child: Child,
    shared: Arc<Shared>,
    writer: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
    /// Readable from the moment that no more lines come.
    closing: OwnedFd,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    /// Until when what is left may be written.
    deadline: Option<Instant>,
    /// The program reads no more.
    is_deaf: bool,
}

impl Program {
    /// Starts `program` with one argument. It gets the messages on its standard input, and of
    /// this process's environment nothing.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &Path, argument: &str) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg(argument)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let pipe = OwnedFd::from(pipe);
        fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            news: Condvar::new(),
            closing: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        });
        let writer = std::thread::Builder::new().name("monitor".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.write_all(&pipe)
        })?;
        Ok(Program {
            child,
            shared,
            writer,
        })
    }

    /// Delivers what is left and waits for the program's end, 2 s at most for both; after that
    /// the program is left alone.
    pub fn finish(mut self) {
        let deadline = Instant::now() + PATIENCE;
        self.shared.lock().deadline = Some(deadline);
        self.shared.news.notify_all();
        // The counter can only be full when it was never read, and then it is readable.
        let _ = rustix::io::write(&self.shared.closing, &1_u64.to_ne_bytes());
        // It does not panic, and if it did the program would just hear nothing more.
        let _ = self.writer.join();
        if !has_ended(&mut self.child, deadline) {
            tracing::warn!(
                "PROGRESS_MONITOR is still busy 2 s after the last message: not waiting any longer"
            );
        }
    }
}

impl Monitor for Program {
    fn message(&self, message: &Message) {
        let is_progress = matches!(message, Message::ImageCopyProgress { .. });
        let mut state = self.shared.lock();
        if !state.is_deaf {
            state.queue.push(line(message) + "\n", is_progress);
            self.shared.news.notify_all();
        }
    }
}

fn has_ended(child: &mut Child, deadline: Instant) -> bool {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(Ok(handle)) = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) else {
        return false;
    };
    wait(&mut [PollFd::new(&handle, PollFlags::IN)], Some(deadline));
    matches!(child.try_wait(), Ok(Some(_)))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines until there are no more to come, or nobody reads.
    fn write_all(&self, pipe: &OwnedFd) {
        while let Some(line) = self.next() {
            if self.write(pipe, line.as_bytes()).is_err() {
                let mut state = self.lock();
                state.is_deaf = true;
                state.queue.clear();
                if state.deadline.is_none() {
                    tracing::warn!("PROGRESS_MONITOR reads no more; the deployment goes on");
                }
                return;
            }
        }
    }

    fn next(&self) -> Option<String> {
        let mut state = self.lock();
        loop {
            if let Some(line) = state.queue.pop() {
                return Some(line);
            }
            if state.deadline.is_some() {
                return None;
            }
            state = self
                .news
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn write(&self, pipe: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            match rustix::io::write(pipe, bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.await_room(pipe)?,
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Waits until the program has read something; at the end not for ever.
    fn await_room(&self, pipe: &OwnedFd) -> Result<(), Errno> {
        let deadline = self.lock().deadline;
        let room = PollFd::new(pipe, PollFlags::OUT);
        if let Some(deadline) = deadline {
            wait(&mut [room], Some(deadline));
            return if Instant::now() < deadline {
                Ok(())
            } else {
                Err(Errno::TIMEDOUT)
            };
        }
        wait(&mut [room, PollFd::new(&self.closing, PollFlags::IN)], None);
        Ok(())
    }
}

/// Waits for any of these until the deadline. Whoever calls looks again what there is.
fn wait(watched: &mut [PollFd<'_>], deadline: Option<Instant>) {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    // An interrupted wait is no harm: the caller's loop comes back.
    let _ = rustix::io::retry_on_intr(|| poll(watched, left.as_ref()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    fn script(directory: &Path, text: &str) -> PathBuf {
        let path = directory.join("monitor");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Feeds a script and says how long all of it took.
    fn feed(text: &str, messages: usize) -> (Duration, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let text = text.replace("DIR", &directory.path().display().to_string());
        let program = Program::start(&script(directory.path(), &text), "inst.example.org").unwrap();
        let begin = Instant::now();
        for number in 0..messages {
            program.message(&Message::info(format!(
                "message {number} {}",
                "x".repeat(500)
            )));
        }
        assert!(begin.elapsed() < Duration::from_secs(1), "reporting waited");
        program.message(&Message::error("the last one"));
        program.finish();
        (begin.elapsed(), directory)
    }

    #[test]
    fn a_reader_gets_every_message_and_the_name() {
        let (_, directory) = feed("echo $1 > DIR/name; env > DIR/env; cat > DIR/lines", 100);
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(read("name"), "inst.example.org\n");
        let lines = read("lines");
        assert_eq!(lines.lines().count(), 101);
        assert!(lines.lines().last().unwrap().contains("the last one"));
        assert!(
            !read("env").contains("CARGO"),
            "the environment was inherited"
        );
    }

    #[test]
    fn a_reader_that_is_slow_to_begin_still_gets_the_last_message() {
        let (took, directory) = feed("sleep 1; cat > DIR/lines", 1500);
        assert!(took < Duration::from_secs(3), "{took:?}");
        let lines = fs::read_to_string(directory.path().join("lines")).unwrap();
        assert!(lines.lines().last().unwrap().contains("the last one"));
        assert!(
            lines
                .lines()
                .all(|line| line.starts_with('{') && line.ends_with('}'))
        );
    }

    #[test]
    fn a_reader_that_dies_or_hangs_delays_nothing() {
        let (took, _directory) = feed("exit 1", 1500);
        assert!(took < Duration::from_secs(2), "{took:?}");
        let (took, _directory) = feed("exec sleep 4", 1500);
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
}
