//! Connections to hosts that the policy permits, each bounded in time.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use super::policy::Policy;

/// The most addresses of one name that are tried.
const MOST: usize = 16;

/// Connects to the first address of `host` that answers, of those that the policy permits. The name
/// is looked up once, so that it cannot lead elsewhere later.
pub(super) fn dial(
    policy: &Policy,
    host: &str,
    port: u16,
    patience: Duration,
) -> Result<Bounded, String> {
    policy
        .check_host(host)
        .map_err(|refusal| refusal.to_string())?;
    let (mut permitted, mut refusal) = (Vec::new(), None);
    for address in look_up(host, port, patience)? {
        match policy.check(host, address.ip()) {
            Ok(()) => permitted.push(address),
            Err(refused) => refusal = Some(refused),
        }
    }
    let mut reason = match refusal {
        Some(refused) if permitted.is_empty() => return Err(refused.to_string()),
        _ => "the host has no address".to_owned(),
    };
    for address in permitted {
        match connect(address, patience) {
            Ok(connection) => return Ok(connection),
            Err(error) => reason = words(&error),
        }
    }
    Err(reason)
}

/// Connects to one address, which is permitted.
pub(super) fn connect(address: SocketAddr, patience: Duration) -> io::Result<Bounded> {
    let socket = TcpStream::connect_timeout(&address, patience)?;
    Ok(Bounded {
        socket,
        until: Instant::now() + patience,
    })
}

/// The words for a connection that failed.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused".into(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "the server took too long".into(),
        io::ErrorKind::UnexpectedEof => "the server closed the connection".into(),
        _ => error.to_string(),
    }
}

/// The C library has no limit of its own, so a thread asks, and is left alone when it takes too long.
fn look_up(host: &str, port: u16, patience: Duration) -> Result<Vec<SocketAddr>, String> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (tell, answer) = sync_channel(1);
    let name = host.to_owned();
    let ask = move || {
        let found = (name.as_str(), port).to_socket_addrs();
        // Nobody listens any more when it took too long.
        let _ = tell.send(found.map(|found| found.take(MOST).collect()));
    };
    let thread = thread::Builder::new().name("resolver".into());
    thread.spawn(ask).map_err(|error| error.to_string())?;
    match answer.recv_timeout(patience) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(_)) => Err("the host is not known".into()),
        Err(_) => Err("finding the host's address took too long".into()),
    }
}

/// A connection that has until a moment for whatever is done with it, however many reads that takes.
#[derive(Debug)]
pub(super) struct Bounded {
    socket: TcpStream,
    until: Instant,
}

impl Bounded {
    /// Gives it so much time from now on.
    pub(super) fn allow(&mut self, time: Duration) {
        self.until = Instant::now() + time;
    }

    /// Whom it leads to.
    pub(super) fn peer(&self) -> io::Result<IpAddr> {
        Ok(self.socket.peer_addr()?.ip())
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(Some(left))
    }
}

/// A limit that the socket has kept shows as another error.
fn late(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.socket.read(buffer).map_err(late)
    }
}

impl Write for Bounded {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write(buffer).map_err(late)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
