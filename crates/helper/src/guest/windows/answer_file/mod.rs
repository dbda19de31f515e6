//! Answer files of Windows Setup: read as XML, edited so that all other bytes stay.
//!
//! A document is parsed anew after each change; the parser tells where its elements stand in the
//! text, and only there something is put in or replaced.
// SPDX-License-Identifier: BSD-2-Clause

mod edit;
mod generated;
mod names;
mod places;

use roxmltree::{Document, Node, ParsingOptions};

pub use edit::Step;
pub use generated::{Wanted, generate};
pub use names::{
    Architecture, DEPLOYMENT, INTERNATIONAL, Pass, SHELL_SETUP, TERMINAL_SERVICES, UNATTEND, WCM,
};
pub use places::{Candidate, OURS, PLACES, fault, of_image, on_volume, place};

use super::text::{Text, TextError};

/// The largest answer file that is read, in bytes. Those of deployment tools hold some tens of KiB.
pub const LIMIT: u64 = 1024 * 1024;

/// The most elements, texts and comments of one: a bound for what the parser keeps in memory.
const MAX_NODES: u32 = 50_000;

/// The deepest that elements lie in each other; settings of Windows need a dozen.
const MAX_DEPTH: usize = 100;

/// Why a file is no answer file that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFileError {
    /// Not text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Not ASCII in an encoding that only its declaration names.
    #[error("it says that its encoding is {0:?}: save it as UTF-8 or UTF-16")]
    Encoding(String),
    /// Not XML, with the place. A document type and with it all entities are refused here.
    #[error("it is not valid XML: {0}")]
    Xml(String),
    /// A link that leads nowhere, or in a form of its own.
    #[error("it is a link that leads nowhere, or in a form that only Windows reads")]
    Unreadable,
    /// Elements in elements in elements.
    #[error("its elements lie more than {MAX_DEPTH} deep in each other")]
    Depth,
    /// XML of something else.
    #[error("its root is not the element unattend of Microsoft's namespace {UNATTEND}")]
    Root,
    /// A text that XML cannot hold.
    #[error("a value holds a character that XML cannot hold")]
    Value,
    /// It grew too large.
    #[error("it would be larger than {} KiB", LIMIT / 1024)]
    Size,
}

/// An answer file that is known to be well-formed, and the machine for which it is read.
#[derive(Clone, PartialEq, Eq)]
pub struct AnswerFile {
    text: Text,
    architectures: Vec<Architecture>,
}

impl AnswerFile {
    /// Reads an answer file. What is set later is set for each of the architectures: that of the
    /// machine, or all where it is not known.
    ///
    /// # Errors
    /// See [`AnswerFileError`].
    pub fn parse(bytes: &[u8], architectures: &[Architecture]) -> Result<Self, AnswerFileError> {
        let text = Text::parse(bytes)?;
        check_encoding(&text)?;
        let file = AnswerFile {
            text,
            architectures: architectures.to_vec(),
        };
        check(&file.document()?)?;
        Ok(file)
    }

    /// The bytes: those that were read, but for what was changed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.text.to_bytes()
    }

    /// The architectures for which settings are made.
    #[must_use]
    pub fn architectures(&self) -> &[Architecture] {
        &self.architectures
    }

    /// Whether Windows finds settings for this pass in it that it has not used before: Setup
    /// marks what it has used with `wasPassProcessed`.
    #[must_use]
    pub fn has_pass(&self, pass: Pass) -> bool {
        self.document().is_ok_and(|document| {
            children(document.root_element(), "settings").any(|settings| {
                let is_used = settings.attribute("wasPassProcessed");
                settings.attribute("pass") == Some(pass.name())
                    && !is_used.is_some_and(|used| used.eq_ignore_ascii_case("true"))
            })
        })
    }

    /// The same for one of the passes that run when an image starts.
    #[must_use]
    pub fn is_for_the_start(&self) -> bool {
        self.has_pass(Pass::Specialize) || self.has_pass(Pass::OobeSystem)
    }

    /// The text of an element, without blanks around it; `None` when it is not there.
    #[must_use]
    pub fn value(&self, path: &[Step<'_>]) -> Option<String> {
        let document = self.document().ok()?;
        let mut node = document.root_element();
        for step in path {
            node = step.find(node)?;
        }
        Some(text_of(node))
    }

    /// The texts of the elements `name` in all elements that the path's last step names, such as
    /// the names of all accounts.
    #[must_use]
    pub fn values(&self, path: &[Step<'_>], name: &str) -> Vec<String> {
        let Some((last, above)) = path.split_last() else {
            return Vec::new();
        };
        let Ok(document) = self.document() else {
            return Vec::new();
        };
        let mut node = document.root_element();
        for step in above {
            match step.find(node) {
                Some(found) => node = found,
                None => return Vec::new(),
            }
        }
        last.all(node)
            .filter_map(|item| children(item, name).next().map(text_of))
            .collect()
    }

    fn document(&self) -> Result<Document<'_>, AnswerFileError> {
        let options = ParsingOptions {
            allow_dtd: false,
            nodes_limit: MAX_NODES,
            ..ParsingOptions::default()
        };
        Document::parse_with_options(&self.text.characters, options)
            .map_err(|error| AnswerFileError::Xml(error.to_string()))
    }
}

/// What the declaration says must be what the bytes are, as far as it matters.
fn check_encoding(text: &Text) -> Result<(), AnswerFileError> {
    let declaration = (text.characters.strip_prefix("<?xml"))
        .and_then(|rest| rest.split_once("?>"))
        .map(|(declaration, _)| declaration);
    let named = declaration
        .and_then(|declaration| declaration.split_once("encoding"))
        .and_then(|(_, rest)| rest.split(['"', '\'']).nth(1));
    match named {
        Some(name) if text.is_utf8() && !name.eq_ignore_ascii_case("utf-8") => {
            if text.characters.is_ascii() {
                return Ok(());
            }
            Err(AnswerFileError::Encoding(name.chars().take(40).collect()))
        }
        _ => Ok(()),
    }
}

fn check(document: &Document<'_>) -> Result<(), AnswerFileError> {
    let root = document.root_element();
    if !root.has_tag_name((UNATTEND, "unattend")) {
        return Err(AnswerFileError::Root);
    }
    // Walked once, with the depth kept: to count each node's ancestors would take quadratic time.
    let mut node = root;
    let mut depth = 0_usize;
    loop {
        if depth > MAX_DEPTH {
            return Err(AnswerFileError::Depth);
        }
        if let Some(child) = node.first_child() {
            node = child;
            depth = depth.saturating_add(1);
            continue;
        }
        loop {
            if let Some(next) = node.next_sibling().filter(|_| depth > 0) {
                node = next;
                break;
            }
            match node.parent().filter(|_| depth > 0) {
                Some(parent) => {
                    node = parent;
                    depth = depth.saturating_sub(1);
                }
                None => return Ok(()),
            }
        }
    }
}

/// The elements of this name in an element.
fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children()
        .filter(move |child| child.has_tag_name((UNATTEND, name)))
}

/// All text in an element, without blanks around it.
fn text_of(node: Node<'_, '_>) -> String {
    let texts = node.children().filter_map(|child| match child.is_text() {
        true => child.text(),
        false => None,
    });
    texts.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests;
