//! Why an OS script fails: every fault that is known, each in one line.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Display;

/// One or more faults. None of them holds a secret.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

impl Faults {
    /// One fault.
    pub fn one(fault: impl Display) -> Self {
        Faults(vec![fault.to_string()])
    }

    /// Adds one.
    pub fn add(&mut self, fault: impl Display) {
        self.0.push(fault.to_string());
    }

    /// The value, or its fault is noted.
    pub fn keep<T, E: Display>(&mut self, result: Result<T, E>) -> Option<T> {
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
}
