//! The host's ends of the serial ports and of QEMU's standard error.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

/// What the host reads from; the events' socket also takes the line that opens the gate.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) console: OwnedFd,
    pub(super) result: OwnedFd,
    pub(super) events: OwnedFd,
    pub(super) emulator: PipeReader,
}

/// What QEMU gets.
#[derive(Debug)]
pub(super) struct GuestEnds {
    pub(super) console: OwnedFd,
    pub(super) result: OwnedFd,
    pub(super) events: OwnedFd,
    pub(super) emulator: PipeWriter,
}

/// Connected pairs, so that there is no name for anybody else to connect to.
pub(super) fn connect() -> io::Result<(Ports, GuestEnds)> {
    let (console, guest_console) = pair()?;
    let (result, guest_result) = pair()?;
    let (events, guest_events) = pair()?;
    let (emulator, guest_emulator) = io::pipe()?;
    Ok((
        Ports {
            console,
            result,
            events,
            emulator,
        },
        GuestEnds {
            console: guest_console,
            result: guest_result,
            events: guest_events,
            emulator: guest_emulator,
        },
    ))
}

/// A connected pair of stream sockets.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?)
}
