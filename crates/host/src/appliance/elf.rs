//! Reads the few things of a 64-bit little-endian ELF file that the builder asks for.
// SPDX-License-Identifier: BSD-2-Clause

/// Program header types (elf(5)).
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;

/// The note by which a kernel says that it can be entered in 32-bit mode as a PVH guest:
/// its owner and its type (Xen's public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY).
const PVH_OWNER: &[u8] = b"Xen\0";
const PVH_TYPE: u32 = 18;

/// An ELF file in memory. Every offset in it is checked when it is followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elf<'bytes>(&'bytes [u8]);

impl<'bytes> Elf<'bytes> {
    /// Takes the file if it is a 64-bit little-endian one for x86-64.
    pub(super) fn parse(bytes: &'bytes [u8]) -> Option<Self> {
        let class_and_data = bytes.starts_with(b"\x7fELF\x02\x01");
        let machine = u16_at(bytes, 18)?;
        (class_and_data && machine == 62).then_some(Elf(bytes))
    }

    /// Whether it needs a dynamic loader to start.
    pub(super) fn is_dynamic(self) -> bool {
        self.segments().any(|(kind, _)| kind == PT_INTERP)
    }

    /// Whether it is a kernel that QEMU can start directly.
    pub(super) fn has_pvh_entry(self) -> bool {
        self.segments()
            .filter(|(kind, _)| *kind == PT_NOTE)
            .any(|(_, notes)| notes_hold_pvh(notes))
    }

    /// The content of the first section of this name.
    pub(super) fn section(self, name: &str) -> Option<&'bytes [u8]> {
        let names = self.section_at(u16_at(self.0, 62)?)?.1;
        let count = u16_at(self.0, 60)?;
        (0..count)
            .filter_map(|index| self.section_at(index))
            .find(|(at, _)| text_at(names, *at) == Some(name.as_bytes()))
            .map(|(_, content)| content)
    }

    fn segments(self) -> impl Iterator<Item = (u32, &'bytes [u8])> {
        let bytes = self.0;
        let count = u16_at(bytes, 56).unwrap_or(0);
        (0..count).filter_map(move |index| {
            let header = entry(bytes, u64_at(bytes, 32)?, u16_at(bytes, 54)?, index)?;
            let content = slice(bytes, u64_at(header, 8)?, u64_at(header, 32)?)?;
            Some((u32_at(header, 0)?, content))
        })
    }

    /// Where its name stands in the table of names, and its content.
    fn section_at(self, index: u16) -> Option<(usize, &'bytes [u8])> {
        let header = entry(self.0, u64_at(self.0, 40)?, u16_at(self.0, 58)?, index)?;
        let content = slice(self.0, u64_at(header, 24)?, u64_at(header, 32)?)?;
        Some((usize::try_from(u32_at(header, 0)?).ok()?, content))
    }
}

/// Notes are: size of the owner, size of the content, type, then both, each padded to four bytes.
fn notes_hold_pvh(mut notes: &[u8]) -> bool {
    while let Some((owner, kind, rest)) = next_note(notes) {
        if owner == PVH_OWNER && kind == PVH_TYPE {
            return true;
        }
        notes = rest;
    }
    false
}

fn next_note(notes: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let owner = usize::try_from(u32_at(notes, 0)?).ok()?;
    let content = usize::try_from(u32_at(notes, 4)?).ok()?;
    let after_owner = 12_usize.checked_add(owner.checked_next_multiple_of(4)?)?;
    let end = after_owner.checked_add(content.checked_next_multiple_of(4)?)?;
    Some((
        notes.get(12..12_usize.checked_add(owner)?)?,
        u32_at(notes, 8)?,
        notes.get(end..)?,
    ))
}

/// One entry of a table of headers.
fn entry(bytes: &[u8], table: u64, size: u16, index: u16) -> Option<&[u8]> {
    let offset = u64::from(size).checked_mul(u64::from(index))?;
    slice(bytes, table.checked_add(offset)?, u64::from(size))
}

fn slice(bytes: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = usize::try_from(offset.checked_add(size)?).ok()?;
    bytes.get(start..end)
}

fn text_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    bytes.get(at..)?.split(|byte| *byte == 0).next()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn this_very_test_is_a_dynamic_program_and_no_kernel() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = Elf::parse(&bytes).unwrap();
        assert!(elf.is_dynamic());
        assert!(!elf.has_pvh_entry());
        assert!(elf.section(".text").unwrap().len() > 1000);
        assert!(elf.section(".nothing").is_none());
    }

    #[test]
    fn the_note_of_a_pvh_kernel_is_found_behind_another() {
        let other = [
            &4_u32.to_le_bytes()[..],
            &5_u32.to_le_bytes(),
            &1_u32.to_le_bytes(),
        ]
        .concat();
        let pvh = [
            &4_u32.to_le_bytes()[..],
            &8_u32.to_le_bytes(),
            &18_u32.to_le_bytes(),
        ]
        .concat();
        let notes = [&other[..], b"GNU\0abcde\0\0\0", &pvh, b"Xen\0", &[0; 8]].concat();
        assert!(notes_hold_pvh(&notes));
        assert!(!notes_hold_pvh(&notes[..notes.len() - 1]));
    }

    proptest! {
        #[test]
        fn no_bytes_upset_the_reader(mut bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            for (to, from) in bytes.iter_mut().zip(b"\x7fELF\x02\x01") {
                *to = *from;
            }
            if let Some(machine) = bytes.get_mut(18..20) {
                machine.copy_from_slice(&[62, 0]);
            }
            if let Some(elf) = Elf::parse(&bytes) {
                let _ = (elf.is_dynamic(), elf.has_pvh_entry(), elf.section(".modinfo"));
            }
        }
    }
}
