//! Messages between the host, its launcher and the launched child: JSON over a packet socket.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::{Deserialize, Serialize};

use crate::attended::Program;
use crate::spec::Spec;

/// The largest message, in bytes; well under the default of net.core.wmem_default.
const MAX_MESSAGE: usize = 64 * 1024;

/// The most descriptors in one message; the kernel's own limit (SCM_MAX_FD) is 253.
pub(crate) const MAX_DESCRIPTORS: usize = 64;

/// Asks the launcher to send SIGTERM to the program.
pub(crate) const TERMINATE: u8 = b'T';
/// Asks the launcher to send SIGKILL to the program.
pub(crate) const KILL: u8 = b'K';

/// What the host tells the launcher to run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToRun {
    /// A program behind all barriers.
    Confined(Spec),
    /// A program with the host's own rights.
    Attended(Program),
}

/// What the child tells the launcher, and the launcher the host.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// All barriers stand, except those that `notes` name.
    Started { notes: Vec<String> },
    /// The program was not started.
    Failed { reason: String },
    /// The program ended, with this status of waitpid(2).
    Ended { status: i32 },
}

/// Two connected sockets that keep the boundaries of messages, closed on exec.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// Sends one message, with descriptors beside it.
pub(crate) fn send(
    socket: impl AsFd,
    message: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    if message.len() > MAX_MESSAGE || descriptors.len() > MAX_DESCRIPTORS {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(
            &socket,
            &[IoSlice::new(message)],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        )
    })?;
    Ok(())
}

/// Sends a [`Message`] as JSON.
pub(crate) fn tell(socket: impl AsFd, message: &Message) -> io::Result<()> {
    send(socket, &serde_json::to_vec(message)?, &[])
}

/// Waits for one message. An empty one means that the other side is gone.
pub(crate) fn receive(socket: impl AsFd) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = vec![0; MAX_MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(
            &socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )
    });
    let received = match received {
        // The other side closed before it had read all that it was sent.
        Err(rustix::io::Errno::CONNRESET) => return Ok((Vec::new(), Vec::new())),
        received => received?,
    };
    if received
        .flags
        .intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC)
    {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let descriptors = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    bytes.truncate(received.bytes);
    Ok((bytes, descriptors))
}

/// Waits for one [`Message`]; none when the other side is gone.
pub(crate) fn hear(socket: impl AsFd) -> io::Result<Option<Message>> {
    let (bytes, _) = receive(socket)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&bytes)?))
}
