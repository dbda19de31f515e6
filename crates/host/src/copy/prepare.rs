//! Gets an image into a state in which it can be read, and finds out what it is of.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::path::Path;

use super::error::CopyError;
use super::incoming::{Ended, Incoming};
use super::report::{Job, Report};
use crate::format::{Bytes, ImageError, Means, compression, container, spool};
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
        ..Means::default()
    };
    let incoming = Incoming::open(job.input, image, &job.name, ended)?;
    let Some((file, most)) = spool.filter(|_| job.format.needs_all()) else {
        let content = job.format.open(incoming.bytes(), means)?;
        return Ok(Report::Prepared {
            format: job.format,
            length: content.length(),
            spooled: false,
        });
    };
    let rest = incoming.rest();
    let (source, spooled) = match compression::unpack(incoming.bytes())? {
        Bytes::File(source) => (source, false),
        Bytes::Stream { mut bytes, .. } => {
            spool::fill(&mut *bytes, &file, most)?;
            rest.read()?;
            let source = Source::from_file(file, Path::new(&job.name));
            (source.map_err(ImageError::from)?, true)
        }
    };
    let format = job.format.detected(&source)?;
    let length = match format.container() {
        Some(container) => {
            container::check(container, &source)?;
            // QEMU will say.
            None
        }
        None => format.open(Bytes::File(source), means)?.length(),
    };
    Ok(Report::Prepared {
        format,
        length,
        spooled,
    })
}
