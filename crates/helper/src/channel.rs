//! The serial ports: events out and the gate in on the third, the verdict on the second.
// SPDX-License-Identifier: BSD-2-Clause

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::termios::{ControlModes, OptionalActions, tcdrain, tcgetattr, tcsetattr};
use snf_image_protocol::{Event, MAX_EVENT_LINE};

use crate::error::{Doing, Error, Result};
use crate::run::context::Reporter;

/// The longest text in an event, in characters: at four bytes each it stays below the limit
/// of a line, escapes of quotes and backslashes included.
const MAX_TEXT: usize = 1000;
/// How many lines of standard error an event takes, and how long each may be: as above.
const MAX_LINES: usize = 10;
const MAX_STDERR_LINE: usize = 150;

/// A serial port as a plain channel of bytes.
#[derive(Debug)]
pub struct Port {
    file: File,
}

impl Port {
    /// Opens a port in raw mode, whatever its modem lines say. No child inherits it.
    ///
    /// # Errors
    /// When there is no such port.
    pub fn open(path: &Path) -> Result<Port> {
        let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
        let doing = || format!("opening the serial port {}", path.display());
        let flags = i32::try_from(flags.bits())
            .map_err(io::Error::other)
            .doing(doing)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(path)
            .doing(doing)?;
        let mut attributes = tcgetattr(&file).doing(doing)?;
        attributes.make_raw();
        attributes.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
        tcsetattr(&file, OptionalActions::Now, &attributes).doing(doing)?;
        let flags = fcntl_getfl(&file).doing(doing)?;
        fcntl_setfl(&file, flags - OFlags::NONBLOCK).doing(doing)?;
        Ok(Port { file })
    }

    /// A second handle of the same port.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn again(&self) -> Result<Port> {
        let file = self
            .file
            .try_clone()
            .doing(|| "duplicating a serial port".into())?;
        Ok(Port { file })
    }

    /// Writes as far as the port takes it.
    pub fn send(&self, bytes: &[u8]) {
        let _ = (&self.file).write_all(bytes);
    }

    /// Waits until everything written has left the machine.
    pub fn drain(&self) {
        let _ = tcdrain(&self.file);
    }
}

impl Read for Port {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Reads one line of at most `limit` bytes, newline included, and not a byte more.
///
/// # Errors
/// When the channel ends or the line is longer.
pub fn read_line(mut from: impl Read, limit: usize) -> Result<Vec<u8>> {
    let doing = || "waiting for the line that opens the gate".to_owned();
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < limit {
        from.read_exact(&mut byte).doing(doing)?;
        match byte {
            [b'\n'] => return Ok(line),
            [other] => line.push(other),
        }
    }
    Err(Error::image(format!(
        "the line that opens the gate is longer than {limit} bytes"
    )))
}

/// Sends events. A failure to send is not looked at: the host misses the last event then,
/// and without that there is no success.
#[derive(Clone)]
pub struct Events {
    out: Rc<RefCell<dyn Write>>,
}

impl Events {
    /// Sends them there.
    pub fn new(out: impl Write + 'static) -> Self {
        Events {
            out: Rc::new(RefCell::new(out)),
        }
    }

    /// Sends one event as one line, its texts without control characters and cut to what
    /// fits.
    pub fn send(&self, event: &Event) {
        let event = bounded(event.clone());
        if let Ok(mut line) = serde_json::to_vec(&event) {
            line.push(b'\n');
            if line.len() <= MAX_EVENT_LINE {
                let _ = self.out.borrow_mut().write_all(&line);
            }
        }
    }
}

/// Says something on the console, for the log.
pub fn console(text: &str) {
    let _ = writeln!(io::stderr(), "snf-image-helper: {text}");
}

impl Reporter for Events {
    fn notice(&mut self, message: &str) {
        self.send(&Event::Notice {
            message: message.into(),
        });
    }

    fn warning(&mut self, message: &str) {
        self.send(&Event::Warning {
            message: message.into(),
        });
    }
}

fn bounded(event: Event) -> Event {
    match event {
        Event::Skipped { task, reason } => Event::Skipped {
            task,
            reason: plain(&reason, MAX_TEXT),
        },
        Event::Notice { message } => Event::Notice {
            message: plain(&message, MAX_TEXT),
        },
        Event::Warning { message } => Event::Warning {
            message: plain(&message, MAX_TEXT),
        },
        Event::Error { message } => Event::Error {
            message: plain(&message, MAX_TEXT),
        },
        Event::Stderr { lines } => Event::Stderr {
            lines: lines
                .iter()
                .take(MAX_LINES)
                .map(|line| plain(line, MAX_STDERR_LINE))
                .collect(),
        },
        other => other,
    }
}

/// One line of text without control characters.
pub fn plain(text: &str, limit: usize) -> String {
    let shown = |sign: char| if sign.is_control() { ' ' } else { sign };
    let mut plain: String = text.chars().take(limit).map(shown).collect();
    if text.chars().nth(limit).is_some() {
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Default)]
    struct Wire(Rc<RefCell<Vec<u8>>>);

    impl Write for Wire {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn sent(event: &Event) -> Vec<u8> {
        let wire = Wire::default();
        Events::new(wire.clone()).send(event);
        wire.0.take()
    }

    #[test]
    fn the_gate_is_one_line_and_what_follows_stays() {
        let mut from = &b"{}\nmore"[..];
        assert_eq!(read_line(&mut from, 10).unwrap(), b"{}");
        assert_eq!(from, b"more");
    }

    #[test]
    fn a_line_without_end_is_refused() {
        assert!(read_line(io::repeat(b'x'), 1024).is_err());
        assert!(read_line(&b"{}"[..], 1024).is_err());
    }

    #[test]
    fn a_long_text_is_cut_and_still_sent() {
        let line = sent(&Event::Error {
            message: "\"".repeat(100_000),
        });
        assert!(line.len() < MAX_EVENT_LINE && line.ends_with(b"\n"));
        let event: Event = serde_json::from_slice(&line).unwrap();
        assert!(matches!(event, Event::Error { message } if message.ends_with('…')));
    }

    proptest! {
        #[test]
        fn every_event_is_one_line_within_the_limit(
            message in "\\PC{0,2000}|.{0,2000}",
            lines in proptest::collection::vec(".{0,300}", 0..20),
        ) {
            for event in [Event::Warning { message }, Event::Stderr { lines }] {
                let line = sent(&event);
                prop_assert!(!line.is_empty() && line.len() <= MAX_EVENT_LINE);
                prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
                prop_assert!(serde_json::from_slice::<Event>(&line).is_ok());
            }
        }
    }
}
