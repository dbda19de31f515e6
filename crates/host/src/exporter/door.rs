//! A listening socket that nobody else can find.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::fs::{Mode, OFlags, open};

use crate::private_dir::PrivateDir;

/// What the directory of the socket may take, in bytes; a socket takes none of it.
const ROOM: u64 = 64 << 10;

/// A listening socket. Its name is gone as soon as it is made: whoever holds this can connect
/// to it, and nobody else.
#[derive(Debug)]
pub(super) struct Door {
    listener: UnixListener,
    place: OwnedFd,
}

impl Door {
    /// Makes one.
    ///
    /// # Errors
    /// When the system makes no directory or socket.
    pub(super) fn new() -> io::Result<Self> {
        let directory = PrivateDir::new(ROOM)?;
        let path = directory.path().join("door");
        let listener = UnixListener::bind(&path)?;
        let place = open(&path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        std::fs::remove_file(&path)?;
        Ok(Door { listener, place })
    }

    /// A new connection, which is there at once, whether somebody takes it yet or not.
    ///
    /// # Errors
    /// When the listener is gone.
    pub(super) fn connect(&self) -> io::Result<OwnedFd> {
        let path = format!("/proc/self/fd/{}", self.place.as_raw_fd());
        Ok(UnixStream::connect(path)?.into())
    }
}

/// The end that listens.
impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn it_is_reached_without_a_name() {
        let door = Door::new().unwrap();
        let mut one = UnixStream::from(door.connect().unwrap());
        one.write_all(b"hello").unwrap();
        drop(one);
        let mut said = String::new();
        let (mut taken, _) = door.listener.accept().unwrap();
        taken.read_to_string(&mut said).unwrap();
        assert_eq!(said, "hello");
        let listed = std::fs::read_to_string("/proc/net/unix").unwrap();
        let inode = rustix::fs::fstat(&door.listener)
            .unwrap()
            .st_ino
            .to_string();
        let mine = listed.lines().find(|line| line.contains(&inode));
        assert!(
            mine.is_none_or(|line| !line.starts_with("/work")),
            "{mine:?}"
        );
    }
}
