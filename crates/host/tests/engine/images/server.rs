//! Python's web server over a directory, and downloads from it.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use snf_image::cancel::Cancel;
use snf_image::fetch::{self, Options, Policy};
use snf_image::source::{Stream, Url};

use crate::images::stage::user;

/// A running server; it ends with its handle.
pub(crate) struct Server {
    python: Child,
    port: String,
}

impl Server {
    pub(crate) fn over(directory: &Path) -> Self {
        let mut python = Command::new("python3")
            .args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"])
            .current_dir(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(python.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = line.split(' ').nth(5).unwrap().to_owned();
        Server { python, port }
    }

    /// Begins to fetch a file of the directory.
    pub(crate) fn fetch(&self, name: &str) -> Stream {
        let url = Url::parse(&format!("http://127.0.0.1:{}/{name}", self.port)).unwrap();
        let options = Options {
            policy: Policy {
                allow: vec!["127.0.0.0/8".parse().unwrap()],
                deny: Vec::new(),
            },
            proxy: None,
            authorities: None,
            patience: Duration::from_secs(30),
            pause: Duration::from_millis(20),
        };
        fetch::start(&url, &options, &user(), &Cancel::new().unwrap()).unwrap()
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("server")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.python.kill();
        let _ = self.python.wait();
    }
}
