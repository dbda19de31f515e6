//! Swap space: the header that mkswap(8) writes, read and written.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::disk::bytes::{array, is_at, u32_at};
use crate::disk::device;
use crate::error::{Doing, Error, Result};

/// The sizes that a page has on Linux's architectures, in bytes. The header takes one page.
const PAGES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// The page of most architectures, and the one that new swap space is made for, in bytes.
const PAGE: usize = 4096;
/// What ends the header's page (Linux, include/linux/swap.h, `union swap_header`).
const MAGIC: &[u8; 10] = b"SWAPSPACE2";
/// What stands there while a hibernated system lies in the swap space: of the kernel
/// (kernel/power/swap.c) and of tools that do it from user space.
const HIBERNATED: [&[u8]; 4] = [b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001"];
/// Where the numbers begin: version, last page, bad pages; then UUID and label.
const NUMBERS: usize = 1024;
const UUID: usize = 1036;
const LABEL: usize = 1052;
/// How much is wiped at both ends, in bytes: everything by which older content is known.
const WIPED: u64 = 1 << 20;
/// The most that the kernel uses: page numbers have 32 bits.
const MAX_LAST_PAGE: u64 = 0xffff_ffff;

/// A part of a disk, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// The disk.
    pub disk: PathBuf,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
}

/// What swap space is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    page: usize,
    /// Its UUID.
    pub uuid: [u8; 16],
    label: [u8; 16],
}

/// What a region holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No swap space.
    None,
    /// Swap space.
    Swap(Header),
    /// Swap space with a hibernated system in it.
    Hibernated,
}

impl Header {
    /// New swap space of this UUID, without a label.
    #[must_use]
    pub fn new(uuid: [u8; 16]) -> Header {
        Header {
            page: PAGE,
            uuid,
            label: [0; 16],
        }
    }

    /// Reads the header out of the first 64 KiB.
    #[must_use]
    pub fn parse(head: &[u8]) -> State {
        let ends_with = |page: usize, magic: &[u8]| is_at(head, page - MAGIC.len(), magic);
        if PAGES
            .iter()
            .any(|page| HIBERNATED.iter().any(|magic| ends_with(*page, magic)))
        {
            return State::Hibernated;
        }
        let page = PAGES.iter().find(|page| ends_with(**page, MAGIC));
        let header = page.and_then(|page| {
            (u32_at(head, NUMBERS)? == 1).then_some(())?;
            Some(Header {
                page: *page,
                uuid: array(head, UUID)?,
                label: array(head, LABEL)?,
            })
        });
        header.map_or(State::None, State::Swap)
    }

    /// The page that makes a region of so many bytes swap space. `None`: it is too small.
    fn page_for(&self, length: u64) -> Option<Vec<u8>> {
        let pages = length / u64::try_from(self.page).ok()?;
        // The kernel refuses less than ten pages, as mkswap(8) does.
        let last = pages.checked_sub(1).filter(|last| *last >= 9)?;
        let last = u32::try_from(last.min(MAX_LAST_PAGE)).ok()?;
        let mut page = vec![0; self.page];
        let mut put = |at: usize, bytes: &[u8]| {
            page.get_mut(at..at + bytes.len())?.copy_from_slice(bytes);
            Some(())
        };
        put(NUMBERS, &1_u32.to_le_bytes())?;
        put(NUMBERS + 4, &last.to_le_bytes())?;
        put(UUID, &self.uuid)?;
        put(LABEL, &self.label)?;
        put(self.page - MAGIC.len(), MAGIC)?;
        Some(page)
    }
}

impl Region {
    /// What it holds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn state(&self) -> Result<State> {
        let length = self.length.min(64 << 10);
        Ok(Header::parse(&device::bytes(
            &self.disk,
            self.offset,
            length,
        )?))
    }

    /// Makes it swap space, whatever it held, and flushes.
    ///
    /// # Errors
    /// When it is too small or cannot be written.
    pub fn format(&self, header: &Header) -> Result<()> {
        let page = header.page_for(self.length).ok_or_else(|| {
            Error::image(format!(
                "{} bytes are too little for swap space",
                self.length
            ))
        })?;
        let wiped = self.length.min(WIPED);
        let zeroes = vec![0; usize::try_from(wiped).unwrap_or_default()];
        let last = self.offset.saturating_add(self.length - wiped);
        OpenOptions::new()
            .write(true)
            .open(&self.disk)
            .and_then(|file| {
                file.write_all_at(&zeroes, last)?;
                file.write_all_at(&zeroes, self.offset)?;
                file.write_all_at(&page, self.offset)?;
                file.sync_all()
            })
            .doing(|| format!("making swap space on {}", self.disk.display()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::testing::{resize, tool};

    const ID: &str = "0a1b2c3d-1111-4222-8333-444455556666";

    fn region(path: &std::path::Path, length: u64) -> Region {
        Region {
            disk: path.into(),
            offset: 0,
            length,
        }
    }

    #[test]
    fn what_is_written_is_what_mkswap_writes() {
        for (bytes, page, label) in [
            (40 << 10, "4096", ""),
            ((3 << 20) + 512, "4096", "my swap"),
            (8 << 20, "65536", "x"),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            resize(file.path(), bytes);
            tool("mkswap", &["-p", page, "-U", ID, "-L", label], file.path());
            let made = std::fs::read(file.path()).unwrap();
            let region = region(file.path(), bytes);
            let State::Swap(header) = region.state().unwrap() else {
                panic!("not known again");
            };
            std::fs::write(file.path(), vec![0xaa; made.len()]).unwrap();
            region.format(&header).unwrap();
            let ours = std::fs::read(file.path()).unwrap();
            let page = page.parse::<usize>().unwrap();
            assert!(ours[..page] == made[..page], "{bytes} {page}");
            assert_eq!(region.state().unwrap(), State::Swap(header));
            let said = tool("blkid", &["-p", "-o", "export"], file.path());
            assert!(said.contains(&format!("UUID={ID}")), "{said}");
        }
    }

    #[test]
    fn nothing_older_is_found_in_new_swap_space() {
        let file = tempfile::NamedTempFile::new().unwrap();
        resize(file.path(), 128 << 20);
        tool("mkfs.btrfs", &["-q"], file.path());
        let region = region(file.path(), 128 << 20);
        assert_eq!(region.state().unwrap(), State::None);
        region.format(&Header::new([7; 16])).unwrap();
        let said = tool("wipefs", &["--noheadings"], file.path());
        assert_eq!(said.lines().count(), 1, "{said}");
    }

    #[test]
    fn a_hibernated_system_is_not_taken_for_swap_space() {
        let mut head = vec![0; 64 << 10];
        head[4086..4095].copy_from_slice(b"S1SUSPEND");
        assert_eq!(Header::parse(&head), State::Hibernated);
    }

    #[test]
    fn a_region_that_is_too_small_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        resize(file.path(), 36 << 10);
        let refused = region(file.path(), 36 << 10).format(&Header::new([7; 16]));
        assert!(refused.unwrap_err().to_string().contains("too little"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(head: Vec<u8>, length: u64) {
            let _ = Header::parse(&head);
            let _ = Header::new([1; 16]).page_for(length);
        }
    }
}
