//! A relay before a server, which cuts connections in the middle of an answer.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use anyhow::Result;

/// A running relay; it ends with its handle.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    cuts: Arc<Mutex<Vec<u64>>>,
    connections: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts one before a port of 127.0.0.1.
    ///
    /// # Errors
    /// When the system gives no port.
    pub fn before(port: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let ends = Arc::new(AtomicBool::new(false));
        let cuts = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (end, wanted, count) = (ends.clone(), cuts.clone(), connections.clone());
        let thread = thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                count.fetch_add(1, Ordering::Relaxed);
                // One connection after the other, as a download makes them.
                let _ = pass(&client, port, &wanted);
            }
        });
        Ok(Relay {
            address,
            ends,
            cuts,
            connections,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts the next connections whose answers are longer than these numbers of bytes there, one each.
    pub fn cut(&self, at: &[u64]) {
        if let Ok(mut cuts) = self.cuts.lock() {
            *cuts = at.to_vec();
        }
    }

    /// How many of the cuts were not made yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.cuts.lock().map_or(0, |cuts| cuts.len())
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // It may be waiting for one more.
        drop(TcpStream::connect(self.address));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn pass(mut client: &TcpStream, port: u16, cuts: &Mutex<Vec<u64>>) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let asking = thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        // A server that waits for one more request hears that there is none.
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut passed = 0;
    let mut buffer = [0; 8192];
    loop {
        let count = server.read(&mut buffer)?;
        let mut bytes = buffer.get(..count).unwrap_or_default();
        let first = cuts.lock().ok().and_then(|cuts| cuts.first().copied());
        let left = first.map_or(u64::MAX, |cut: u64| cut.saturating_sub(passed));
        let is_cut = u64::try_from(count).is_ok_and(|count| count > left);
        if is_cut {
            bytes = bytes
                .get(..usize::try_from(left).unwrap_or(0))
                .unwrap_or_default();
            if let Ok(mut cuts) = cuts.lock() {
                cuts.remove(0);
            }
        }
        client.write_all(bytes)?;
        passed = passed.saturating_add(u64::try_from(count).unwrap_or(0));
        if is_cut || count == 0 {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
            let _ = asking.join();
            return Ok(());
        }
    }
}
