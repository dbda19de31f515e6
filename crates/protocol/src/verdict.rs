//! The one line on the helper's second serial port: whether the deployment is done.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

/// What the first line of the second serial port says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every task ended well.
    Success,
    /// Something failed, and why.
    Failure(String),
}

impl Verdict {
    /// Reads the whole output of the port. Only one single `SUCCESS` line is success;
    /// an `ERROR: ` line gives its reason; everything else is a failure too.
    #[must_use]
    pub fn parse(output: &[u8]) -> Self {
        let text = String::from_utf8_lossy(output).replace('\r', "");
        let mut lines = text.lines();
        match (lines.next(), lines.next()) {
            (Some("SUCCESS"), None) => Verdict::Success,
            (None, _) => Verdict::Failure("the helper ended without a result".into()),
            (Some(line), _) => match line.strip_prefix("ERROR: ") {
                Some(reason) => Verdict::Failure(reason.into()),
                None => Verdict::Failure(format!("the helper's result is not valid: {line:?}")),
            },
        }
    }
}

/// The line as it goes over the port, without its newline.
impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Success => formatter.write_str("SUCCESS"),
            Verdict::Failure(reason) => {
                write!(formatter, "ERROR: {}", reason.replace(['\r', '\n'], " "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_single_success_line_is_success() {
        assert_eq!(Verdict::parse(b"SUCCESS\n"), Verdict::Success);
        assert_eq!(Verdict::parse(b"SUCCESS\r\n"), Verdict::Success);
        for forged in [
            &b""[..],
            b"success\n",
            b"SUCCESS\nSUCCESS\n",
            b" SUCCESS\n",
            b"ERROR: x\nSUCCESS\n",
            b"SUCCESS\nERROR: x\n",
            b"\nSUCCESS\n",
        ] {
            assert!(matches!(Verdict::parse(forged), Verdict::Failure(_)));
        }
    }

    #[test]
    fn a_failure_keeps_its_reason_on_one_line() {
        let line = Verdict::Failure("no\nroot".into()).to_string();
        assert_eq!(line, "ERROR: no root");
        assert_eq!(
            Verdict::parse(line.as_bytes()),
            Verdict::Failure("no root".into())
        );
    }
}
