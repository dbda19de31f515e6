//! Finds the back-end that knows an image, and asks it how large the image is.
// SPDX-License-Identifier: BSD-2-Clause

use super::answer::ask;
use super::directory::{Backend, Place, list};
use super::error::BackendError;
use crate::cancel::Cancel;
use crate::source::ExternalId;

/// The first back-end that says `yes` to an image. One that fails to answer is named in a warning
/// and passed over.
///
/// # Errors
/// When there is none, or `cancel` is called.
pub(super) fn select(
    id: &ExternalId,
    place: &Place,
    cancel: &Cancel,
) -> Result<Backend, BackendError> {
    for backend in list(place)? {
        match ask(&backend, "-p", id.expose(), place.patience, cancel) {
            Ok(answer) if answer == "yes" => return Ok(backend),
            Ok(_) => {}
            Err(BackendError::Cancelled) => return Err(BackendError::Cancelled),
            Err(error) => tracing::warn!("{error}; passed over"),
        }
    }
    Err(BackendError::None {
        scheme: id.scheme().into(),
        path: place.programs.clone(),
    })
}

/// How many bytes it will send.
///
/// # Errors
/// When it does not say so.
pub(super) fn size(
    backend: &Backend,
    id: &ExternalId,
    place: &Place,
    cancel: &Cancel,
) -> Result<u64, BackendError> {
    let answer = ask(backend, "-s", id.expose(), place.patience, cancel)?;
    let digits = Some(&answer).filter(|answer| answer.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| backend.failed("-s was not answered with a number of bytes"))
}
