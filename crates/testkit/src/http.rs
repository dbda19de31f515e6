//! A web server that does what a test tells it, right or wrong.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test whose server cannot play its part has failed"
)]

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a client asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The path with its query.
    pub path: String,
    /// `name: value`, the name in lower case.
    headers: Vec<String>,
    /// What came behind the headers.
    pub body: Vec<u8>,
    /// How many came before.
    pub number: usize,
}

impl Request {
    /// The value of a header, whose name is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.headers
            .iter()
            .find_map(|line| line.strip_prefix(&start))
    }

    /// The first byte that is asked for by a range; 0 without one.
    ///
    /// # Panics
    /// When it is no number.
    #[must_use]
    pub fn from(&self) -> usize {
        let range = self
            .header("range")
            .and_then(|range| range.strip_prefix("bytes="));
        range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap())
    }
}

/// A step of an answer.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Says nothing until the client has gone.
    Hold,
    /// Sends these bytes one by one, ten a second.
    Trickle(Vec<u8>),
}

/// A running server; it ends with its handle.
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves what `answer` makes of each request, one connection after the other.
    ///
    /// # Panics
    /// When the system gives no port.
    pub fn start(answer: impl Fn(&Request) -> Vec<Act> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let ends = Arc::new(AtomicBool::new(false));
        let (told, end) = (Arc::clone(&requests), Arc::clone(&ends));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let stream = stream.unwrap();
                let number = told.lock().unwrap().len();
                let Some(request) = read(&stream, number) else {
                    continue;
                };
                told.lock().unwrap().push(request.clone());
                for act in answer(&request) {
                    act.play(&stream);
                }
            }
        });
        Server {
            address,
            requests,
            ends,
            thread: Some(thread),
        }
    }

    /// A URL with secrets in it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://me:hunter2@{}{path}?token=hunter2", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was asked for until now.
    ///
    /// # Panics
    /// When the server has failed.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a server at {}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // It may be waiting for one more.
        drop(TcpStream::connect(self.address));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Act {
    /// A client that has heard enough goes away, and then the rest is not sent.
    fn play(self, mut stream: &TcpStream) {
        match self {
            Act::Send(bytes) => drop(stream.write_all(&bytes)),
            Act::Hold => drop(stream.read(&mut [0])),
            Act::Trickle(bytes) => {
                for byte in bytes {
                    if stream.write_all(&[byte]).is_err() {
                        return;
                    }
                    thread::sleep(Duration::from_millis(100));
                }
            }
        }
    }
}

fn read(stream: &TcpStream, number: usize) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = (&mut reader).lines().map_while(Result::ok);
    let first = lines.next()?;
    let headers = lines.take_while(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        format!("{}: {}", name.to_lowercase(), value.trim())
    });
    let mut request = Request {
        path: first.split(' ').nth(1)?.to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
        number,
    };
    let length = request.header("content-length");
    let length = length.map_or(0, |length| length.parse().unwrap());
    reader.take(length).read_to_end(&mut request.body).ok()?;
    Some(request)
}

/// An answer of a status with these headers, each ended by `\r\n`.
#[must_use]
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Act {
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n").into_bytes();
    bytes.extend(body);
    Act::Send(bytes)
}

/// A whole body of known length.
#[must_use]
pub fn whole(body: &[u8]) -> Act {
    let length = format!("Content-Length: {}\r\n", body.len());
    answer("200 OK", &length, body)
}

/// A whole body, or the rest that was asked for, of which only bytes up to `end` come.
///
/// # Panics
/// When more is asked for than there is.
#[must_use]
pub fn part(request: &Request, image: &[u8], validator: &str, end: usize) -> Act {
    let (from, total) = (request.from(), image.len());
    let length = format!("Content-Length: {}\r\n", total - from);
    let headers = format!("{validator}\r\n{length}");
    let sent = &image[from..end.max(from)];
    if from == 0 {
        return answer("200 OK", &headers, sent);
    }
    let range = format!("Content-Range: bytes {from}-{}/{total}\r\n", total - 1);
    answer("206 Partial Content", &(headers + &range), sent)
}
