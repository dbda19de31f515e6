//! Gets an image into a state in which it can be read, and finds out what it is of.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::path::Path;

use super::digest::Digesting;
use super::error::CopyError;
use super::incoming::{Ended, Incoming};
use super::report::{Job, Report};
use crate::format::{Bytes, ImageError, Means, compression, spool};
use crate::source::Source;

/// Looks at an image, and puts it into the temporary file where its format needs all of it.
pub(super) fn prepare(
    job: Job,
    image: File,
    spool: Option<(File, u64)>,
    ended: &Ended,
) -> Result<Report, CopyError> {
    let means = Means {
        boot_code: job.boot_code,
    };
    let incoming = Incoming::open(job.input, image, &job.name, ended)?;
    let Some((file, most)) = spool.filter(|_| job.format.needs_all()) else {
        let content = job.format.open(incoming.bytes(), &means)?;
        return Ok(Report::Prepared {
            format: job.format,
            length: content.length(),
            spooled: false,
            digest: None,
        });
    };
    // The digest of a file is taken here only if it is unpacked here, and else by whoever copies it.
    let packed = incoming
        .file()
        .map_err(|error| CopyError::Thread { error })?;
    let algorithm = job.digest.filter(|_| packed.is_none());
    let mut digesting = Digesting::start(algorithm, &incoming)?;
    let (source, spooled, digest) = match compression::unpack(incoming.bytes())? {
        Bytes::File(source) => (source, false, None),
        Bytes::Stream { mut bytes, .. } => {
            if let Some(packed) = packed {
                digesting = Digesting::start(job.digest, &packed)?;
            }
            spool::fill(&mut *bytes, &file, most)?;
            let source = Source::from_file(file, Path::new(&job.name));
            (source.map_err(ImageError::from)?, true, digesting.finish()?)
        }
    };
    let format = job.format.detected(&source)?;
    let content = format.open(Bytes::File(source), &means)?;
    Ok(Report::Prepared {
        format,
        length: content.length(),
        spooled,
        digest,
    })
}
