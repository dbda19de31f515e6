//! A disk behind a URI: a confined QEMU reaches it and exports it.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::{ALIGNMENT, Disk, Facts, TargetError, Uri};
use crate::cancel::Cancel;
use crate::exporter::{EXPORT, ExportError, Exporter, Node, Program};
use crate::nbd::Client;

/// What reaches the disk. Dropped, it lets go of it.
#[derive(Debug)]
pub(super) struct Remote(Exporter);

/// The smallest sector of a disk, in bytes.
const SECTOR: u32 = 512;

/// Opens it. The host's own connection is one of several; it writes no more than the disk's ends.
pub(super) fn open(
    uri: &Uri,
    read_only: bool,
    program: &Program,
    cancel: &Cancel,
) -> Result<(Disk, Remote), TargetError> {
    let path = PathBuf::from(uri.to_string());
    let failed = |reason: String| TargetError::Reach {
        path: path.clone(),
        reason,
    };
    let protocol = uri
        .protocol(read_only)
        .map_err(|error| failed(error.to_string()))?;
    let node = Node::Disk(protocol);
    let exporter = Exporter::start(program, node, cancel).map_err(|error| match error {
        ExportError::Cancelled => TargetError::Cancelled,
        error => failed(error.to_string()),
    })?;
    let socket = exporter
        .connect()
        .map_err(|error| failed(error.to_string()))?;
    let client = Client::open(vec![socket], EXPORT, program.patience);
    let client = client.map_err(|error| failed(error.to_string()))?;
    let export = *client.export();
    if export.read_only && !read_only {
        return Err(failed("it can only be read".into()));
    }
    let sector = export.block.max(SECTOR);
    if usize::try_from(sector).is_ok_and(|sector| sector > ALIGNMENT) {
        return Err(TargetError::Sector { path, sector });
    }
    if export.size == 0 || !export.size.is_multiple_of(u64::from(sector)) {
        return Err(TargetError::OddSize {
            path,
            size: export.size,
        });
    }
    let facts = Facts {
        path,
        capacity: export.size,
        fresh: false,
        zeroes_cheaply: false,
        allocates_slowly: false,
        sector,
        exported: Some(program.patience),
    };
    Ok((Disk::exported(client, facts), Remote(exporter)))
}

impl Remote {
    /// Another connection to it.
    pub(super) fn connect(&self) -> io::Result<OwnedFd> {
        self.0.connect().map_err(io::Error::other)
    }
}
