//! A server that does what a test tells it, right or wrong.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a client asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// `name: value`, the name in lower case.
    headers: Vec<String>,
    pub(crate) body: Vec<u8>,
    /// How many came before.
    pub(crate) number: usize,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.headers
            .iter()
            .find_map(|line| line.strip_prefix(&start))
    }

    /// The first byte that is asked for by a range; 0 without one.
    pub(crate) fn from(&self) -> usize {
        let range = self
            .header("range")
            .and_then(|range| range.strip_prefix("bytes="));
        range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap())
    }
}

/// A step of an answer.
pub(crate) enum Act {
    Send(Vec<u8>),
    /// Says nothing until the client has gone.
    Hold,
    /// Sends these bytes one by one, ten a second.
    Trickle(Vec<u8>),
}

/// A running server; it ends with its handle.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves what `answer` makes of each request, one connection after the other.
    pub(crate) fn start(answer: impl Fn(&Request) -> Vec<Act> + Send + 'static) -> Self {
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
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://me:hunter2@{}{path}?token=hunter2", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was asked for until now.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
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
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Act {
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n").into_bytes();
    bytes.extend(body);
    Act::Send(bytes)
}

/// A whole body, or the rest that was asked for, of which only bytes up to `end` come.
pub(crate) fn part(request: &Request, image: &[u8], validator: &str, end: usize) -> Act {
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
