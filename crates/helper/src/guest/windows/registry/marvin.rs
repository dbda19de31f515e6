//! Marvin32, the checksum of entries in the logs of hives.
// SPDX-License-Identifier: BSD-2-Clause

/// What it begins with in these logs (msuhanov's "Windows registry file format specification",
/// which writes its bytes from the high end on).
const SEED: u64 = 0x82ef_4d88_7a4e_55c5;

/// The checksum of bytes in a log.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    marvin(bytes, SEED)
}

/// The checksum of bytes, begun with a seed.
fn marvin(bytes: &[u8], seed: u64) -> u64 {
    let [low, high] = halves(seed);
    let mut state = State { low, high };
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        state.take(u32::from_le_bytes(*word));
    }
    // The rest with a sign of its end, and a round of nothing.
    let mut last = [0; 4];
    let with_end = rest.iter().chain(&[0x80]);
    last.iter_mut()
        .zip(with_end)
        .for_each(|(place, byte)| *place = *byte);
    state.take(u32::from_le_bytes(last));
    state.take(0);
    u64::from(state.high) << 32 | u64::from(state.low)
}

fn halves(number: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
    [[a, b, c, d], [e, f, g, h]].map(u32::from_le_bytes)
}

struct State {
    low: u32,
    high: u32,
}

impl State {
    fn take(&mut self, word: u32) {
        self.low = self.low.wrapping_add(word);
        self.high ^= self.low;
        self.low = self.low.rotate_left(20).wrapping_add(self.high);
        self.high = self.high.rotate_left(9) ^ self.low;
        self.low = self.low.rotate_left(27).wrapping_add(self.high);
        self.high = self.high.rotate_left(19);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_come_out() {
        // Those of the tests of .NET.
        let seed = 0x004f_b61a_001b_dbcc;
        for (bytes, sum) in [
            (&[][..], 0x30ed_35c1_00cd_3c7d),
            (&[0xaf], 0x48e7_3fc7_7d75_ddc1),
            (&[0xe7, 0x0f], 0xb5f6_e1fc_485d_bff8),
            (&[0x37, 0xf4, 0x95], 0xf0b0_7c78_9b8c_f7e8),
            (&[0x86, 0x42, 0xdc, 0x59], 0x7008_f2e8_7e9c_f556),
        ] {
            assert_eq!(marvin(bytes, seed), sum, "{bytes:x?}");
        }
    }
}
