//! Why an OS script fails: every fault that is known, each in one line.
//!
//! The log, which is the administrator's, has the whole of it. PROGRESS_MONITOR may lead to
//! whoever asked for the instance, and hears of a fault only what was made for that ear:
//! anything that nobody has marked so is internal.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::{self, Display};

use crate::cancel::SignalsError;

/// What the user hears of all internal faults together.
pub(super) const INTERNAL: &str =
    "an internal fault stopped the installation; the cluster's administrator finds it in the log";

/// One fault. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    text: String,
    for_user: Option<String>,
}

impl Fault {
    /// Of the node or its configuration.
    pub fn internal(text: impl Display) -> Self {
        Fault {
            text: text.to_string(),
            for_user: None,
        }
    }

    /// Of what the user asked for; the words tell nothing else.
    pub fn of_request(text: impl Display) -> Self {
        Fault::in_words(&text, text.to_string())
    }

    /// One of which the user hears in other words.
    pub fn in_words(text: impl Display, for_user: impl Into<String>) -> Self {
        Fault {
            text: text.to_string(),
            for_user: Some(for_user.into()),
        }
    }

    /// The same, internal where the value that it is about is not the user's.
    #[must_use]
    pub fn about(self, is_users: bool) -> Self {
        Fault {
            for_user: self.for_user.filter(|_| is_users),
            ..self
        }
    }
}

impl Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Fault::internal(text)
    }
}

impl From<&str> for Fault {
    fn from(text: &str) -> Self {
        Fault::internal(text)
    }
}

/// One or more faults.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// One fault.
    pub fn one(fault: impl Into<Fault>) -> Self {
        Faults(vec![fault.into()])
    }

    /// Adds one.
    pub fn add(&mut self, fault: impl Into<Fault>) {
        self.0.push(fault.into());
    }

    /// The value, or its fault is noted.
    pub fn keep<T, E: Into<Fault>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|fault| self.add(fault)).ok()
    }

    /// The value when there is no fault.
    ///
    /// # Errors
    /// All faults.
    pub fn or<T>(self, value: T) -> Result<T, Faults> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }

    /// What the user hears; of internal ones, however many, that there are some.
    #[must_use]
    pub fn for_user(&self) -> Vec<String> {
        let told = self.0.iter().filter_map(|fault| fault.for_user.clone());
        let internal = self.0.iter().any(|fault| fault.for_user.is_none());
        told.chain(internal.then(|| INTERNAL.to_owned())).collect()
    }
}

impl From<SignalsError> for Faults {
    fn from(error: SignalsError) -> Self {
        Faults(vec![Fault::internal(error)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_marked_for_the_user_stays_in_the_log() {
        let mut faults = Faults::one("/dev/secret: no such device");
        faults.add(Fault::of_request("img_id is required"));
        faults.add(Fault::in_words(
            "/srv/images/x is empty",
            "the image is empty",
        ));
        faults.add(Fault::of_request("img_format: \"of the node\"").about(false));
        assert_eq!(
            faults.for_user(),
            ["img_id is required", "the image is empty", INTERNAL]
        );
        assert!(
            faults
                .0
                .iter()
                .any(|fault| fault.to_string().contains("/dev/secret"))
        );
    }
}
