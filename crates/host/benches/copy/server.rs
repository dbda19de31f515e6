//! A server of one file, on this machine.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use snf_image::fetch::{Options, Policy};

/// Serves `image`, whatever is asked for, until the program ends.
pub(crate) fn start(image: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // Who goes away before the end has reasons of his own.
            let _ = serve(stream.unwrap(), &image);
        }
    });
    address
}

fn serve(mut stream: TcpStream, image: &PathBuf) -> std::io::Result<()> {
    let mut request = BufReader::new(&stream).lines();
    while request
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let mut image = File::open(image)?;
    let length = image.metadata()?.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    std::io::copy(&mut image, &mut stream)?;
    Ok(())
}

/// Options that permit this machine.
pub(crate) fn options() -> Options {
    Options {
        policy: Policy {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            deny: Vec::new(),
        },
        proxy: None,
        authorities: None,
        patience: Duration::from_secs(10),
        pause: Duration::from_secs(1),
    }
}
