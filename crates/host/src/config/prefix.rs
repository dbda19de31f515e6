//! One word of DETECT_FORMAT: part of all the images there are, by what their names begin with.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use crate::reference::Reference;
use crate::source::{Url, is_fetched};

/// A directory below IMAGE_DIR, or a URL; and all below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prefix {
    /// Relative to IMAGE_DIR; empty: all of it.
    Directory(PathBuf),
    /// Of a scheme that is fetched.
    Url(Url),
}

/// Why a text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// It is a path, and not of a directory below IMAGE_DIR.
    #[error("it is no directory below IMAGE_DIR, with a slash behind it")]
    Directory,
    /// It is a URL, and not one of a directory.
    #[error("it is no URL that ends with a slash and has no user and no query")]
    Url,
}

impl Prefix {
    /// Whether it covers an image: paths component by component, and of URLs scheme, host and port
    /// too. What a server might take for another path than it looks like is not covered.
    #[must_use]
    pub fn covers(&self, image: &Reference, image_dir: &Path) -> bool {
        match (self, image) {
            (Prefix::Directory(directory), Reference::Path(name)) => {
                let full = image_dir.join(name);
                let relative = full.strip_prefix(image_dir).ok();
                relative.is_some_and(|name| is_plain(name) && name.starts_with(directory))
            }
            (Prefix::Url(prefix), Reference::Url(url)) => url.is_below(prefix),
            _ => false,
        }
    }
}

/// Whether a path has names of files alone for its components.
fn is_plain(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(_)))
}

/// `NAME/`, `./` for all of IMAGE_DIR, `https://HOST/` or `https://HOST/PATH/`.
impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let is_url = (text.split_once("://")).is_some_and(|(scheme, _)| is_fetched(scheme));
        if is_url {
            let url = Url::parse(text).map_err(|_| PrefixError::Url)?;
            return Some(Prefix::Url(url.clone()))
                .filter(|_| {
                    url.is_below(&url) && text.ends_with('/') && url.to_string() == url.expose()
                })
                .ok_or(PrefixError::Url);
        }
        if text == "./" {
            return Ok(Prefix::Directory(PathBuf::new()));
        }
        let path = PathBuf::from(text);
        if text.ends_with('/') && is_plain(&path) && !text.contains("://") {
            Ok(Prefix::Directory(path))
        } else {
            Err(PrefixError::Directory)
        }
    }
}

/// In the form in which it is read.
impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Prefix::Directory(path) if path.as_os_str().is_empty() => formatter.write_str("./"),
            Prefix::Directory(path) => {
                write!(
                    formatter,
                    "{}/",
                    path.display().to_string().trim_end_matches('/')
                )
            }
            Prefix::Url(url) => url.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(prefix: &str, image: &str) -> bool {
        let prefix: Prefix = prefix.parse().unwrap();
        assert_eq!(prefix.to_string().parse::<Prefix>().unwrap(), prefix);
        prefix.covers(&Reference::parse(image).unwrap(), Path::new("/images"))
    }

    #[test]
    fn whole_components_are_compared() {
        for (prefix, image, expected) in [
            ("vendor/", "vendor/debian", true),
            ("vendor/", "local://vendor/12/debian", true),
            ("vendor/", "/images/vendor/debian", true),
            ("vendor/", "vendor-of-others/debian", false),
            ("vendor/", "tenant/vendor/debian", false),
            ("vendor/", "vendor/../tenant/debian", false),
            ("vendor/", "/elsewhere/vendor/debian", false),
            ("vendor/", "https://vendor/debian", false),
            ("./", "debian", true),
            ("./", "/etc/passwd", false),
            ("https://example.org/", "https://Example.org/a/b?c", true),
            ("https://example.org/", "https://example.org:443/a", true),
            ("https://example.org/", "https://example.org.evil/a", false),
            ("https://example.org/", "https://example.org@evil/a", false),
            ("https://example.org/", "http://example.org/a", false),
            ("https://example.org/", "https://example.org:8443/a", false),
            (
                "https://example.org/images/",
                "https://example.org/images/x",
                true,
            ),
            (
                "https://example.org/images/",
                "https://example.org/images-of-others/x",
                false,
            ),
            (
                "https://example.org/images/",
                "https://example.org/images/../x",
                false,
            ),
            (
                "https://example.org/images/",
                "https://example.org/images/%2e%2E/x",
                false,
            ),
            (
                "https://example.org/images/",
                "https://example.org/images/..%2Fx",
                false,
            ),
            ("https://example.org/images/", "pithos://images/x", false),
            ("./", "null", false),
        ] {
            assert_eq!(covers(prefix, image), expected, "{prefix} {image}");
        }
    }

    #[test]
    fn what_ends_without_a_slash_or_leads_elsewhere_is_none() {
        for text in [
            "",
            "vendor",
            "/",
            "/images/",
            "../",
            "a/../b/",
            "https://example.org/x",
            "https://me:hunter2@example.org/",
            "https://example.org/?x/",
            "gopher://example.org/",
        ] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }
}
