//! FTP and FTPS: passive, binary, and resumption of the same file. RFC 959, 2428, 3659, 4217.
//!
//! A client of our own: those there are read replies of any length for any time, and connect to
//! wherever the server says. This one knows the few commands of a download.
// SPDX-License-Identifier: BSD-2-Clause

mod body;
mod channel;
mod control;
mod place;
mod reply;

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

use self::body::Body;
use self::channel::{Channel, tls};
use self::control::Control;
use self::place::Place;
use super::dial::{connect, dial, words};
use super::download::{About, Answer, Server, Trouble};
use super::options::Options;
use crate::source::Url;

/// A file behind a URL.
pub(super) struct Ftp<'options> {
    place: Place,
    options: &'options Options,
    tls: Option<Arc<ClientConfig>>,
    /// What is known of the file since the first answer.
    file: Option<Facts>,
}

/// What tells the file from any other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    /// In bytes.
    size: Option<u64>,
    /// The time of its last change, as the server writes it.
    modified: Option<String>,
}

impl<'options> Ftp<'options> {
    pub(super) fn new(url: &Url, options: &'options Options) -> Result<Self, String> {
        if options.proxy.is_some() {
            return Err("FETCH_PROXY is for http and https: FTP does not go through it".into());
        }
        let place = Place::of(url)?;
        let tls = match place.security {
            place::Security::None => None,
            _ => Some(tls(options)?),
        };
        Ok(Ftp {
            place,
            options,
            tls,
            file: None,
        })
    }

    /// A connection to the server with the user logged in.
    fn log_in(&self) -> Result<Control, Trouble> {
        let Options {
            policy, patience, ..
        } = self.options;
        let Place { host, port, .. } = &self.place;
        let passing = |reason| match self.file {
            // Where there was a connection before, the way may be open again soon.
            Some(_) => Trouble::Passing(reason),
            None => Trouble::Final(reason),
        };
        let connection = dial(policy, host, *port, *patience).map_err(passing)?;
        let channel = match (&self.tls, self.place.security) {
            (Some(config), place::Security::Implicit) => Channel::tls(connection, config, host)?,
            _ => Channel::Plain(connection),
        };
        let mut control = Control::new(channel, *patience, self.file.is_some());
        control.greeting()?;
        if let Some(config) = &self.tls {
            if self.place.security == place::Security::Explicit {
                control.ask("AUTH TLS", &[234], "does not speak TLS here")?;
                control = control.secure(config, host)?;
            }
            control.ask("PBSZ 0", &[200], "does not protect data by TLS")?;
            control.ask("PROT P", &[200], "does not protect data by TLS")?;
        }
        let refused = "refuses the user or the password";
        let user = self.place.command("USER", &self.place.user);
        if control.ask(&user, &[230, 331], refused)? == 331 {
            let password = self.place.command("PASS", &self.place.password);
            control.ask(&password, &[230, 202], refused)?;
        }
        control.ask("TYPE I", &[200], "sends no files as they are")?;
        Ok(control)
    }

    /// Size and time of the file, as far as the server tells them.
    fn look(&self, control: &mut Control) -> Result<Facts, Trouble> {
        let size = control.tell(&self.place.command("SIZE", &self.place.path))?;
        let modified = control.tell(&self.place.command("MDTM", &self.place.path))?;
        Ok(Facts {
            size: size.and_then(|size| size.parse().ok()),
            modified: modified.filter(|time| reply::is_time(time)),
        })
    }

    /// Whether what is known of the file is enough to tell it from any other.
    fn check_known(&self) -> Result<(), Trouble> {
        match &self.file {
            Some(Facts {
                size: Some(_),
                modified: Some(_),
            }) => Ok(()),
            _ => Err(Trouble::Final(
                "the server gives nothing to know the image by (its size and its time)".into(),
            )),
        }
    }

    /// A connection for the file's bytes. Whatever address the server names, it is its own.
    fn data(&self, control: &mut Control) -> Result<Channel, Trouble> {
        let port = control.passive()?;
        let address = SocketAddr::new(control.peer()?, port);
        let data = connect(address, self.options.patience)
            .map_err(|error| control.broken(&words(&error)))?;
        match &self.tls {
            Some(config) => Channel::tls(data, config, &self.place.host),
            None => Ok(Channel::Plain(data)),
        }
    }
}

impl Server for Ftp<'_> {
    fn open(&mut self, from: u64) -> Result<Answer, Trouble> {
        if from > 0 {
            self.check_known()?;
        }
        let mut control = self.log_in()?;
        let facts = self.look(&mut control)?;
        if from > 0 && self.file.as_ref() != Some(&facts) {
            let reason = "the image has changed on the server";
            return Err(Trouble::Final(reason.into()));
        }
        let length = facts.size;
        self.file = Some(facts);
        let data = self.data(&mut control)?;
        if from > 0 {
            control.ask(format!("REST {from}"), &[350], "sends no parts of a file")?;
        }
        let retrieve = self.place.command("RETR", &self.place.path);
        control.ask(&retrieve, &[125, 150], "has no such image to send")?;
        Ok(Answer {
            body: Box::new(Body::new(control, data, self.options.patience)),
            length,
            about: About::default(),
        })
    }
}
