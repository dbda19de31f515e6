//! Messages as JSON lines.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::Write;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::{Message, Monitor};

/// Writes one JSON object a line, each with its time in seconds since 1970.
#[derive(Debug)]
pub struct JsonLines<W>(Mutex<W>);

#[derive(Serialize)]
struct Line<'message> {
    #[serde(flatten)]
    message: &'message Message,
    timestamp: f64,
}

/// A message of now as one JSON object, without a newline.
pub(super) fn line(message: &Message) -> String {
    let timestamp = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    // Nothing in a message can fail to become JSON.
    plain(&serde_json::to_string(&Line { message, timestamp }).unwrap_or_default())
}

impl<W: Write + Send> JsonLines<W> {
    /// Writes to `output`. When nobody reads there any more, what is written is lost.
    pub fn new(output: W) -> Self {
        JsonLines(Mutex::new(output))
    }
}

impl<W: Write + Send> Monitor for JsonLines<W> {
    fn message(&self, message: &Message) {
        let mut line = line(message);
        line.push('\n');
        if let Ok(mut output) = self.0.lock() {
            // A reader that went away must not fail the deployment.
            let _ = output
                .write_all(line.as_bytes())
                .and_then(|()| output.flush());
        }
    }
}

/// The same JSON with DEL and C1, which JSON lets stand in a string and which a terminal may
/// obey, as escapes. The other control characters are escaped already.
fn plain(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for sign in json.chars() {
        if sign.is_control() {
            out.push_str(&format!("\\u{:04x}", u32::from(sign)));
        } else {
            out.push(sign);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_reaches_a_terminal_and_none_is_lost() {
        let lines = JsonLines::new(Vec::new());
        let steering = "a\u{1b}[2J\u{7f}\u{9b}31mä";
        lines.message(&Message::info(steering));
        let text = String::from_utf8(lines.0.into_inner().unwrap()).unwrap();
        assert!(!text.trim_end().chars().any(char::is_control), "{text:?}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["messages"][0], steering);
    }

    #[test]
    fn every_message_is_one_object_on_one_line() {
        let lines = JsonLines::new(Vec::new());
        lines.message(&Message::info("one\ntwo"));
        lines.message(&Message::copied(1, 2));
        let output = lines.0.into_inner().unwrap();
        let text = String::from_utf8(output).unwrap();
        assert_eq!(text.lines().count(), 2);
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(value["timestamp"].as_f64().unwrap() > 1e9);
            assert!(value["type"].is_string());
        }
    }
}
