//! What a back-end says on its standard error: into the log, harmless and bounded.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, PipeReader, Read};
use std::thread::{self, JoinHandle};

use crate::text::excerpt;

/// The longest line that is kept, in bytes.
const LONGEST: usize = 1000;

/// The most lines of one run that the log gets.
const MOST: usize = 200;

/// The thread that reads; it ends when the pipe does.
#[derive(Debug)]
pub(super) struct Lines(JoinHandle<Option<String>>);

impl Lines {
    /// Reads all that comes, so that the back-end never waits for a reader.
    pub(super) fn read(pipe: PipeReader, backend: &str) -> io::Result<Self> {
        let backend = backend.to_owned();
        let reader = move || read(pipe, |line| tracing::info!("{backend}: {line}"));
        let thread = thread::Builder::new().name("backend".into());
        Ok(Lines(thread.spawn(reader)?))
    }

    /// The last line that was not empty. To be called once the back-end has ended.
    pub(super) fn last(self) -> Option<String> {
        self.0.join().ok().flatten()
    }
}

fn read(mut pipe: impl Read, tell: impl Fn(&str)) -> Option<String> {
    let mut bytes = [0; 4096];
    let (mut line, mut last, mut told) = (Vec::new(), None, 0_usize);
    let mut end = |line: &mut Vec<u8>| {
        let text = excerpt(line, LONGEST);
        line.clear();
        if text.trim().is_empty() {
            return;
        }
        told = told.saturating_add(1);
        match told {
            ..=MOST => tell(&text),
            told if told == MOST.saturating_add(1) => tell("… (no more of its lines are shown)"),
            _ => {}
        }
        last = Some(text.trim().to_owned());
    };
    loop {
        let count = match pipe.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        for byte in bytes.get(..count).unwrap_or_default() {
            match byte {
                b'\n' | b'\r' => end(&mut line),
                // One more than is shown, so that it is seen to be cut.
                byte if line.len() <= LONGEST => line.push(*byte),
                _ => {}
            }
        }
    }
    end(&mut line);
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn told(text: &[u8]) -> (Vec<String>, Option<String>) {
        let lines = RefCell::new(Vec::new());
        let last = read(text, |line| lines.borrow_mut().push(line.to_owned()));
        (lines.into_inner(), last)
    }

    #[test]
    fn lines_are_harmless_and_the_last_one_is_kept() {
        let (lines, last) = told(b"one\r\n\n\x1b[31mtwo\x07\n 50 %\r 99 %\rthree \n \n");
        assert_eq!(
            lines,
            ["one", r"\x1b[31mtwo\x07", " 50 %", " 99 %", "three "]
        );
        assert_eq!(last.as_deref(), Some("three"));
        assert_eq!(told(b"").1, None);
        assert_eq!(told(b"no end").1.as_deref(), Some("no end"));
    }

    #[test]
    fn neither_long_lines_nor_many_cost_room() {
        let (lines, last) = told(&vec![b'x'; 1 << 20]);
        assert_eq!(lines.len(), 1);
        assert!(last.unwrap().len() <= LONGEST);
        let (lines, last) = told("again\n".repeat(5000).as_bytes());
        assert_eq!(lines.len(), MOST + 1);
        assert_eq!(last.as_deref(), Some("again"));
    }
}
