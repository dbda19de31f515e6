//! The connection for commands and their replies, each bounded in length and time.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::super::dial::words;
use super::super::download::Trouble;
use super::channel::Channel;
use super::reply::{code, extended_port, passive_port};

/// The longest reply, all its lines together, in bytes: banners are long.
const LONGEST: usize = 64 << 10;

/// How much is read at once, in bytes.
const PIECE: usize = 2048;

/// The connection.
pub(super) struct Control {
    channel: Channel,
    patience: Duration,
    /// Whether the server has sent part of the image before.
    again: bool,
    /// What came and was not looked at yet.
    rest: Vec<u8>,
}

/// What the server said: a code, and the last line's text.
struct Reply {
    code: u16,
    text: String,
}

impl Control {
    pub(super) fn new(channel: Channel, patience: Duration, again: bool) -> Self {
        Control {
            channel,
            patience,
            again,
            rest: Vec::new(),
        }
    }

    /// Waits until the server is ready.
    pub(super) fn greeting(&mut self) -> Result<(), Trouble> {
        let mut reply = self.reply()?;
        if reply.code == 120 {
            reply = self.reply()?;
        }
        match reply.code {
            220 => Ok(()),
            code => Err(self.refused(code, "is not ready")),
        }
    }

    /// The same under TLS. What came before is not of the protected server: there must be nothing.
    pub(super) fn secure(self, config: &Arc<ClientConfig>, host: &str) -> Result<Self, Trouble> {
        match self.channel {
            Channel::Plain(connection) if self.rest.is_empty() => Ok(Control {
                channel: Channel::tls(connection, config, host)?,
                ..self
            }),
            _ => Err(Trouble::Final("the server speaks before TLS begins".into())),
        }
    }

    /// Sends a command and gives the code of its reply, which must be one of some.
    pub(super) fn ask(
        &mut self,
        command: impl AsRef<[u8]>,
        expected: &[u16],
        otherwise: &str,
    ) -> Result<u16, Trouble> {
        match self.command(command.as_ref())?.code {
            code if expected.contains(&code) => Ok(code),
            code => Err(self.refused(code, otherwise)),
        }
    }

    /// Sends a command that asks for a fact about a file; none where the server does not know it.
    pub(super) fn tell(&mut self, command: &[u8]) -> Result<Option<String>, Trouble> {
        let reply = self.command(command)?;
        match reply.code {
            213 => Ok(Some(reply.text.trim().to_owned())),
            421 => Err(self.refused(421, "closes the connection")),
            _ => Ok(None),
        }
    }

    /// Has the server listen for a connection, and gives the port.
    pub(super) fn passive(&mut self) -> Result<u16, Trouble> {
        let extended = self.command(b"EPSV")?;
        let port = if extended.code == 229 {
            extended_port(&extended.text)
        } else {
            let plain = self.command(b"PASV")?;
            if plain.code != 227 {
                return Err(self.refused(plain.code, "has no passive mode"));
            }
            passive_port(&plain.text)
        };
        port.ok_or_else(|| Trouble::Final("the server names no port to get data from".into()))
    }

    /// What comes once all of a file was sent.
    pub(super) fn completion(&mut self) -> Result<(), Trouble> {
        match self.reply()?.code {
            226 | 250 => Ok(()),
            code => Err(Trouble::Passing(format!(
                "the server ended the transfer with {code}"
            ))),
        }
    }

    pub(super) fn peer(&mut self) -> Result<IpAddr, Trouble> {
        let peer = self.channel.connection().peer();
        peer.map_err(|error| self.broken(&words(&error)))
    }

    /// A connection that broke. Where there was one before, the way may be open again soon.
    pub(super) fn broken(&self, reason: &str) -> Trouble {
        if self.again {
            Trouble::Passing(reason.into())
        } else {
            Trouble::Final(reason.into())
        }
    }

    /// Codes from 400 to 499 pass (RFC 959, 4.2.1). The server's words may hold anything, and are not
    /// repeated.
    fn refused(&self, code: u16, what: &str) -> Trouble {
        let reason = format!("the server {what} (reply {code})");
        match code {
            400..=499 => Trouble::Passing(reason),
            _ => Trouble::Final(reason),
        }
    }

    fn command(&mut self, command: &[u8]) -> Result<Reply, Trouble> {
        self.channel.allow(self.patience);
        let line = [command, b"\r\n"].concat();
        let sent = self
            .channel
            .write_all(&line)
            .and_then(|()| self.channel.flush());
        sent.map_err(|error| self.broken(&words(&error)))?;
        self.reply()
    }

    fn reply(&mut self) -> Result<Reply, Trouble> {
        self.channel.allow(self.patience);
        let wrong = || Trouble::Final("the server does not speak FTP as it should".into());
        let mut begun = None;
        let mut length = 0_usize;
        loop {
            let line = self.line().map_err(|error| self.broken(&words(&error)))?;
            length = length.saturating_add(line.len());
            if length > LONGEST {
                return Err(wrong());
            }
            let found = code(&line);
            let begin = match (begun, found) {
                (Some(begin), _) => begin,
                (None, Some((begin, _))) => begin,
                (None, None) => return Err(wrong()),
            };
            begun = Some(begin);
            if found == Some((begin, true)) {
                let text = line.get(3..).unwrap_or_default();
                return Ok(Reply {
                    code: begin,
                    text: String::from_utf8_lossy(text).into_owned(),
                });
            }
        }
    }

    /// The next line, without its end.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let rest = self.rest.split_off(end.saturating_add(1));
                let mut line = std::mem::replace(&mut self.rest, rest);
                line.truncate(end);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            if self.rest.len() > LONGEST {
                return Err(io::Error::other("the server's reply does not end"));
            }
            let mut piece = [0; PIECE];
            let count = self.channel.read(&mut piece)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.rest
                .extend_from_slice(piece.get(..count).unwrap_or_default());
        }
    }
}
