//! One body from its first byte to its last, over as many connections as it takes.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::watchdog::within;

/// How often a download is taken up again.
const RETRIES: u32 = 5;

/// The least that must come, in bytes a second, lest a server keeps a deployment for ever.
const LEAST_RATE: u64 = 1024;

/// How much is read at once, in bytes.
const CHUNK: usize = 128 << 10;

/// Who has the body.
pub(super) trait Server {
    /// Asks for the body from byte `from` on. It must be the same body each time.
    fn open(&mut self, from: u64) -> Result<Answer, Trouble>;
}

/// A body, or the rest of it.
pub(super) struct Answer {
    pub(super) body: Box<dyn Read>,
    /// How many bytes all of it has, where the server says so.
    pub(super) length: Option<u64>,
    /// What else the server says of it.
    pub(super) about: About,
}

/// What a server may say of a body.
#[derive(Debug, Default)]
pub(super) struct About {
    /// What no other body is called (a strong ETag).
    pub(super) validator: Option<String>,
    /// There is none, since it is the one that is there already.
    pub(super) is_unchanged: bool,
}

/// Why an attempt failed, in one line without secrets.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may go better the next time.
    Passing(String),
    /// It will not.
    Final(String),
}

impl Trouble {
    /// Why, where there is no further attempt.
    pub(super) fn into_reason(self) -> String {
        match self {
            Trouble::Passing(reason) | Trouble::Final(reason) => reason,
        }
    }

    /// With what was being done before it.
    pub(super) fn behind(self, what: &str) -> Self {
        match self {
            Trouble::Passing(reason) => Trouble::Passing(format!("{what}: {reason}")),
            Trouble::Final(reason) => Trouble::Final(format!("{what}: {reason}")),
        }
    }
}

/// A body on its way.
pub(super) struct Download<'server, S> {
    server: &'server mut dyn Server,
    sink: S,
    /// How long nothing may come.
    patience: Duration,
    sent: u64,
    length: Option<u64>,
}

impl<'server, S: Write> Download<'server, S> {
    pub(super) fn new(server: &'server mut dyn Server, sink: S, patience: Duration) -> Self {
        Download {
            server,
            sink,
            patience,
            sent: 0,
            length: None,
        }
    }

    /// Writes all of the body. `begun` is told about it once the server has answered. Before the
    /// first retry `pause` is waited for, before each further one twice as long.
    pub(super) fn run(
        mut self,
        pause: Duration,
        begun: impl FnOnce(&Answer) -> io::Result<()>,
    ) -> Result<(), String> {
        let mut begun = Some(begun);
        let mut pauses = (0..RETRIES).map(|retry| pause.saturating_mul(1 << retry));
        let mut broken: Option<String> = None;
        loop {
            match self.attempt(&mut begun) {
                Ok(()) => return Ok(()),
                Err(Trouble::Passing(reason)) => {
                    let Some(pause) = pauses.next() else {
                        return Err(format!("{reason}; given up after {RETRIES} more attempts"));
                    };
                    broken = Some(reason);
                    thread::sleep(pause);
                }
                Err(Trouble::Final(reason)) => {
                    return Err(match broken.filter(|_| self.sent > 0) {
                        Some(first) => format!("{first}, and it could not be resumed: {reason}"),
                        None => reason,
                    });
                }
            }
        }
    }

    fn attempt<B>(&mut self, begun: &mut Option<B>) -> Result<(), Trouble>
    where
        B: FnOnce(&Answer) -> io::Result<()>,
    {
        let answer = self.server.open(self.sent)?;
        if let Some(begun) = begun.take() {
            begun(&answer).map_err(|error| Trouble::Final(error.to_string()))?;
            self.length = answer.length;
        }
        match (self.length, answer.length) {
            (Some(before), Some(now)) if before != now => {
                return Err(Trouble::Final(format!(
                    "the image has changed on the server: it had {before} bytes and now has {now}"
                )));
            }
            (before, now) => self.length = before.or(now),
        }
        self.pump(answer.body)
    }

    fn pump(&mut self, mut body: Box<dyn Read>) -> Result<(), Trouble> {
        let mut buffer = vec![0; CHUNK];
        let mut rate = Rate::new(self.patience);
        loop {
            let begin = Instant::now();
            let count = match within(|| body.read(&mut buffer)) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.broken(&self.words(&error))),
            };
            let waited = begin.elapsed();
            let came = buffer.get(..count).unwrap_or_default();
            if came.is_empty() {
                return match self.length {
                    Some(length) if self.sent < length => Err(self.broken("it was closed")),
                    // Some protocols do not stop there by themselves.
                    Some(length) if self.sent > length => Err(Trouble::Final(format!(
                        "the server sends more than the {length} bytes that it announced"
                    ))),
                    _ => Ok(()),
                };
            }
            self.sink.write_all(came).map_err(|error| {
                Trouble::Final(format!("handing the image to the copy: {error}"))
            })?;
            let came = u64::try_from(count).unwrap_or(u64::MAX);
            self.sent = self.sent.saturating_add(came);
            if rate.is_too_low(waited, came) {
                let words = format!("fewer than {LEAST_RATE} bytes a second came");
                return Err(self.broken(&words));
            }
        }
    }

    fn broken(&self, reason: &str) -> Trouble {
        let of = self.length.map(|length| format!(" of {length}"));
        Trouble::Passing(format!(
            "the connection broke at byte {}{} ({reason})",
            self.sent,
            of.unwrap_or_default()
        ))
    }

    fn words(&self, error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::TimedOut => {
                format!("nothing came for {} s", self.patience.as_secs())
            }
            io::ErrorKind::UnexpectedEof => "it was closed".into(),
            _ => error.to_string(),
        }
    }
}

/// How fast bytes come, over spans of a given time.
struct Rate {
    span: Duration,
    waited: Duration,
    came: u64,
}

impl Rate {
    fn new(span: Duration) -> Self {
        Rate {
            span,
            waited: Duration::ZERO,
            came: 0,
        }
    }

    /// Whether a span is over in which too little came.
    fn is_too_low(&mut self, waited: Duration, came: u64) -> bool {
        self.waited = self.waited.saturating_add(waited);
        self.came = self.came.saturating_add(came);
        if self.waited < self.span {
            return false;
        }
        let waited = u64::try_from(self.waited.as_millis()).unwrap_or(u64::MAX);
        let least = LEAST_RATE.saturating_mul(waited) / 1000;
        let is_low = self.came < least;
        *self = Rate::new(self.span);
        is_low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_rate_is_just_enough_and_one_byte_less_is_not() {
        for (milliseconds, came, is_low) in [
            (1000, 1024, false),
            (1000, 1023, true),
            (1900, 1945, false),
            (1900, 1944, true),
            // The span is not over.
            (999, 0, false),
        ] {
            let mut rate = Rate::new(Duration::from_secs(1));
            let waited = Duration::from_millis(milliseconds);
            assert_eq!(
                rate.is_too_low(waited, came),
                is_low,
                "{milliseconds} {came}"
            );
        }
    }

    #[test]
    fn each_span_counts_for_itself() {
        let mut rate = Rate::new(Duration::from_secs(30));
        assert!(!rate.is_too_low(Duration::from_secs(30), 1 << 40));
        // What came before is no reason to wait for ever now.
        assert!(!rate.is_too_low(Duration::from_secs(29), 1));
        assert!(rate.is_too_low(Duration::from_secs(1), 1024));
    }
}
