//! FTP servers that stall, lie or send elsewhere: scripted, since no real one does.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::fetch::client::{failure, options};

/// Answers one connection by a table of commands and replies, and sends `data` on the data
/// connection. `PORT` in a reply is the port of that one. Without a reply it is silent.
fn serve(
    greeting: &'static str,
    replies: &'static [(&'static str, &'static str)],
    data: &'static [u8],
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let passive = TcpListener::bind("127.0.0.1:0").unwrap();
        let data_port = passive.local_addr().unwrap().port().to_string();
        let (stream, _) = listener.accept().unwrap();
        let _ = (&stream).write_all(greeting.as_bytes());
        for line in BufReader::new(&stream).lines().map_while(Result::ok) {
            let verb = line.split(' ').next().unwrap_or_default().to_owned();
            let reply = replies.iter().find(|(command, _)| *command == verb);
            let default = DEFAULT.iter().find(|(command, _)| *command == verb);
            let Some((_, reply)) = reply.or(default) else {
                continue;
            };
            let reply = reply.replace("PORT", &data_port);
            if (&stream).write_all(reply.as_bytes()).is_err() {
                return;
            }
            if verb == "RETR" && !reply.is_empty() {
                let Ok((mut connection, _)) = passive.accept() else {
                    return;
                };
                let _ = connection.write_all(data);
                drop(connection);
                let end = replies.iter().find(|(command, _)| *command == "end");
                let _ = (&stream).write_all(end.map_or("226 done\r\n", |(_, end)| end).as_bytes());
            }
        }
    });
    format!("ftp://me:hunter2@127.0.0.1:{port}/image")
}

const DEFAULT: &[(&str, &str)] = &[
    ("USER", "331 password\r\n"),
    ("PASS", "230 in\r\n"),
    ("TYPE", "200 I\r\n"),
    ("SIZE", "213 5\r\n"),
    ("MDTM", "500 no\r\n"),
    ("EPSV", "229 (|||PORT|)\r\n"),
    ("RETR", "150 now\r\n"),
];

/// Replies that differ, what comes as data, and what is said of it.
type Lie = (
    &'static [(&'static str, &'static str)],
    &'static [u8],
    &'static str,
);

const READY: &str = "220-ready\r\n 220 not yet\r\n220 now\r\n";

#[test]
fn one_that_lies_is_one_line() {
    let table: [Lie; 9] = [
        (&[], b"123", "byte 3 of 5"),
        (&[], b"1234567", "sends more than the 5 bytes"),
        (
            &[("SIZE", "500\r\n"), ("end", "426 broken\r\n")],
            b"123",
            "ended the transfer with 426",
        ),
        (&[("EPSV", "229 (|||22|)\r\n")], b"12345", "names no port"),
        (&[("EPSV", "229 hunter2\r\n")], b"12345", "names no port"),
        (
            &[("EPSV", "500\r\n"), ("PASV", "227 (10,0,0,1,0,22)\r\n")],
            b"12345",
            "names no port",
        ),
        (
            &[("EPSV", "500\r\n"), ("PASV", "500\r\n")],
            b"12345",
            "has no passive mode (reply 500)",
        ),
        (
            &[("RETR", "550 hunter2 \x1b[31m\r\n")],
            b"12345",
            "no such image to send (reply 550)",
        ),
        (&[("PASS", "hunter2\r\n")], b"12345", "does not speak FTP"),
    ];
    for (replies, data, words) in table {
        let reason = failure(&serve(READY, replies, data), &options());
        assert!(reason.contains(words), "{replies:?}: {reason}");
    }
}

#[test]
fn one_that_says_nothing_is_left() {
    for (greeting, replies) in [
        ("", &[][..]),
        ("220-", &[]),
        (READY, &[("USER", "")]),
        (READY, &[("SIZE", "")]),
        (READY, &[("EPSV", "")]),
        (READY, &[("RETR", "")]),
    ] {
        let reason = failure(&serve(greeting, replies, b"12345"), &options());
        assert!(reason.contains("took too long"), "{replies:?}: {reason}");
    }
}

#[test]
fn one_that_says_too_much_or_too_slowly_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("ftp://127.0.0.1:{port}/image");
    let endless = |mut stream: TcpStream, piece: &[u8], pause: Duration| {
        while stream.write_all(piece).is_ok() {
            thread::sleep(pause);
        }
    };
    for (piece, pause, words) in [
        (
            &b"220-again and again\r\n"[..],
            Duration::ZERO,
            "does not speak FTP",
        ),
        (&[b'x'; 4096][..], Duration::ZERO, "does not end"),
        (&b"2"[..], Duration::from_millis(100), "took too long"),
    ] {
        thread::scope(|scope| {
            scope.spawn(|| endless(listener.accept().unwrap().0, piece, pause));
            let reason = failure(&url, &options());
            assert!(reason.contains(words), "{reason}");
        });
    }
}
