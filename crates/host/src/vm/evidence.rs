//! What is known so far about a run, and the only rule by which it was a success.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::VecDeque;

use snf_image_protocol::{Event, MAX_EVENTS, Secret, Verdict};

use super::error::VmError;
use crate::text::excerpt;

/// The most bytes of the result port that are looked at.
const MAX_RESULT: usize = 64 * 1024;
/// The longest reason of a failure, in bytes.
const MAX_REASON: usize = 2048;
/// How many of the last lines are kept.
const TAIL: usize = 40;

/// Collected from the ports while the VM runs.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Protocol version and release that the `ready` event named.
    pub(super) ready: Option<(u32, String)>,
    /// Tasks that began.
    started: Vec<String>,
    /// Key and tasks of each `finished` event.
    finished: Vec<(Secret, Vec<String>)>,
    /// What came over the result port.
    result: Vec<u8>,
    /// The last lines of the console, for `-v`.
    tail: VecDeque<String>,
    /// The last line of QEMU's standard error.
    pub(super) emulator: Option<String>,
}

impl Evidence {
    /// Takes note of one event.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Ready { protocol, release } if self.ready.is_none() => {
                self.ready = Some((*protocol, release.clone()));
            }
            Event::TaskStart { task } => self.started.push(task.clone()),
            // One is right and two are wrong; more would only take memory.
            Event::Finished { key, tasks } if self.finished.len() < 2 => {
                self.finished.push((
                    Secret::new(key.clone()),
                    tasks.iter().take(MAX_EVENTS).cloned().collect(),
                ));
            }
            _ => {}
        }
    }

    /// Takes note of what came over the result port.
    pub(super) fn result(&mut self, bytes: &[u8]) {
        let room = MAX_RESULT.saturating_sub(self.result.len());
        self.result.extend(bytes.iter().take(room));
    }

    /// Takes note of a harmless line of the console.
    pub(super) fn line(&mut self, line: &str) {
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
    }

    /// The last lines of the console.
    pub(super) fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }

    /// The last line of the console, or of QEMU where that said nothing.
    pub(super) fn last_line(&self) -> String {
        self.last_of_console()
            .or(self.emulator.as_deref())
            .unwrap_or("(nothing)")
            .into()
    }

    fn last_of_console(&self) -> Option<&str> {
        let mut lines = self.tail.iter().rev().map(String::as_str);
        lines.find(|line| !line.trim().is_empty())
    }

    /// Judges a run whose QEMU has ended: success is the one line `SUCCESS` and one `finished`
    /// event with our key that lists every task that began, and a QEMU that ended well. Gives
    /// the tasks.
    pub(super) fn judge(
        &self,
        key: Option<&Secret>,
        clean: Result<(), String>,
    ) -> Result<Vec<String>, VmError> {
        if let (Err(status), true) = (&clean, self.result.is_empty()) {
            return Err(self.ended_early(Some(status)));
        }
        match Verdict::parse(&self.result) {
            Verdict::Failure(_) if self.result.is_empty() => {
                return Err(self.ended_early(None));
            }
            Verdict::Failure(reason) => {
                return Err(VmError::HelperFailed {
                    reason: excerpt(reason.as_bytes(), MAX_REASON),
                });
            }
            Verdict::Success => {}
        }
        let doubt = |why: &str| Err(VmError::Inconsistent { why: why.into() });
        if let Err(status) = clean {
            return doubt(&format!("QEMU did not end well ({status})"));
        }
        let (claimed, tasks) = match self.finished.as_slice() {
            [] => return doubt("it did not list what it had done"),
            [one] => one,
            _ => return doubt("it listed twice what it had done"),
        };
        if Some(claimed) != key {
            return doubt("its list of tasks came without the key of this run");
        }
        if let Some(missing) = self.started.iter().find(|task| !tasks.contains(task)) {
            return doubt(&format!("the task {missing} began and did not end"));
        }
        Ok(tasks.clone())
    }

    /// The end of a VM that said nothing about its work. A QEMU that failed says itself why,
    /// one that ended well (none) does not know.
    pub(super) fn ended_early(&self, status: Option<&str>) -> VmError {
        let said = self.emulator.clone().filter(|_| status.is_some());
        VmError::EndedEarly {
            status: status.unwrap_or("it switched itself off").into(),
            last: said.unwrap_or_else(|| self.last_line()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Secret {
        Secret::new("5".repeat(32))
    }

    fn honest() -> Evidence {
        let mut evidence = Evidence::default();
        for task in ["A", "B"] {
            evidence.event(&Event::TaskStart { task: task.into() });
        }
        evidence.event(&finished(&key(), &["A", "B"]));
        evidence.result(b"SUCC");
        evidence.result(b"ESS\r\n");
        evidence
    }

    fn finished(key: &Secret, tasks: &[&str]) -> Event {
        Event::Finished {
            key: key.expose().into(),
            tasks: tasks.iter().map(ToString::to_string).collect(),
        }
    }

    fn why(evidence: &Evidence) -> String {
        evidence
            .judge(Some(&key()), Ok(()))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn an_honest_run_is_a_success() {
        assert_eq!(honest().judge(Some(&key()), Ok(())).unwrap(), ["A", "B"]);
    }

    #[test]
    fn success_without_its_list_is_none() {
        let mut evidence = Evidence::default();
        evidence.result(b"SUCCESS\n");
        assert!(why(&evidence).contains("did not list"));
    }

    #[test]
    fn a_list_with_another_key_is_forged() {
        let mut evidence = Evidence::default();
        evidence.event(&finished(&Secret::new("6".repeat(32)), &[]));
        evidence.result(b"SUCCESS\n");
        assert!(why(&evidence).contains("key"));
        assert!(evidence.judge(None, Ok(())).is_err());
    }

    #[test]
    fn a_second_list_is_one_too_many() {
        let mut evidence = honest();
        evidence.event(&finished(&key(), &["A", "B"]));
        assert!(why(&evidence).contains("twice"));
    }

    #[test]
    fn every_task_that_began_must_have_ended() {
        let mut evidence = honest();
        evidence.event(&Event::TaskStart { task: "C".into() });
        assert!(why(&evidence).contains("the task C began"));
    }

    #[test]
    fn a_bad_end_spoils_a_success() {
        let error = honest()
            .judge(Some(&key()), Err("signal 9".into()))
            .unwrap_err();
        assert!(matches!(error, VmError::Inconsistent { .. }));
    }

    #[test]
    fn more_than_one_result_line_is_no_success() {
        let mut evidence = honest();
        evidence.result(b"ERROR: late\n");
        assert!(why(&evidence).contains("result is not valid"));
        let mut flooded = honest();
        flooded.result(&vec![b'x'; 10 * MAX_RESULT]);
        assert!(flooded.result.len() <= MAX_RESULT);
        assert!(why(&flooded).len() < 2 * MAX_REASON);
    }

    #[test]
    fn the_reason_of_a_failure_comes_through_harmless() {
        let mut evidence = Evidence::default();
        evidence.result(b"ERROR: no root \x1b[2J\n");
        assert_eq!(why(&evidence), r"the helper failed: no root \x1b[2J");
    }

    #[test]
    fn silence_is_an_early_end_and_its_last_line_is_told() {
        let mut evidence = Evidence::default();
        evidence.line("Kernel panic");
        evidence.line("  ");
        assert!(why(&evidence).ends_with("its last line: Kernel panic"));
        assert!(evidence.judge(None, Err("exit status 1".into())).is_err());
    }
}
