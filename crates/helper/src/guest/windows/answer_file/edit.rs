//! Sets values in an answer file, and makes the elements around them that are missing.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Write as _;
use std::ops::Range;

use roxmltree::Node;

use super::names::COMPONENT;
use super::{AnswerFile, AnswerFileError, Architecture, LIMIT, Pass, WCM, children, text_of};

/// One element on the way from the root to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// The settings of a pass.
    Settings(Pass),
    /// A component of Windows.
    Component(&'a str, Architecture),
    /// An element by its name.
    Element(&'a str),
    /// An element of a list: its name, and by which element in it, with which text, it is known.
    /// The text is compared as Windows compares names.
    Item(&'a str, &'a str, &'a str),
}

impl<'a> Step<'a> {
    fn name(&self) -> &'a str {
        match self {
            Step::Settings(_) => "settings",
            Step::Component(..) => "component",
            Step::Element(name) | Step::Item(name, ..) => name,
        }
    }

    /// The elements of this name, whatever makes one the right one.
    pub(super) fn all<'b, 'input>(
        &self,
        parent: Node<'b, 'input>,
    ) -> impl Iterator<Item = Node<'b, 'input>> {
        children(parent, self.name())
    }

    /// The element that is meant.
    pub(super) fn find<'b, 'input>(&self, parent: Node<'b, 'input>) -> Option<Node<'b, 'input>> {
        let says = |node: Node<'_, '_>, attribute, value: &str| {
            let said: Option<&str> = node.attribute(attribute);
            said.is_some_and(|said| said.eq_ignore_ascii_case(value))
        };
        children(parent, self.name()).find(|node| match self {
            Step::Settings(pass) => {
                node.attribute("pass") == Some(pass.name())
                    && !says(*node, "wasPassProcessed", "true")
            }
            Step::Component(name, architecture) => {
                says(*node, "name", name)
                    && says(*node, "processorArchitecture", architecture.name())
            }
            Step::Element(_) => true,
            Step::Item(_, key, text) => children(*node, key)
                .next()
                .is_some_and(|key| text_of(key).to_lowercase() == text.to_lowercase()),
        })
    }
}

impl AnswerFile {
    /// Sets a value of a component for each architecture, and makes what is missing around it.
    ///
    /// # Errors
    /// When the value holds a character that XML cannot hold, or the file grows too large.
    pub fn set(
        &mut self,
        pass: Pass,
        component: &str,
        path: &[Step<'_>],
        value: &str,
    ) -> Result<(), AnswerFileError> {
        for architecture in self.architectures.clone() {
            let mut whole = vec![
                Step::Settings(pass),
                Step::Component(component, architecture),
            ];
            whole.extend_from_slice(path);
            self.set_one(&whole, value)?;
        }
        Ok(())
    }

    fn set_one(&mut self, path: &[Step<'_>], value: &str) -> Result<(), AnswerFileError> {
        let splice = {
            let document = self.document()?;
            let mut node = document.root_element();
            let mut missing = path;
            while let Some((step, rest)) = missing.split_first() {
                let Some(found) = step.find(node) else { break };
                node = found;
                missing = rest;
            }
            let text = &self.text.characters;
            let value = escaped(value)?;
            if missing.is_empty() {
                Splice::replace_content(text, node, &value)
            } else {
                Splice::insert(text, node, missing, &value)
            }
        };
        let Some(splice) = splice else {
            return Err(AnswerFileError::Xml("an element has no end".into()));
        };
        let text = &mut self.text.characters;
        let grown = text.len().saturating_add(splice.with.len());
        // UTF-16 takes two bytes where UTF-8 takes one.
        let most = usize::try_from(LIMIT)
            .unwrap_or(usize::MAX)
            .saturating_mul(2);
        if grown > most {
            return Err(AnswerFileError::Size);
        }
        text.replace_range(splice.at, &splice.with);
        Ok(())
    }
}

/// What is put where.
struct Splice {
    at: Range<usize>,
    with: String,
}

/// Where the parts of an element stand in the text.
struct Parts<'text> {
    /// Its name with its prefix.
    name: &'text str,
    /// What is between its tags; `None` for an element that is one tag, `<a/>`.
    content: Option<Range<usize>>,
    /// All of it.
    range: Range<usize>,
}

impl<'text> Parts<'text> {
    fn of(text: &'text str, node: Node<'_, '_>) -> Option<Self> {
        let range = node.range();
        let own = text.get(range.clone())?;
        let name = own.strip_prefix('<')?;
        let end =
            name.find(|sign: char| sign.is_ascii_whitespace() || sign == '/' || sign == '>')?;
        let name = name.get(..end)?;
        let content = if own.ends_with("/>") {
            None
        } else {
            let close = range.start.checked_add(own.rfind("</")?)?;
            let first = node.first_child().map(|child| child.range().start);
            Some(first.unwrap_or(close)..close)
        };
        Some(Parts {
            name,
            content,
            range,
        })
    }

    /// The prefix of its name, with the colon.
    fn prefix(&self) -> &'text str {
        self.name
            .find(':')
            .and_then(|at| self.name.get(..=at))
            .unwrap_or("")
    }

    /// Puts a content into an element that has none, or replaces all of it.
    fn with_content(&self, content: &str) -> Splice {
        match &self.content {
            Some(at) => Splice {
                at: at.clone(),
                with: content.into(),
            },
            // The last two bytes are `/>`.
            None => Splice {
                at: self.range.end.saturating_sub(2)..self.range.end,
                with: format!(">{content}</{}>", self.name),
            },
        }
    }
}

impl Splice {
    fn replace_content(text: &str, node: Node<'_, '_>, value: &str) -> Option<Self> {
        Some(Parts::of(text, node)?.with_content(value))
    }

    /// Puts the missing elements, with the value in the last of them, behind all that the parent
    /// holds; settings of a pass go where their pass runs.
    fn insert(text: &str, parent: Node<'_, '_>, missing: &[Step<'_>], value: &str) -> Option<Self> {
        let parts = Parts::of(text, parent)?;
        let layout = Layout::of(text, &parts);
        let wcm = parent.lookup_prefix(WCM).filter(|name| !name.is_empty());
        let xml = rendered(missing, value, parts.prefix(), wcm, &layout, 1);
        let xml = format!("{}{xml}", layout.line(1));
        let last = match missing.first() {
            Some(Step::Settings(pass)) => before(parent, *pass),
            _ => parent.children().rfind(|child| !child.is_text()),
        };
        let content = parts.content.clone().unwrap_or_default();
        if text.get(content.clone())?.trim().is_empty() {
            return Some(parts.with_content(&format!("{xml}{}", layout.line(0))));
        }
        let at = last.map_or(content.start, |last| last.range().end);
        Some(Splice {
            at: at..at,
            with: xml,
        })
    }
}

/// The element behind which settings of a pass go.
fn before<'a, 'input>(root: Node<'a, 'input>, pass: Pass) -> Option<Node<'a, 'input>> {
    let mut last = None;
    for settings in children(root, "settings") {
        let own = settings.attribute("pass").and_then(Pass::named);
        if own.is_some_and(|own| own <= pass) {
            last = Some(settings);
        }
    }
    last
}

/// How a file breaks its lines.
struct Layout {
    /// What ends a line; empty where all of the file is one line.
    newline: &'static str,
    /// What stands before the parent.
    indent: String,
    /// What is added for each level.
    unit: &'static str,
}

impl Layout {
    fn of(text: &str, parts: &Parts<'_>) -> Self {
        let before = text.get(..parts.range.start).unwrap_or("");
        let line = before.rsplit('\n').next().unwrap_or("");
        let indent: String = line
            .chars()
            .take_while(|sign| " \t".contains(*sign))
            .collect();
        let newline = match text.find('\n') {
            None => "",
            Some(at) if text.get(..at).is_some_and(|line| line.ends_with('\r')) => "\r\n",
            Some(_) => "\n",
        };
        let unit = if text.contains("\n\t") { "\t" } else { "    " };
        Layout {
            newline,
            indent: if newline.is_empty() {
                String::new()
            } else {
                indent
            },
            unit: if newline.is_empty() { "" } else { unit },
        }
    }

    /// What leads to a new line so much deeper than the parent.
    fn line(&self, depth: usize) -> String {
        format!("{}{}{}", self.newline, self.indent, self.unit.repeat(depth))
    }
}

/// Elements in each other, the value in the last.
fn rendered(
    steps: &[Step<'_>],
    value: &str,
    prefix: &str,
    wcm: Option<&str>,
    layout: &Layout,
    depth: usize,
) -> String {
    let Some((step, rest)) = steps.split_first() else {
        return value.to_owned();
    };
    let name = format!("{prefix}{}", step.name());
    let mut tag = format!("<{name}");
    let mut wcm = wcm;
    let deeper = depth.saturating_add(1);
    let mut inner = String::new();
    // Writing to a String never fails.
    match step {
        Step::Settings(pass) => {
            let _ = write!(tag, " pass=\"{}\"", pass.name());
        }
        Step::Component(component, architecture) => {
            let architecture = architecture.name();
            let _ = write!(
                tag,
                " name=\"{component}\" processorArchitecture=\"{architecture}\""
            );
            for (attribute, value) in COMPONENT {
                let _ = write!(tag, " {attribute}=\"{value}\"");
            }
            if wcm.is_none() {
                let _ = write!(tag, " xmlns:wcm=\"{WCM}\"");
                wcm = Some("wcm");
            }
        }
        Step::Element(_) => {}
        Step::Item(_, key, text) => {
            match wcm {
                Some(wcm) => {
                    let _ = write!(tag, " {wcm}:action=\"add\"");
                }
                None => {
                    let _ = write!(tag, " xmlns:wcm=\"{WCM}\" wcm:action=\"add\"");
                    wcm = Some("wcm");
                }
            }
            // The text was checked with the value's.
            let text = escaped(text).unwrap_or_default();
            let key = format!("{prefix}{key}");
            let _ = write!(inner, "{}<{key}>{text}</{key}>", layout.line(deeper));
        }
    }
    if rest.is_empty() && inner.is_empty() {
        return format!("{tag}>{value}</{name}>");
    }
    if !rest.is_empty() {
        inner.push_str(&layout.line(deeper));
        inner.push_str(&rendered(rest, value, prefix, wcm, layout, deeper));
    }
    format!("{tag}>{inner}{}</{name}>", layout.line(depth))
}

/// A text as it stands in an element. What is not ASCII is written as a number, so that it means
/// the same whatever encoding the file has.
///
/// # Errors
/// When XML 1.0 has no such character.
pub(super) fn escaped(text: &str) -> Result<String, AnswerFileError> {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' | ' '..='~' => escaped.push(sign),
            '\u{7f}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                let _ = write!(escaped, "&#{};", u32::from(sign));
            }
            _ => return Err(AnswerFileError::Value),
        }
    }
    Ok(escaped)
}
