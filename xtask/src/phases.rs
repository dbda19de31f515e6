//! How long the phases of a deployment took, from what it said as JSON lines.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Write as _;

use serde_json::Value;

/// One phase. Tasks lie within the phase in which the helper works.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Phase {
    /// What was being done.
    pub(crate) name: String,
    /// When it began, in seconds since the start.
    pub(crate) begin: f64,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
}

/// Reads the messages of a deployment that ran between two moments, in seconds since 1970.
pub(crate) fn parse(lines: &str, start: f64, end: f64) -> Vec<Phase> {
    let messages: Vec<Value> = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let phase = |name: &str, from: f64, to: Option<f64>| Phase {
        name: name.to_owned(),
        begin: from - start,
        seconds: to.unwrap_or(end) - from,
    };
    let first = messages.iter().find_map(begin);
    let mut phases = vec![phase("checking the input", start, first)];
    for (at, message) in messages.iter().enumerate() {
        let mut later = messages.iter().skip(at + 1);
        let Some(from) = time(message) else { continue };
        if let Some(name) = started_task(message) {
            let ended = later.find(|other| ended_task(other) == Some(name));
            phases.push(phase(&format!("  {name}"), from, ended.and_then(time)));
        } else if begin(message).is_some() {
            let name = message.pointer("/messages/0").and_then(Value::as_str);
            phases.push(phase(name.unwrap_or_default(), from, later.find_map(begin)));
        }
    }
    phases
}

/// A table for a person.
pub(crate) fn table(phases: &[Phase]) -> String {
    let mut text = String::from("   begins    lasts  what\n");
    for Phase {
        name,
        begin,
        seconds,
    } in phases
    {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{begin:7.2} s {seconds:6.2} s  {name}");
    }
    text
}

fn time(message: &Value) -> Option<f64> {
    message.get("timestamp")?.as_f64()
}

/// The time of a message that begins a phase.
fn begin(message: &Value) -> Option<f64> {
    (message.get("type")? == "image-info").then(|| time(message))?
}

fn started_task(message: &Value) -> Option<&str> {
    task(message, "task-start")
}

fn ended_task(message: &Value) -> Option<&str> {
    task(message, "task-end")
}

fn task<'message>(message: &'message Value, subtype: &str) -> Option<&'message str> {
    let fits = message.get("subtype")? == subtype;
    message.get("task")?.as_str().filter(|_| fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_last_until_the_next_and_tasks_until_their_end() {
        let lines = r#"
            {"type":"image-info","messages":["copying"],"timestamp":10.5}
            {"type":"image-copy-progress","progress":50.0,"timestamp":11.0}
            {"type":"image-info","messages":["helping"],"timestamp":12.0}
            {"type":"image-helper","subtype":"task-start","task":"MountImage","timestamp":12.25}
            {"type":"image-helper","subtype":"task-end","task":"MountImage","timestamp":12.75}
            not a message"#;
        let phases = parse(lines, 10.0, 13.0);
        let rows: Vec<_> = phases
            .iter()
            .map(|phase| (phase.name.as_str(), phase.begin, phase.seconds))
            .collect();
        assert_eq!(
            rows,
            [
                ("checking the input", 0.0, 0.5),
                ("copying", 0.5, 1.5),
                ("helping", 2.0, 1.0),
                ("  MountImage", 2.25, 0.5),
            ]
        );
    }
}
