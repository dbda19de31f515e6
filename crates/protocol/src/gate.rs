//! The line on the third serial port that lets the helper go to the disks.
// SPDX-License-Identifier: BSD-2-Clause

use serde::{Deserialize, Serialize};

use crate::Secret;

/// The longest gate line, in bytes, newline included.
pub const MAX_GATE_LINE: usize = 1024;

/// Sent by the host once, when the copy is complete, checked and flushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// 32 fresh random bytes as 64 hexadecimal digits: the seed of everything unique.
    pub entropy: Secret,
    /// 16 fresh random bytes as 32 hexadecimal digits, repeated in [`crate::Event::Finished`].
    pub key: Secret,
}

/// Why a gate line means nothing.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// Not the JSON object described at [`Gate`].
    #[error("the line that opens the gate is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// The entropy is not 64 hexadecimal digits.
    #[error("the entropy that came with the gate is not 64 hexadecimal digits")]
    Entropy,
}

impl Gate {
    /// The seed and the key as the line that goes over the port, newline included.
    #[must_use]
    pub fn new(entropy: &[u8; 32], key: &[u8; 16]) -> Self {
        Gate {
            entropy: Secret::new(hex(entropy)),
            key: Secret::new(hex(key)),
        }
    }

    /// Reads a gate line.
    ///
    /// # Errors
    /// When it is not the JSON object described at [`Gate`].
    pub fn parse(line: &[u8]) -> Result<Self, GateError> {
        Ok(serde_json::from_slice(line)?)
    }

    /// The 32 bytes of entropy.
    ///
    /// # Errors
    /// When they are not 64 hexadecimal digits.
    pub fn seed(&self) -> Result<[u8; 32], GateError> {
        let digits = self.entropy.expose();
        let mut seed = [0; 32];
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(GateError::Entropy);
        }
        for (byte, pair) in seed.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            *byte = pair
                .iter()
                .filter_map(|digit| char::from(*digit).to_digit(16))
                .filter_map(|digit| u8::try_from(digit).ok())
                .fold(0, |value, digit| (value << 4) | digit);
        }
        Ok(seed)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_survives_the_wire() {
        let entropy: [u8; 32] = std::array::from_fn(|at| u8::try_from(at * 7 % 256).unwrap());
        let gate = Gate::new(&entropy, &[0xab; 16]);
        let line = serde_json::to_vec(&gate).unwrap();
        assert!(line.len() < MAX_GATE_LINE);
        let back = Gate::parse(&line).unwrap();
        assert_eq!(back.seed().unwrap(), entropy);
        assert_eq!(back.key.expose(), "ab".repeat(16));
    }

    #[test]
    fn entropy_of_another_form_is_refused() {
        for entropy in ["", "00", &"zz".repeat(32), &"é".repeat(32)] {
            let line = format!(r#"{{"entropy":"{entropy}","key":"00"}}"#);
            assert!(Gate::parse(line.as_bytes()).unwrap().seed().is_err());
        }
    }
}
