//! The messages, in the form that monitors of Ganeti clusters know.
// SPDX-License-Identifier: BSD-2-Clause

use serde::Serialize;
use snf_image_protocol::Event;

/// One message, without its time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Message {
    /// What is being done now.
    ImageInfo {
        /// For a person.
        messages: Vec<String>,
    },
    /// Why the deployment failed; the last message.
    ImageError {
        /// For a person.
        messages: Vec<String>,
    },
    /// How far the copy is.
    ImageCopyProgress {
        /// Bytes of the image that are on the target, holes included.
        position: u64,
        /// Bytes of the image.
        total: u64,
        /// Percent, with two decimals.
        progress: f64,
    },
    /// What the helper says.
    ImageHelper(Helper),
}

/// What the helper says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "subtype", rename_all = "kebab-case")]
pub enum Helper {
    /// A task begins.
    TaskStart {
        /// Its name without the number.
        task: String,
    },
    /// A task ended well.
    TaskEnd {
        /// Its name without the number.
        task: String,
    },
    /// Something to know.
    Warning {
        /// How much it matters.
        level: Level,
        /// One.
        messages: Vec<String>,
    },
    /// Why a task failed: in words, or by the standard error of a program.
    Error {
        /// One, if any.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        messages: Vec<String>,
        /// At most ten lines.
        #[serde(skip_serializing_if = "Option::is_none")]
        stderr: Option<String>,
    },
}

/// How much something to know matters. Monitors of earlier releases know one subtype for all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A task had nothing to do, or was left out.
    Skipped,
    /// What a task did or found.
    Notice,
    /// Something may not be as it was meant.
    Warning,
}

impl Message {
    /// What is being done now.
    pub fn info(text: impl Into<String>) -> Self {
        Message::ImageInfo {
            messages: vec![text.into()],
        }
    }

    /// Why the deployment failed.
    pub fn error(text: impl Into<String>) -> Self {
        Message::ImageError {
            messages: vec![text.into()],
        }
    }

    /// Something that may not be as it was meant.
    pub fn warning(text: impl Into<String>) -> Self {
        Self::known(Level::Warning, text)
    }

    fn known(level: Level, text: impl Into<String>) -> Self {
        Message::ImageHelper(Helper::Warning {
            level,
            messages: vec![text.into()],
        })
    }

    /// How far the copy is, both in bytes.
    #[must_use]
    pub fn copied(position: u64, total: u64) -> Self {
        // Hundredths of a percent in whole numbers: exact, and at most 10,000.
        let hundredths = u128::from(position) * 10_000 / u128::from(total.max(1));
        Message::ImageCopyProgress {
            position,
            total,
            progress: f64::from(u16::try_from(hundredths).unwrap_or(10_000)) / 100.0,
        }
    }

    /// What an event of the helper means to a monitor; nothing for `ready` and `finished`.
    #[must_use]
    pub fn from_event(event: &Event) -> Option<Self> {
        Some(Message::ImageHelper(match event {
            Event::Ready { .. } | Event::Finished { .. } => return None,
            Event::TaskStart { task } => Helper::TaskStart { task: task.clone() },
            Event::TaskEnd { task } => Helper::TaskEnd { task: task.clone() },
            Event::Skipped { task, reason } => {
                let text = format!("{task} was skipped: {reason}");
                return Some(Message::known(Level::Skipped, text));
            }
            Event::Notice { message } => return Some(Message::known(Level::Notice, message)),
            Event::Warning { message } => return Some(Message::warning(message)),
            Event::Error { message } => Helper::Error {
                messages: vec![message.clone()],
                stderr: None,
            },
            Event::Stderr { lines } => Helper::Error {
                messages: Vec::new(),
                stderr: Some(lines.join("\n") + "\n"),
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(message: &Message) -> String {
        serde_json::to_string(message).unwrap()
    }

    #[test]
    fn messages_have_the_documented_form() {
        assert_eq!(
            json(&Message::info("copy begins")),
            r#"{"type":"image-info","messages":["copy begins"]}"#
        );
        assert_eq!(
            json(&Message::copied(1 << 30, 4 << 30)),
            r#"{"type":"image-copy-progress","position":1073741824,"total":4294967296,"progress":25.0}"#
        );
        let start = Event::TaskStart {
            task: "MountImage".into(),
        };
        assert_eq!(
            json(&Message::from_event(&start).unwrap()),
            r#"{"type":"image-helper","subtype":"task-start","task":"MountImage"}"#
        );
        let skipped = Event::Skipped {
            task: "AddSwap".into(),
            reason: "none is asked for".into(),
        };
        assert_eq!(
            json(&Message::from_event(&skipped).unwrap()),
            r#"{"type":"image-helper","subtype":"warning","level":"skipped","messages":["AddSwap was skipped: none is asked for"]}"#
        );
        let stderr = Event::Stderr {
            lines: vec!["resize2fs: bad magic".into()],
        };
        assert_eq!(
            json(&Message::from_event(&stderr).unwrap()),
            r#"{"type":"image-helper","subtype":"error","stderr":"resize2fs: bad magic\n"}"#
        );
    }

    #[test]
    fn progress_stays_within_its_range() {
        for (position, total, expected) in [
            (0, 0, "0.0"),
            (1, 3, "33.33"),
            (u64::MAX, u64::MAX, "100.0"),
        ] {
            assert!(
                json(&Message::copied(position, total))
                    .contains(&format!("\"progress\":{expected}"))
            );
        }
    }
}
