//! JSON lines as they come in over a socket, of bounded length.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read};

/// The longest line, in bytes: room for a job with its URLs, far above any report.
const LONGEST: usize = 1 << 20;

/// What has come in and was not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<u8>);

impl Lines {
    /// Takes the first whole line, without its end.
    ///
    /// # Errors
    /// When what came in is longer than a line may be.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(end) = self.0.iter().position(|byte| *byte == b'\n') else {
            return if self.0.len() > LONGEST {
                Err(io::ErrorKind::InvalidData.into())
            } else {
                Ok(None)
            };
        };
        let rest = self.0.split_off(end.saturating_add(1));
        let mut line = std::mem::replace(&mut self.0, rest);
        line.truncate(end);
        Ok(Some(line))
    }

    /// Reads once. False when the other side has gone.
    pub(crate) fn fill(&mut self, mut from: impl Read) -> io::Result<bool> {
        let mut bytes = [0; 4096];
        loop {
            match from.read(&mut bytes) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.0
                        .extend_from_slice(bytes.get(..count).unwrap_or_default());
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_they_came_in() {
        let mut lines = Lines::default();
        for piece in ["{\"a\"", ":1}\n{}", "\n\n{"] {
            assert!(lines.fill(piece.as_bytes()).unwrap());
        }
        let mut taken = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            taken.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(taken, ["{\"a\":1}", "{}", ""]);
        assert!(!lines.fill(io::empty()).unwrap());
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = Lines::default();
        let endless = vec![b'x'; LONGEST + 1];
        let mut left = endless.as_slice();
        while lines.fill(&mut left).unwrap() {}
        assert!(lines.next_line().is_err());
    }
}
