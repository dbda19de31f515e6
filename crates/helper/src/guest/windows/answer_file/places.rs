//! Where Windows Setup looks for an answer file at the first start of a generalized image.
// SPDX-License-Identifier: BSD-2-Clause

use super::{AnswerFile, AnswerFileError, Architecture, LIMIT, Pass};
use crate::error::{Error, Result};
use crate::guest::root::Root;

/// The places in the order of Microsoft's "Implicit Answer File Search Order", behind the one that the registry names and
/// without removable media. One that holds no settings for a pass is passed
/// over.
pub const PLACES: [&str; 7] = [
    "/Windows/Panther/Unattend/Unattend.xml",
    "/Windows/Panther/Unattend/Autounattend.xml",
    "/Windows/Panther/Unattend.xml",
    "/Windows/Panther/Autounattend.xml",
    "/Windows/System32/Sysprep/Unattend.xml",
    "/Unattend.xml",
    "/Autounattend.xml",
];

/// Where an answer file goes that the image did not have: the place at which Microsoft replaces
/// that of an image which does not run.
pub const OURS: &str = "/Windows/Panther/Unattend.xml";

/// An answer file of the image.
pub struct Candidate {
    /// Where it is: one of [`PLACES`].
    pub path: &'static str,
    /// What it says.
    pub file: AnswerFile,
}

/// How paths on the volume of Windows begin, and what that is in the image.
const VOLUME: [(&str, &str); 4] = [
    ("C:", ""),
    ("%SystemDrive%", ""),
    ("%SystemRoot%", "/Windows"),
    ("%WinDir%", "/Windows"),
];

/// A path as Windows spells it as one of the image; `None` for one on another drive.
#[must_use]
pub fn on_volume(path: &str) -> Option<String> {
    let path = path.trim();
    let path = VOLUME.iter().find_map(|(begin, inside)| {
        let (own, rest) = path.split_at_checked(begin.len())?;
        let rest = rest.replace('\\', "/");
        (own.eq_ignore_ascii_case(begin) && rest.starts_with('/'))
            .then(|| format!("{inside}{rest}"))
    })?;
    let names_a_file = !matches!(path.rsplit('/').next(), None | Some("" | "." | ".."));
    names_a_file.then_some(path)
}

/// Which of [`PLACES`] a path of the image is.
#[must_use]
pub fn place(path: &str) -> Option<&'static str> {
    PLACES
        .into_iter()
        .find(|place| place.eq_ignore_ascii_case(path))
}

/// The answer file of the image that setup would use for a pass, `first` before the other places: the
/// first with settings for it that were not used yet. Where none has any, the first with settings for
/// the other pass at the start of an image: what is put there for this pass is then the first too.
///
/// # Errors
/// When a file before it cannot be read as what it should be: setup would stop at it
/// too.
pub fn of_image(
    root: &Root,
    architectures: &[Architecture],
    first: Option<&'static str>,
    pass: Pass,
) -> Result<Option<Candidate>> {
    let mut other = None;
    let others = PLACES.into_iter().filter(|place| Some(*place) != first);
    for place in first.into_iter().chain(others) {
        let Some(bytes) = root.read(place, LIMIT)? else {
            // Setup may read what is only here a link that leads nowhere.
            if root.has_entry(place)? {
                return Err(fault(place, &AnswerFileError::Unreadable));
            }
            continue;
        };
        let file =
            AnswerFile::parse(&bytes, architectures).map_err(|error| fault(place, &error))?;
        if file.has_pass(pass) {
            return Ok(Some(Candidate { path: place, file }));
        }
        if other.is_none() && file.is_for_the_start() {
            other = Some(Candidate { path: place, file });
        }
    }
    Ok(other)
}

/// An answer file that is of no use, with the way out.
pub fn fault(path: &str, error: &AnswerFileError) -> Error {
    Error::image(format!(
        "the answer file {path} of the image cannot be used: {error}; mend it, or set property \
         IGNORE_UNATTEND"
    ))
}
