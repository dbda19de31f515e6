//! A role's process that tries what it must not be able to do, and what its host makes of it.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;

use serde_json::{Value, json};
use snf_image::role::{Inside, Role};

use crate::tries;

/// Where the findings begin in an error message.
const BEGIN: &str = "FINDINGS";

/// Takes the role as the product does, up to the point where the job is known.
pub(crate) fn main(role: Role) -> ! {
    let mut inside = Inside::enter().unwrap();
    let reporter = inside.reporter().unwrap();
    let job: Value = inside.job(role.calls()).unwrap();
    let mut findings = BTreeMap::new();
    for (name, found) in tries::all(address(&job)) {
        findings.insert(name.to_owned(), found);
    }
    if role != Role::Fetch {
        let mut image = File::from(inside.descriptor().unwrap());
        let read = image.read_exact(&mut [0]);
        findings.insert("read the image that was passed".into(), told(read));
    }
    if role == Role::Copy {
        let target = File::from(inside.descriptor().unwrap());
        let written = target.set_len(4096);
        findings.insert("write the target that was passed".into(), told(written));
    }
    let text = serde_json::to_string(&findings).unwrap();
    let reason = format!("{BEGIN}{text}");
    // All roles' reports have this form; each ignores what it does not know.
    let report = json!({ "Failed": { "reason": reason, "untouched": true, "ended": false } });
    reporter.report(&report).unwrap();
    std::process::exit(0)
}

fn told(result: std::io::Result<()>) -> Result<(), String> {
    result.map_err(|error| error.to_string())
}

/// The listener of the test, where the job's URL names one.
fn address(job: &Value) -> Option<SocketAddr> {
    let text = job.to_string();
    let (_, rest) = text.split_once("http://")?;
    rest.split('/').next()?.parse().ok()
}

/// What came of each try, by its name.
pub(crate) struct Findings(BTreeMap<String, Result<(), String>>);

impl Findings {
    pub(crate) fn read(message: &str) -> Self {
        let (_, text) = message
            .split_once(BEGIN)
            .unwrap_or_else(|| panic!("no findings: {message}"));
        Findings(serde_json::from_str(text).unwrap())
    }

    fn found(&self, name: &str) -> &Result<(), String> {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("{name} was not tried: {:?}", self.0))
    }

    /// None of these may have worked.
    pub(crate) fn never(&self, names: &[&str]) {
        for name in names {
            match self.found(name) {
                Ok(()) => panic!("it can {name}"),
                Err(reason) => println!("{name}: {reason}"),
            }
        }
    }

    /// All of these must have worked.
    pub(crate) fn always(&self, names: &[&str]) {
        for name in names {
            if let Err(reason) = self.found(name) {
                panic!("it cannot {name}: {reason}");
            }
        }
    }
}
