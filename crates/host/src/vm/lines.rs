//! Splits a stream into lines without ever holding more than one of bounded length.
// SPDX-License-Identifier: BSD-2-Clause

/// Collects bytes until a newline comes.
#[derive(Debug)]
pub(super) struct Lines {
    partial: Vec<u8>,
    limit: usize,
    too_long: bool,
}

/// One line without its end (`\n` or `\r\n`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// At most the limit's number of bytes.
    pub(super) bytes: &'a [u8],
    /// Whether there was more, which is gone.
    pub(super) too_long: bool,
}

impl Lines {
    /// `limit` is in bytes, without the newline.
    pub(super) fn new(limit: usize) -> Self {
        Lines {
            partial: Vec::new(),
            limit,
            too_long: false,
        }
    }

    /// Takes more of the stream and gives out every line that ends in it.
    pub(super) fn feed(&mut self, bytes: &[u8], mut give: impl FnMut(Line<'_>)) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let room = self.limit.saturating_sub(self.partial.len());
            self.too_long |= piece.len() > room;
            self.partial.extend(piece.iter().take(room));
            if pieces.peek().is_some() {
                self.give(&mut give);
            }
        }
    }

    /// Gives out what came after the last newline, if anything did.
    pub(super) fn end(&mut self, mut give: impl FnMut(Line<'_>)) {
        if !self.partial.is_empty() {
            self.give(&mut give);
        }
    }

    fn give(&mut self, give: &mut impl FnMut(Line<'_>)) {
        let bytes = self.partial.strip_suffix(b"\r").unwrap_or(&self.partial);
        give(Line {
            bytes,
            too_long: self.too_long,
        });
        self.partial.clear();
        self.too_long = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<(String, bool)> {
        let mut lines = Lines::new(5);
        let mut found = Vec::new();
        let mut keep = |line: Line<'_>| {
            found.push((String::from_utf8(line.bytes.into()).unwrap(), line.too_long));
        };
        for chunk in chunks {
            lines.feed(chunk, &mut keep);
        }
        lines.end(&mut keep);
        found
    }

    #[test]
    fn lines_come_whole_however_the_stream_is_cut() {
        let whole = split(&[b"one\r\n\ntwo\nrest"]);
        let expected = ["one", "", "two", "rest"].map(|line| (line.to_owned(), false));
        assert_eq!(whole, expected);
        let bytes: Vec<&[u8]> = b"one\r\n\ntwo\nrest".chunks(1).collect();
        assert_eq!(split(&bytes), expected);
    }

    #[test]
    fn an_endless_line_costs_no_memory_and_spoils_no_other() {
        assert_eq!(
            split(&[b"1234", b"567", b"89\nnext\n"]),
            [("12345".to_owned(), true), ("next".to_owned(), false)]
        );
    }
}
