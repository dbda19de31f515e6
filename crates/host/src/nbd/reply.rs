//! Answers to requests: simple ones, and those in chunks.
// SPDX-License-Identifier: BSD-2-Clause

use super::NbdError;
use super::extents::Extent;
use super::protocol::{
    REPLY_FLAG_DONE, REPLY_FLAG_ERROR, REPLY_TYPE_BLOCK_STATUS, REPLY_TYPE_NONE,
    REPLY_TYPE_OFFSET_DATA, REPLY_TYPE_OFFSET_HOLE, SIMPLE_REPLY_MAGIC, STATE_ZERO,
    STRUCTURED_REPLY_MAGIC,
};
use super::wire::{Fields, Wire};

/// The longest chunk that is an error, in bytes: its number, its text, and where it was.
const LONGEST_ERROR: u32 = 8 << 10;

/// The longest list of ranges, in bytes: as many as QEMU sends at most (1 MiB).
const LONGEST_LIST: u32 = (1 << 20) + 4;

/// The most chunks of one answer; without data they could follow each other for ever.
const MOST_CHUNKS: usize = 1 << 17;

/// What an answer brings.
pub(super) enum Wanted<'a> {
    /// That it is done.
    Nothing,
    /// The bytes at an offset.
    Data(&'a mut [u8], u64),
    /// Ranges, told under this number, of at most so many bytes in all.
    Extents(u32, u64, &'a mut Vec<Extent>),
}

/// Takes the answer to the request `cookie`.
pub(super) fn take(
    wire: &mut Wire,
    cookie: u64,
    structured: bool,
    wanted: &mut Wanted<'_>,
) -> Result<(), NbdError> {
    let mut filled = 0;
    let mut failure = None;
    for _ in 0..MOST_CHUNKS {
        let magic = u32::from_be_bytes(wire.array()?);
        match magic {
            SIMPLE_REPLY_MAGIC => return simple(wire, cookie, structured, wanted),
            STRUCTURED_REPLY_MAGIC if structured => {}
            _ => return Err(NbdError::Protocol("an answer does not begin like one")),
        }
        let head: [u8; 16] = wire.array()?;
        let mut fields = Fields(&head);
        let (flags, kind) = (fields.u16()?, fields.u16()?);
        if fields.u64()? != cookie {
            return Err(NbdError::Protocol("it answers what was not asked"));
        }
        let length = fields.u32()?;
        if kind & REPLY_FLAG_ERROR != 0 {
            let bytes = wire.bytes(length, LONGEST_ERROR)?;
            let code = Fields(&bytes).u32()?;
            failure.get_or_insert(NbdError::failed(code));
        } else {
            chunk(wire, kind, length, wanted, &mut filled)?;
        }
        if flags & REPLY_FLAG_DONE != 0 {
            if let Some(failure) = failure {
                return Err(failure);
            }
            return complete(wanted, filled);
        }
    }
    Err(NbdError::Protocol("an answer does not end"))
}

fn simple(
    wire: &mut Wire,
    cookie: u64,
    structured: bool,
    wanted: &mut Wanted<'_>,
) -> Result<(), NbdError> {
    let head: [u8; 12] = wire.array()?;
    let mut fields = Fields(&head);
    let code = fields.u32()?;
    if fields.u64()? != cookie {
        return Err(NbdError::Protocol("it answers what was not asked"));
    }
    match wanted {
        _ if code != 0 => Err(NbdError::failed(code)),
        Wanted::Nothing => Ok(()),
        Wanted::Data(buffer, _) if !structured => wire.receive(buffer),
        _ => Err(NbdError::Protocol("an answer lacks what was asked for")),
    }
}

/// One chunk that is no error. Data come in order and without a gap: all servers known send
/// them so, and what came twice or never would be hard to tell otherwise.
fn chunk(
    wire: &mut Wire,
    kind: u16,
    length: u32,
    wanted: &mut Wanted<'_>,
    filled: &mut usize,
) -> Result<(), NbdError> {
    let surprise = NbdError::Protocol("an answer holds what was not asked for");
    match (kind, wanted) {
        (REPLY_TYPE_NONE, _) if length == 0 => Ok(()),
        (REPLY_TYPE_OFFSET_DATA, Wanted::Data(buffer, at)) => {
            let length = length.checked_sub(8).ok_or(surprise)?;
            let offset = u64::from_be_bytes(wire.array()?);
            wire.receive(next_part(buffer, *at, offset, length, filled)?)
        }
        (REPLY_TYPE_OFFSET_HOLE, Wanted::Data(buffer, at)) if length == 12 => {
            let hole: [u8; 12] = wire.array()?;
            let mut fields = Fields(&hole);
            let (offset, length) = (fields.u64()?, fields.u32()?);
            next_part(buffer, *at, offset, length, filled)?.fill(0);
            Ok(())
        }
        (REPLY_TYPE_BLOCK_STATUS, Wanted::Extents(number, most, extents)) => {
            let bytes = wire.bytes(length, LONGEST_LIST)?;
            let mut fields = Fields(&bytes);
            if fields.u32()? != *number || !extents.is_empty() {
                return Err(surprise);
            }
            while !fields.is_empty() {
                let (length, flags) = (u64::from(fields.u32()?), fields.u32()?);
                // The last one may reach farther than was asked.
                let length = length.min(*most);
                if length == 0 {
                    return Err(NbdError::Protocol("it tells of an empty range"));
                }
                *most = most.saturating_sub(length);
                let zero = flags & STATE_ZERO != 0;
                extents.push(Extent { length, zero });
                if *most == 0 {
                    break;
                }
            }
            Ok(())
        }
        _ => Err(surprise),
    }
}

/// Where in the buffer the next part goes.
fn next_part<'a>(
    buffer: &'a mut [u8],
    at: u64,
    offset: u64,
    length: u32,
    filled: &mut usize,
) -> Result<&'a mut [u8], NbdError> {
    let misplaced = NbdError::Protocol("data come out of order");
    let start = *filled;
    if offset.checked_sub(at) != u64::try_from(start).ok() {
        return Err(misplaced);
    }
    let end = usize::try_from(length)
        .ok()
        .and_then(|length| start.checked_add(length));
    let part = end.and_then(|end| buffer.get_mut(start..end));
    *filled = end.unwrap_or(start);
    part.ok_or(misplaced)
}

fn complete(wanted: &Wanted<'_>, filled: usize) -> Result<(), NbdError> {
    let is_complete = match wanted {
        Wanted::Nothing => true,
        Wanted::Data(buffer, _) => buffer.len() == filled,
        Wanted::Extents(_, _, extents) => !extents.is_empty(),
    };
    if is_complete {
        Ok(())
    } else {
        Err(NbdError::Protocol("an answer lacks what was asked for"))
    }
}
