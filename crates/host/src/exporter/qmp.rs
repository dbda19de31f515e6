//! QEMU's machine protocol, as far as it is needed: one command after the other.
//!
//! Specification: QEMU's docs/interop/qmp-spec. The other side is confined and has read an
//! image's bytes: its lines are bounded, and its words are made harmless.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::{Value, json};

use super::error::{Doing, ExportError};
use crate::cancel::Cancel;
use crate::role::Lines;
use crate::text::excerpt;

/// The most of a reason that is repeated, in bytes.
const REASON: usize = 500;

/// The most events before an answer: far more than there are reasons for.
const MAX_EVENTS: usize = 1000;

/// A conversation.
#[derive(Debug)]
pub(super) struct Qmp {
    socket: UnixStream,
    lines: Lines,
    patience: Duration,
}

impl Qmp {
    /// Greets a QEMU. Each answer may take as long as `patience`.
    pub(super) fn open(
        socket: UnixStream,
        patience: Duration,
        cancel: &Cancel,
    ) -> Result<Self, ExportError> {
        let mut qmp = Qmp {
            socket,
            lines: Lines::default(),
            patience,
        };
        let deadline = Instant::now() + patience;
        let greeting = qmp.line(deadline, cancel)?;
        if greeting.get("QMP").is_none() {
            return Err(ExportError::Nonsense);
        }
        qmp.execute("qmp_capabilities", json!({}), cancel)?;
        Ok(qmp)
    }

    /// Has a command executed, and gives what it returns.
    pub(super) fn execute(
        &mut self,
        command: &str,
        arguments: Value,
        cancel: &Cancel,
    ) -> Result<Value, ExportError> {
        let line = line(command, arguments)?;
        (&self.socket).write_all(&line).doing("talking to QEMU")?;
        self.answer(cancel)
    }

    /// Gives a descriptor this name in QEMU.
    pub(super) fn pass(
        &mut self,
        name: &str,
        descriptor: BorrowedFd<'_>,
        cancel: &Cancel,
    ) -> Result<(), ExportError> {
        let line = line("getfd", json!({ "fdname": name }))?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = [descriptor];
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        let parts = [IoSlice::new(&line)];
        sendmsg(&self.socket, &parts, &mut ancillary, SendFlags::NOSIGNAL)
            .doing("passing a descriptor to QEMU")?;
        self.answer(cancel).map(drop)
    }

    fn answer(&mut self, cancel: &Cancel) -> Result<Value, ExportError> {
        let deadline = Instant::now() + self.patience;
        for _ in 0..MAX_EVENTS {
            let mut line = self.line(deadline, cancel)?;
            if let Some(value) = line.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = line.get("error") {
                let reason = error.get("desc").and_then(Value::as_str);
                let reason = reason.ok_or(ExportError::Nonsense)?;
                // What QEMU calls the image means nothing to anybody else.
                let reason = reason.replace("'/dev/fdset/1'", "it");
                return Err(ExportError::Refused(excerpt(reason.as_bytes(), REASON)));
            }
            // Events tell nothing that is needed here.
            if line.get("event").is_none() {
                return Err(ExportError::Nonsense);
            }
        }
        Err(ExportError::Nonsense)
    }

    fn line(&mut self, deadline: Instant, cancel: &Cancel) -> Result<Value, ExportError> {
        let doing = "hearing from QEMU";
        loop {
            // There may be something to hear without end.
            if cancel.is_cancelled() {
                return Err(ExportError::Cancelled);
            }
            if Instant::now() > deadline {
                return Err(ExportError::Silent(self.patience));
            }
            if let Some(line) = self.lines.next_line().doing(doing)? {
                return serde_json::from_slice(&line).map_err(|_| ExportError::Nonsense);
            }
            self.wait(deadline, cancel)?;
            if !self.lines.fill(&self.socket).doing(doing)? {
                return Err(ExportError::Ended(String::new()));
            }
        }
    }

    fn wait(&self, deadline: Instant, cancel: &Cancel) -> Result<(), ExportError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).ok();
            let mut watched = [
                PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(cancel.as_fd(), PollFlags::IN),
            ];
            match poll(&mut watched, left.as_ref()) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).doing("waiting for QEMU"),
                Ok(0) => return Err(ExportError::Silent(self.patience)),
                Ok(_) if cancel.is_cancelled() => return Err(ExportError::Cancelled),
                Ok(_) => return Ok(()),
            }
        }
    }
}

fn line(command: &str, arguments: Value) -> Result<Vec<u8>, ExportError> {
    let command = json!({ "execute": command, "arguments": arguments });
    let mut line = serde_json::to_vec(&command).doing("talking to QEMU")?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn with(said: &'static [u8]) -> Result<Value, ExportError> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let speaker = thread::spawn(move || {
            let _ = theirs.write_all(said);
            let _ = theirs.shutdown(std::net::Shutdown::Write);
            let _ = std::io::copy(&mut theirs, &mut std::io::sink());
        });
        let cancel = Cancel::new().unwrap();
        let patience = Duration::from_secs(5);
        let answer = Qmp::open(ours, patience, &cancel)
            .and_then(|mut qmp| qmp.execute("query-status", json!({}), &cancel));
        speaker.join().unwrap();
        answer
    }

    #[test]
    fn an_answer_is_found_among_events() {
        let said = b"{\"QMP\": {}}\n{\"return\": {}}\n{\"event\": \"STOP\"}\r\n{\"return\": 7}\n";
        assert_eq!(with(said).unwrap(), json!(7));
    }

    #[test]
    fn a_flood_of_events_and_a_line_in_small_pieces_come_to_an_end() {
        let greeting = b"{\"QMP\": {}}\n{\"return\": {}}\n";
        for (piece, pause, patience, why) in [
            (b"{\"event\": \"STOP\"}\n".as_slice(), 0, 20, "no sense"),
            (b" ", 20, 1, "within 1 s"),
        ] {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let speaker = thread::spawn(move || {
                theirs.write_all(greeting).unwrap();
                while theirs.write_all(piece).is_ok() {
                    thread::sleep(Duration::from_millis(pause));
                }
            });
            let cancel = Cancel::new().unwrap();
            let mut qmp = Qmp::open(ours, Duration::from_secs(patience), &cancel).unwrap();
            let failure = qmp.execute("query-status", json!({}), &cancel).unwrap_err();
            assert!(failure.to_string().contains(why), "{failure}");
            drop(qmp);
            speaker.join().unwrap();
        }
    }

    #[test]
    fn whatever_else_is_said_is_a_failure_in_one_harmless_line() {
        for (said, why) in [
            (b"".as_slice(), "broke down"),
            (b"{}\n", "no sense"),
            (b"hello\n", "no sense"),
            (b"{\"QMP\": {}}\n{\"return\": {}}\n{\"error\": {\"desc\": \"no\\u001b[2J\\nway\"}}\n", r"no\x1b[2J\x0away"),
            (b"{\"QMP\": {}}\n{\"return\": {}}\n{\"error\": {}}\n", "no sense"),
            (b"{\"QMP\": {}}\n{\"return\": {}}\n[]\n", "no sense"),
            (b"{\"QMP\": {}}\n{\"return\": {}}\n", "broke down"),
        ] {
            let failure = with(said).unwrap_err().to_string();
            assert!(failure.contains(why) && !failure.contains('\n'), "{failure}");
        }
    }
}
