//! Barrier: the program gets the descriptors meant for it, at known numbers, and no others.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::FdFlags;

use crate::error::{ConfineError, Doing};

/// The number that the first passed descriptor has in the program, above all that the
/// launcher itself needs.
pub(crate) const FIRST: i32 = 100;

/// Descriptors for the program, in the order in which they get their numbers.
#[derive(Debug, Default)]
pub struct Descriptors(Vec<OwnedFd>);

impl Descriptors {
    /// Adds one and says which number it will have in the program.
    pub fn add(&mut self, descriptor: OwnedFd) -> i32 {
        let number = number(self.0.len());
        self.0.push(descriptor);
        number
    }

    pub(crate) fn borrowed(&self) -> Vec<BorrowedFd<'_>> {
        self.0.iter().map(AsFd::as_fd).collect()
    }
}

pub(crate) fn number(index: usize) -> i32 {
    i32::try_from(index).map_or(i32::MAX, |index| FIRST.saturating_add(index))
}

/// Closes everything above the standard streams that the launcher inherited.
pub(crate) fn close_inherited() -> Result<(), ConfineError> {
    // SAFETY: called first in the launcher, when nothing in this process owns a descriptor
    // above 2 yet, so no owner can be left with a closed one.
    let result = unsafe { nix::libc::close_range(3, nix::libc::c_uint::MAX, 0) };
    nix::errno::Errno::result(result)
        .map(drop)
        .doing("closing inherited descriptors")
}

/// Keeps what this process itself inherited above the standard streams from every program that
/// it starts; it stays open here.
///
/// # Errors
/// When the system has no close_range(2) with CLOSE_RANGE_CLOEXEC (Linux 5.11).
pub fn keep_inherited_from_programs() -> std::io::Result<()> {
    let last = nix::libc::c_uint::MAX;
    let flags = nix::libc::c_int::try_from(nix::libc::CLOSE_RANGE_CLOEXEC).unwrap_or(0);
    // SAFETY: with this flag nothing is closed, and no owner of a descriptor in this program
    // counts on passing it on by exec: the launcher gets its by a socket.
    let result = unsafe { nix::libc::close_range(3, last, flags) };
    nix::errno::Errno::result(result)
        .map(drop)
        .map_err(Into::into)
}

/// Moves received descriptors to their numbers, still closed on exec.
pub(crate) fn place(received: Vec<OwnedFd>) -> Result<Vec<OwnedFd>, ConfineError> {
    received
        .into_iter()
        .enumerate()
        .map(|(index, descriptor)| {
            let number = number(index);
            let placed = rustix::io::fcntl_dupfd_cloexec(&descriptor, number)
                .doing("placing a descriptor")?;
            if placed.as_raw_fd() == number {
                Ok(placed)
            } else {
                Err(ConfineError::Taken(number))
            }
        })
        .collect()
}

/// Lets the placed descriptors survive the coming exec.
pub(crate) fn keep(placed: &[OwnedFd]) -> Result<(), ConfineError> {
    placed.iter().try_for_each(|descriptor| {
        rustix::io::fcntl_setfd(descriptor, FdFlags::empty()).doing("passing on a descriptor")
    })
}
