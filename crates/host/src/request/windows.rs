//! What a deployment asks of Windows Setup.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use snf_image_protocol::Secret;

use crate::small_file::{ReadError, read_bounded};
use crate::verification::Document;

/// The largest answer file, in bytes; the helper reads no larger one.
pub const MAX_ANSWER_FILE: usize = 1024 * 1024;

/// What only Windows has.
#[derive(Debug, Default)]
pub struct Windows {
    /// The product key.
    pub product_key: Option<Secret>,
    /// An answer file that takes the place of the image's own.
    pub answer_file: Option<Document>,
}

/// Why a file holds no product key. The content is never shown.
#[derive(Debug, thiserror::Error)]
pub enum ProductKeyError {
    /// It cannot be read.
    #[error("the product key's file cannot be used: {0}")]
    Read(#[from] ReadError),
    /// It holds something else.
    #[error("the product key's file {path} {NO_KEY}", path = .0.display())]
    Content(PathBuf),
}

/// What is wrong with a text that is no product key, in words that follow its name.
pub const NO_KEY: &str = "is not five groups of five letters or digits with hyphens between";

/// Whether a text is a product key by its form.
#[must_use]
pub fn is_product_key(text: &str) -> bool {
    let is_group =
        |group: &str| group.len() == 5 && group.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.split('-').count() == 5 && text.split('-').all(is_group)
}

/// Reads a file that holds one product key on one line.
///
/// # Errors
/// See [`ProductKeyError`].
pub fn read_product_key(path: &Path) -> Result<Secret, ProductKeyError> {
    let (bytes, _) = read_bounded(path, 4096)?;
    let text = str::from_utf8(bytes.trim_ascii()).unwrap_or_default();
    if is_product_key(text) {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err(ProductKeyError::Content(path.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_the_key_and_nothing_else_is_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "ABCDE-12345-ABCDE-12345-abcde\r\n").unwrap();
        let key = read_product_key(file.path()).unwrap();
        assert_eq!(key.expose(), "ABCDE-12345-ABCDE-12345-abcde");
        for text in [
            "",
            "hunter2",
            "ABCDE-12345-ABCDE",
            "ABCDE-12345-ABCDE-12345-abcdé",
        ] {
            std::fs::write(file.path(), text).unwrap();
            let fault = read_product_key(file.path()).unwrap_err().to_string();
            assert!(
                fault.contains("five groups") && !fault.contains("hunter2"),
                "{fault}"
            );
        }
    }
}
