//! `export`: all bytes of one disk to standard output.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{SeekFrom, fstat, major, minor, seek};

use super::environment::{Environment, Transfer};
use super::fault::Faults;
use super::script::instance;
use crate::source::Source;

/// /dev/null (Linux, "Linux allocated devices": 1 char 3), which also takes the place of a descriptor that
/// was closed when this program started.
const NULL: (u32, u32) = (1, 3);

/// Streams the disk. Holes go as zeroes: whoever reads gets every byte.
pub(super) fn run(environment: Environment) -> Result<(), Faults> {
    let instance = instance(environment)?;
    let transfer = instance
        .transfer
        .ok_or_else(|| Faults::one("EXPORT_DEVICE is not set"))?;
    stream(&transfer).map_err(Faults::one)
}

fn stream(transfer: &Transfer) -> Result<(), String> {
    let path = &transfer.device;
    let shown = path.display();
    // An image for reading has to be what an exported disk has to be.
    let source = Source::open(path).map_err(|fault| fault.to_string())?;
    let size = source.length();
    if let Some(number) = transfer.size_descriptor {
        tell_size(number, size)
            .map_err(|error| format!("telling the size through EXP_SIZE_FD={number}: {error}"))?;
    }
    tracing::info!("exporting disk {} ({shown}), {size} bytes", transfer.index);
    let output = io::stdout().as_fd().try_clone_to_owned();
    let output = output.and_then(|output| {
        let device = fstat(&output)?.st_rdev;
        if (major(device), minor(device)) == NULL {
            let reason = "it is closed or /dev/null: nobody would have the disk";
            return Err(io::Error::other(reason));
        }
        Ok(output)
    });
    let mut output = File::from(output.map_err(|error| format!("standard output: {error}"))?);
    let mut input = source.reader();
    seek(input, SeekFrom::Start(0)).map_err(|errno| format!("reading {shown}: {errno}"))?;
    // Between descriptors the kernel moves the data itself (sendfile(2), splice(2)).
    let sent = io::copy(&mut io::Read::take(&mut input, size), &mut output)
        .map_err(|error| format!("exporting {shown}: {error}"))?;
    output
        .flush()
        .map_err(|error| format!("exporting {shown}: {error}"))?;
    if sent != size {
        return Err(format!(
            "exporting {shown}: it ended after {sent} of {size} bytes"
        ));
    }
    tracing::info!("all of disk {} was exported", transfer.index);
    Ok(())
}

/// By its name in /proc any descriptor can be written to, whatever its number.
fn tell_size(number: u32, size: u64) -> io::Result<()> {
    let path = format!("/proc/self/fd/{number}");
    let mut file = File::options().write(true).open(Path::new(&path))?;
    file.write_all(format!("{size}\n").as_bytes())
}
