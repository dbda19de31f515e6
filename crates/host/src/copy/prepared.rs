//! The host's side of a look at an image before it is copied.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use snf_image_sandbox::User;

use super::report::{Report, Task};
use super::{CopyFailure, Copying, Order};
use crate::cancel::Cancel;
use crate::exporter::{Container, ExportError, Exporter, Node, Program};
use crate::format::Format;
use crate::role::RoleError;
use crate::source::{Input, Source};
use crate::spool::Spool;

/// An image that can be read at any place.
#[derive(Debug)]
pub struct Prepared {
    /// The image: the file that it came in, or the temporary one, in which it is unpacked.
    pub image: Source,
    /// What it is; never [`Format::Auto`].
    pub format: Format,
    /// Bytes of its disk, where that can be told without unpacking it.
    pub length: Option<u64>,
    /// Whether it is in the temporary file: all of what came has been read then.
    pub is_spooled: bool,
    /// What reads it, where only QEMU can.
    pub exporter: Option<Exporter>,
}

/// Gets the image of a format that needs all of it ([`Format::needs_all`]) into a state in which
/// it can be read: one that is compressed, or comes by and by, is put into the temporary file.
/// An image that only QEMU reads is exported then by `program`, as whose user the other process
/// that does all this runs too.
///
/// # Errors
/// When the image is not of the form that `order` says, cannot be read, or is larger than the
/// file may be; when `cancel` was called.
pub fn prepare(
    input: Input,
    order: Order,
    spool: Spool,
    program: &Program,
    cancel: &Cancel,
) -> Result<Prepared, CopyFailure> {
    let image = match &input {
        Input::File(source) => Some(source.try_clone()?),
        Input::Stream(_) => None,
    };
    let task = Task::Prepare {
        spool: Some(spool.most),
    };
    let besides = vec![spool.file.try_clone()?.into()];
    let mut process = Copying::begin(input, order, task, besides, &program.user)?;
    let Found {
        format,
        length,
        spooled,
    } = Found::by(&mut process, cancel)?;
    let image = match image.filter(|_| !spooled) {
        Some(image) => image,
        None => {
            let name = process.name.clone();
            let image = Source::from_file(spool.file, Path::new(&name));
            image.map_err(|error| CopyFailure::Failed {
                reason: error.to_string(),
                untouched: true,
            })?
        }
    };
    let exporter = match format.container() {
        Some(container) => Some(export(&image, container, program, cancel)?),
        None => None,
    };
    let length = exporter
        .as_ref()
        .map_or(length, |exporter| Some(exporter.size()));
    Ok(Prepared {
        image,
        format,
        length,
        is_spooled: spooled,
        exporter,
    })
}

fn export(
    image: &Source,
    container: Container,
    program: &Program,
    cancel: &Cancel,
) -> Result<Exporter, CopyFailure> {
    // By an opening of its own, with which nothing can be written.
    let path = format!("/proc/self/fd/{}", image.reader().as_raw_fd());
    let node = Node::Image(container, File::open(path)?);
    Exporter::start(program, node, cancel).map_err(|error| match error {
        ExportError::Cancelled => RoleError::Cancelled.into(),
        ExportError::Refused(_) | ExportError::References => CopyFailure::Failed {
            reason: format!("image {}: {error}", image.path().display()),
            untouched: true,
        },
        error => error.into(),
    })
}

/// How many bytes the disk has that `image`, which is of that `format`, is of; `None` where
/// that shows only when all of it is unpacked. The process that looks runs as `user`.
///
/// # Errors
/// When the image is not of this form, cannot be read, or `cancel` was called.
pub fn measure(
    image: &Source,
    format: Format,
    user: &User,
    cancel: &Cancel,
) -> Result<Option<u64>, CopyFailure> {
    let input = Input::File(image.try_clone()?);
    let order = Order {
        format,
        exporter: None,
    };
    let task = Task::Prepare { spool: None };
    let mut process = Copying::begin(input, order, task, Vec::new(), user)?;
    Ok(Found::by(&mut process, cancel)?.length)
}

/// What the process has found.
struct Found {
    format: Format,
    length: Option<u64>,
    spooled: bool,
}

impl Found {
    fn by(process: &mut Copying, cancel: &Cancel) -> Result<Self, CopyFailure> {
        loop {
            if let Report::Prepared {
                format,
                length,
                spooled,
            } = process.report(&mut |_, _| (), cancel)?
            {
                return Ok(Found {
                    format,
                    length,
                    spooled,
                });
            }
        }
    }
}
