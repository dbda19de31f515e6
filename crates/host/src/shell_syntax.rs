//! The part of the shell's syntax that a configuration file may use, read without a shell.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// One `NAME=value` line, its value with quotes removed and variables put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The line it begins on, from 1.
    pub line: usize,
}

/// A line that is not an assignment in the syntax described at [`parse`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    reason: String,
}

/// Reads assignments as sh(1) would: `NAME=value`, `export NAME=value`, comments, plain
/// words, single and double quotes, `\` escapes, `$NAME` and `${NAME}` of variables that
/// the text itself has assigned before. Whatever would run something (`$(…)`, backquotes,
/// `;`, `|`, `&`, redirections) is refused.
///
/// # Errors
/// The first line that is none of this.
pub fn parse(text: &str) -> Result<Vec<Assignment>, SyntaxError> {
    let mut reader = Reader {
        chars: text.chars().peekable(),
        line: 1,
        known: BTreeMap::new(),
    };
    let mut assignments = Vec::new();
    while let Some(assignment) = reader.assignment()? {
        reader
            .known
            .insert(assignment.name.clone(), assignment.value.clone());
        assignments.push(assignment);
    }
    Ok(assignments)
}

struct Reader<'text> {
    chars: Peekable<Chars<'text>>,
    line: usize,
    known: BTreeMap<String, String>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let sign = self.chars.next();
        if sign == Some('\n') {
            self.line += 1;
        }
        sign
    }

    fn fault<T>(&self, reason: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError {
            line: self.line,
            reason: reason.into(),
        })
    }

    fn assignment(&mut self) -> Result<Option<Assignment>, SyntaxError> {
        loop {
            match self.chars.peek() {
                None => return Ok(None),
                Some(sign) if sign.is_whitespace() => {
                    self.next();
                }
                Some('#') => self.comment(),
                Some(_) => break,
            }
        }
        let line = self.line;
        let mut name = self.name();
        if name == "export"
            && self
                .chars
                .next_if(|sign| matches!(sign, ' ' | '\t'))
                .is_some()
        {
            while self
                .chars
                .next_if(|sign| matches!(sign, ' ' | '\t'))
                .is_some()
            {}
            name = self.name();
        }
        if name.is_empty() || self.chars.next_if_eq(&'=').is_none() {
            return self.fault("expected NAME=value: only assignments and comments may stand here");
        }
        let value = self.word()?;
        self.end_of_line()?;
        Ok(Some(Assignment { name, value, line }))
    }

    fn comment(&mut self) {
        while self.chars.next_if(|sign| *sign != '\n').is_some() {}
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(sign) = self.chars.next_if(|sign| {
            sign.is_ascii_alphabetic()
                || *sign == '_'
                || (!name.is_empty() && sign.is_ascii_digit())
        }) {
            name.push(sign);
        }
        name
    }

    fn word(&mut self) -> Result<String, SyntaxError> {
        let mut value = String::new();
        while let Some(sign) = self.chars.peek().copied() {
            match sign {
                sign if sign.is_whitespace() => break,
                '\'' => self.single_quoted(&mut value)?,
                '"' => self.double_quoted(&mut value)?,
                '$' => self.variable(&mut value)?,
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') => {}
                        Some(escaped) => value.push(escaped),
                        None => return self.fault("nothing follows the final backslash"),
                    }
                }
                '`' => return self.fault("command substitution is not possible here"),
                ';' | '|' | '&' | '<' | '>' | '(' | ')' => {
                    return self.fault(format!("{sign:?} has no meaning here: quote the value"));
                }
                _ => {
                    value.push(sign);
                    self.next();
                }
            }
        }
        Ok(value)
    }

    fn single_quoted(&mut self, value: &mut String) -> Result<(), SyntaxError> {
        let begin = self.line;
        self.next();
        loop {
            match self.next() {
                Some('\'') => return Ok(()),
                Some(sign) => value.push(sign),
                None => return self.fault(format!("the quote of line {begin} is never closed")),
            }
        }
    }

    fn double_quoted(&mut self, value: &mut String) -> Result<(), SyntaxError> {
        let begin = self.line;
        self.next();
        loop {
            match self.chars.peek().copied() {
                Some('$') => self.variable(value)?,
                Some('`') => return self.fault("command substitution is not possible here"),
                Some('"') => {
                    self.next();
                    return Ok(());
                }
                Some('\\') => {
                    self.next();
                    match self.next() {
                        Some('\n') => {}
                        Some(sign @ ('$' | '`' | '"' | '\\')) => value.push(sign),
                        Some(sign) => value.extend(['\\', sign]),
                        None => {}
                    }
                }
                Some(sign) => {
                    value.push(sign);
                    self.next();
                }
                None => return self.fault(format!("the quote of line {begin} is never closed")),
            }
        }
    }

    fn variable(&mut self, value: &mut String) -> Result<(), SyntaxError> {
        self.next();
        let name = match self.chars.peek() {
            Some('(') => return self.fault("command substitution is not possible here"),
            Some('{') => {
                self.next();
                let name = self.name();
                if self.chars.next_if_eq(&'}').is_none() {
                    return self.fault("only ${NAME} is understood, without any operator");
                }
                name
            }
            _ => self.name(),
        };
        if name.is_empty() {
            return self.fault("a $ must be followed by a name: put it in single quotes");
        }
        match self.known.get(&name) {
            Some(known) => value.push_str(known),
            None => return self.fault(format!("{name} was not assigned before")),
        }
        Ok(())
    }

    fn end_of_line(&mut self) -> Result<(), SyntaxError> {
        while let Some(sign) = self.chars.peek().copied() {
            match sign {
                '\n' => break,
                '#' => self.comment(),
                sign if sign.is_whitespace() => {
                    self.next();
                }
                _ => return self.fault("more follows the value: quote a value that has spaces"),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<(String, String)> {
        parse(text)
            .unwrap()
            .into_iter()
            .map(|assignment| (assignment.name, assignment.value))
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn values_are_read_as_the_shell_would() {
        let text = "# a comment\n\nA=plain # more\nexport B='single $A \\'\nC=\"double ${A} \\\"x\\\" $A\"\n\
                    D=a'b'\"c\"\\ d\nE=\nF=\"two\nlines\"\n  G=${C}\n";
        assert_eq!(
            values(text),
            [
                pair("A", "plain"),
                pair("B", "single $A \\"),
                pair("C", "double plain \"x\" plain"),
                pair("D", "abc d"),
                pair("E", ""),
                pair("F", "two\nlines"),
                pair("G", "double plain \"x\" plain"),
            ]
        );
    }

    #[test]
    fn nothing_that_runs_something_is_taken() {
        for text in [
            "A=$(touch /pwned)",
            "A=\"$(touch /pwned)\"",
            "A=`touch /pwned`",
            "A=\"`id`\"",
            "A=1; touch /pwned",
            "A=1 touch /pwned",
            "touch /pwned",
            "A=1&&B=2",
            "A=<(id)",
            ". /etc/other",
            "A=${B:-$(id)}",
            "A=$B",
            "A='open",
            "A=\"open",
            "A=\\",
            "1A=x",
            "A =x",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_fault_names_its_line() {
        let fault = parse("A=1\n\nB=$(id)\n").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "line 3: command substitution is not possible here"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn a_single_quoted_value_comes_back(value in "[^']{0,60}") {
            prop_assert_eq!(values(&format!("A='{value}'")), [pair("A", &value)]);
        }
    }
}
