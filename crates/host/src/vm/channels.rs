//! One thread that reads everything that the VM sends, bounds it and passes it on.
//!
//! It always goes on reading, so that a VM that floods a port neither fills memory nor waits.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use snf_image_protocol::{Event, MAX_EVENT_LINE, MAX_EVENTS};

use super::evidence::Evidence;
use super::lines::{Line, Lines};
use super::ports::Ports;
use crate::text::excerpt;

/// The longest line that is passed on, in bytes.
const MAX_LINE: usize = 4096;
/// The most text of one run's console that is passed on, in bytes.
const MAX_CONSOLE: usize = 4 * 1024 * 1024;
/// How many bytes are read at once.
const CHUNK: usize = 16 * 1024;

/// Whoever wants to know what happens in the VM. Called by the methods of
/// [`super::Running`] that wait; a slow observer delays those, but never the VM.
pub trait Observer: Send {
    /// A line of the console, harmless to print, without the prefix that tells it apart.
    fn console(&mut self, line: &str);
    /// An event; all texts in it are harmless to print.
    fn event(&mut self, event: &Event);
    /// Something about what the VM sends that the administrator should know.
    fn warning(&mut self, message: &str);
}

/// What the reading thread has for the observer.
#[derive(Debug)]
pub(super) enum News {
    Line(String),
    Event(Event),
    Warning(String),
}

impl News {
    pub(super) fn tell(&self, observer: &mut dyn Observer) {
        match self {
            News::Line(line) => observer.console(line),
            News::Event(event) => observer.event(event),
            News::Warning(message) => observer.warning(message),
        }
    }
}

/// What the reading thread and the supervision share.
#[derive(Debug)]
pub(super) struct Shared {
    evidence: Mutex<Evidence>,
    /// Readable when there is something new.
    news: OwnedFd,
    /// Readable when QEMU has ended: what is there is read, and then no more.
    stop: OwnedFd,
}

impl Shared {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Arc::new(Shared {
            evidence: Mutex::default(),
            news: eventfd(0, flags)?,
            stop: eventfd(0, flags)?,
        }))
    }

    pub(super) fn evidence(&self) -> MutexGuard<'_, Evidence> {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn news(&self) -> BorrowedFd<'_> {
        self.news.as_fd()
    }

    /// Makes `news` wait for the next.
    pub(super) fn forget_news(&self) {
        // Fails only when there were none.
        let _ = rustix::io::read(&self.news, &mut [0; 8]);
    }

    pub(super) fn stop(&self) {
        raise(&self.stop);
    }
}

fn raise(event: &OwnedFd) {
    // The counter can only be full when it was never read, and then it is readable.
    let _ = rustix::io::write(event, &1_u64.to_ne_bytes());
}

/// The state of the reading thread.
pub(super) struct Reader {
    shared: Arc<Shared>,
    observer: Sender<News>,
    console: Lines,
    console_left: usize,
    events: Lines,
    events_left: usize,
    emulator: Lines,
}

#[derive(Clone, Copy)]
enum Port {
    Console,
    Result,
    Events,
    Emulator,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, observer: Sender<News>) -> Self {
        Reader {
            shared,
            observer,
            console: Lines::new(MAX_LINE),
            console_left: MAX_CONSOLE,
            events: Lines::new(MAX_EVENT_LINE.saturating_sub(1)),
            events_left: MAX_EVENTS,
            emulator: Lines::new(MAX_LINE),
        }
    }

    /// Reads until all ports are closed, or `stop` was called and nothing is left to read.
    pub(super) fn run(mut self, ports: Ports) {
        let mut open: Vec<(Port, OwnedFd)> = vec![
            (Port::Console, ports.console),
            (Port::Result, ports.result),
            (Port::Events, ports.events),
            (Port::Emulator, ports.emulator.into()),
        ];
        let mut buffer = vec![0; CHUNK];
        while !open.is_empty() {
            let Some(ready) = self.await_input(&open) else {
                break;
            };
            let mut ready = ready.into_iter();
            open.retain(|(port, descriptor)| {
                !ready.next().unwrap_or_default() || self.read(*port, descriptor, &mut buffer)
            });
        }
        self.finish();
    }

    /// Says of each port whether there is something to read, or nothing when reading is over.
    fn await_input(&self, open: &[(Port, OwnedFd)]) -> Option<Vec<bool>> {
        let mut watched: Vec<_> = open
            .iter()
            .map(|(_, descriptor)| PollFd::new(descriptor, PollFlags::IN))
            .collect();
        let mut stop = [PollFd::new(&self.shared.stop, PollFlags::IN)];
        let stopped = poll(&mut stop, Some(&Timespec::default())) == Ok(1);
        if stopped {
            let count =
                rustix::io::retry_on_intr(|| poll(&mut watched, Some(&Timespec::default())));
            count.ok().filter(|count| *count > 0)?;
        } else {
            watched.push(PollFd::new(&self.shared.stop, PollFlags::IN));
            rustix::io::retry_on_intr(|| poll(&mut watched, None)).ok()?;
        }
        Some(watched.iter().map(|fd| !fd.revents().is_empty()).collect())
    }

    /// Reads once. False when the port is closed.
    fn read(&mut self, port: Port, descriptor: &OwnedFd, buffer: &mut [u8]) -> bool {
        let count = match rustix::io::retry_on_intr(|| rustix::io::read(descriptor, &mut *buffer)) {
            Ok(0) | Err(_) => return false,
            Ok(count) => count,
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        match port {
            Port::Console => self.console(bytes),
            Port::Result => self.shared.evidence().result(bytes),
            Port::Events => self.events(bytes),
            Port::Emulator => self.emulator(bytes),
        }
        true
    }

    fn console(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::replace(&mut self.console, Lines::new(MAX_LINE));
        lines.feed(bytes, |line| self.console_line(&line));
        self.console = lines;
    }

    fn console_line(&mut self, line: &Line<'_>) {
        if self.console_left == 0 {
            return;
        }
        // One byte more than is shown lets a line that was cut be marked so.
        let text = excerpt(line.bytes, MAX_LINE - usize::from(line.too_long));
        self.console_left = self.console_left.saturating_sub(text.len() + 1);
        self.shared.evidence().line(&text);
        self.tell(News::Line(text));
        if self.console_left == 0 {
            let end = "[truncated: the helper printed more than 4 MiB]";
            self.tell(News::Line(end.into()));
        }
    }

    fn events(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::replace(&mut self.events, Lines::new(0));
        lines.feed(bytes, |line| self.event_line(&line));
        self.events = lines;
    }

    fn event_line(&mut self, line: &Line<'_>) {
        let parsed = serde_json::from_slice(line.bytes)
            .ok()
            .filter(|_| !line.too_long)
            .map(without_control);
        if self.events_left == 0 {
            // The one event that the outcome hangs on counts however many came before.
            if let Some(event @ Event::Finished { .. }) = parsed {
                self.shared.evidence().event(&event);
            }
            return;
        }
        self.events_left -= 1;
        match parsed {
            Some(event) => {
                self.tell(News::Event(event.clone()));
                self.shared.evidence().event(&event);
                raise(&self.shared.news);
            }
            None => self.warn(format!(
                "the helper sent an event that is not valid: {}",
                excerpt(line.bytes, 200)
            )),
        }
        if self.events_left == 0 {
            self.warn(format!(
                "the helper sent more than {MAX_EVENTS} events; the rest is not shown"
            ));
        }
    }

    fn warn(&self, message: String) {
        self.tell(News::Warning(message));
    }

    fn tell(&self, news: News) {
        // Nobody takes it any more when the run has been given up.
        let _ = self.observer.send(news);
        raise(&self.shared.news);
    }

    fn emulator(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::replace(&mut self.emulator, Lines::new(0));
        lines.feed(bytes, |line| self.emulator_line(&line));
        self.emulator = lines;
    }

    fn emulator_line(&mut self, line: &Line<'_>) {
        let text = excerpt(line.bytes, MAX_LINE);
        tracing::debug!("QEMU: {text}");
        self.shared.evidence().emulator = Some(text);
    }

    /// Passes on what came after the last newline of each port.
    fn finish(&mut self) {
        let mut lines = std::mem::replace(&mut self.console, Lines::new(0));
        lines.end(|line| self.console_line(&line));
        let mut lines = std::mem::replace(&mut self.emulator, Lines::new(0));
        lines.end(|line| self.emulator_line(&line));
        raise(&self.shared.news);
    }
}

/// The same event with all its texts harmless to print.
fn without_control(event: Event) -> Event {
    let clean = |text: String| excerpt(text.as_bytes(), MAX_EVENT_LINE);
    let clean_all = |texts: Vec<String>| texts.into_iter().map(clean).collect();
    match event {
        Event::Ready { protocol, release } => Event::Ready {
            protocol,
            release: clean(release),
        },
        Event::TaskStart { task } => Event::TaskStart { task: clean(task) },
        Event::Skipped { task, reason } => Event::Skipped {
            task: clean(task),
            reason: clean(reason),
        },
        Event::TaskEnd { task } => Event::TaskEnd { task: clean(task) },
        Event::Notice { message } => Event::Notice {
            message: clean(message),
        },
        Event::Warning { message } => Event::Warning {
            message: clean(message),
        },
        Event::Error { message } => Event::Error {
            message: clean(message),
        },
        Event::Stderr { lines } => Event::Stderr {
            lines: clean_all(lines),
        },
        Event::Finished { key, tasks } => Event::Finished {
            key,
            tasks: clean_all(tasks),
        },
    }
}
