//! Agreeing with the server on an export: the fixed newstyle negotiation.
// SPDX-License-Identifier: BSD-2-Clause

use super::NbdError;
use super::protocol::{
    BASE_ALLOCATION, FLAG_CAN_MULTI_CONN, FLAG_FIXED_NEWSTYLE, FLAG_HAS_FLAGS, FLAG_NO_ZEROES,
    FLAG_READ_ONLY, FLAG_SEND_DF, FLAG_SEND_FAST_ZERO, FLAG_SEND_FLUSH, FLAG_SEND_WRITE_ZEROES,
    INFO_BLOCK_SIZE, INFO_EXPORT, INIT_MAGIC, OPT_GO, OPT_SET_META_CONTEXT, OPT_STRUCTURED_REPLY,
    OPTION_MAGIC, OPTION_REPLY_MAGIC, REP_ACK, REP_FLAG_ERROR, REP_INFO, REP_META_CONTEXT,
};
use super::wire::{Fields, Wire};

/// The longest answer to an option, in bytes: the protocol's limit for a string, and its frame.
const LONGEST_ANSWER: u32 = 8 << 10;

/// The most answers to one option.
const MOST_ANSWERS: usize = 64;

/// The longest request for data where the server says nothing, in bytes; every server has to
/// take it.
const USUAL_REQUEST: u32 = 32 << 20;

/// What a server has said of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    /// Its size in bytes.
    pub size: u64,
    /// Offsets and lengths of requests are multiples of this, in bytes: 1 to 65536.
    pub block: u32,
    /// The most that one request may read or write, in bytes.
    pub(super) longest: u32,
    /// Whether it can only be read.
    pub read_only: bool,
    /// Whether what is written through one connection and flushed through another is safe.
    pub multiple: bool,
    pub(super) flushes: bool,
    pub(super) zeroes: bool,
    pub(super) fast_zeroes: bool,
    pub(super) whole_reads: bool,
    /// Whether answers come in chunks.
    pub(super) structured: bool,
    /// The number under which ranges are told that read as zeroes.
    pub(super) allocation: Option<u32>,
}

/// Agrees on the export `name`.
pub(super) fn negotiate(wire: &mut Wire, name: &str) -> Result<Export, NbdError> {
    greet(wire)?;
    let mut structured = false;
    let mut allocation = None;
    match ask(wire, OPT_STRUCTURED_REPLY, &[], |_, _| Ok(())) {
        Ok(()) => {
            structured = true;
            allocation = ask_for_allocation(wire, name)?;
        }
        Err(NbdError::Refused { .. }) => {}
        Err(other) => return Err(other),
    }
    let mut export = go(wire, name)?;
    export.structured = structured;
    export.allocation = allocation;
    Ok(export)
}

fn greet(wire: &mut Wire) -> Result<(), NbdError> {
    let greeting: [u8; 18] = wire.array()?;
    let mut fields = Fields(&greeting);
    if (fields.u64()?, fields.u64()?) != (INIT_MAGIC, OPTION_MAGIC) {
        return Err(NbdError::Protocol(
            "it does not begin like a server of today",
        ));
    }
    let flags = fields.u16()?;
    if flags & FLAG_FIXED_NEWSTYLE == 0 {
        return Err(NbdError::Protocol("it answers no options"));
    }
    let ours = u32::from(flags & (FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES));
    wire.send(&ours.to_be_bytes(), &[])
}

/// Sends an option and takes its answers up to the acknowledgement.
fn ask(
    wire: &mut Wire,
    option: u32,
    data: &[u8],
    mut answer: impl FnMut(u32, Fields<'_>) -> Result<(), NbdError>,
) -> Result<(), NbdError> {
    let length = u32::try_from(data.len()).map_err(|_| NbdError::Protocol("a long name"))?;
    let mut head = OPTION_MAGIC.to_be_bytes().to_vec();
    head.extend(option.to_be_bytes());
    head.extend(length.to_be_bytes());
    wire.send(&head, data)?;
    for _ in 0..MOST_ANSWERS {
        let head: [u8; 20] = wire.array()?;
        let mut fields = Fields(&head);
        if (fields.u64()?, fields.u32()?) != (OPTION_REPLY_MAGIC, option) {
            return Err(NbdError::Protocol(
                "it answers an option that was not asked",
            ));
        }
        let kind = fields.u32()?;
        let bytes = wire.bytes(fields.u32()?, LONGEST_ANSWER)?;
        match kind {
            REP_ACK => return Ok(()),
            code if code & REP_FLAG_ERROR != 0 => return Err(NbdError::Refused { option, code }),
            kind => answer(kind, Fields(&bytes))?,
        }
    }
    Err(NbdError::Protocol("its answers do not end"))
}

/// A string with its length before it.
fn counted(text: &str) -> Result<Vec<u8>, NbdError> {
    let length = u32::try_from(text.len()).map_err(|_| NbdError::Protocol("a long name"))?;
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    Ok(bytes)
}

/// Asks for the number of [`BASE_ALLOCATION`]; a server need not have it.
fn ask_for_allocation(wire: &mut Wire, name: &str) -> Result<Option<u32>, NbdError> {
    let mut data = counted(name)?;
    data.extend(1_u32.to_be_bytes());
    data.extend(counted(BASE_ALLOCATION)?);
    let mut found = None;
    let asked = ask(wire, OPT_SET_META_CONTEXT, &data, |kind, mut fields| {
        if kind == REP_META_CONTEXT {
            let number = fields.u32()?;
            if fields.0 == BASE_ALLOCATION.as_bytes() {
                found = Some(number);
            }
        }
        Ok(())
    });
    match asked {
        Ok(()) => Ok(found),
        Err(NbdError::Refused { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Chooses the export, after which requests follow.
fn go(wire: &mut Wire, name: &str) -> Result<Export, NbdError> {
    let mut data = counted(name)?;
    data.extend(1_u16.to_be_bytes());
    data.extend(INFO_BLOCK_SIZE.to_be_bytes());
    let mut about = None;
    let mut blocks = (1, USUAL_REQUEST);
    ask(wire, OPT_GO, &data, |kind, mut fields| {
        if kind != REP_INFO {
            return Err(NbdError::Protocol("it answers what was not asked"));
        }
        match fields.u16()? {
            INFO_EXPORT => about = Some((fields.u64()?, fields.u16()?)),
            INFO_BLOCK_SIZE => {
                let (least, _, most) = (fields.u32()?, fields.u32()?, fields.u32()?);
                blocks = (least, most);
            }
            _ => {}
        }
        Ok(())
    })?;
    let (size, flags) = about.ok_or(NbdError::Protocol("it says nothing of the export"))?;
    let (block, longest) = blocks;
    if !block.is_power_of_two() || block > 1 << 16 || longest < block || longest < 1 << 12 {
        return Err(NbdError::Protocol("its sizes of blocks are impossible"));
    }
    let has = |flag| flags & FLAG_HAS_FLAGS != 0 && flags & flag != 0;
    Ok(Export {
        size,
        block,
        longest: (longest - longest % block).min(USUAL_REQUEST),
        read_only: has(FLAG_READ_ONLY),
        multiple: has(FLAG_CAN_MULTI_CONN),
        flushes: has(FLAG_SEND_FLUSH),
        zeroes: has(FLAG_SEND_WRITE_ZEROES),
        fast_zeroes: has(FLAG_SEND_FAST_ZERO),
        whole_reads: has(FLAG_SEND_DF),
        structured: false,
        allocation: None,
    })
}
