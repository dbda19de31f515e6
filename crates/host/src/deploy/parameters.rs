//! What the helper is told, on its way there.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Task;

use super::{DeployError, Deployment, drivers, host_keys};
use crate::config::{ParametersSeat, Settings};
use crate::request::{Drivers, Gathered, MAX_ANSWER_FILE, Request};
use crate::target::Handle;
use crate::vm::{Disk, ParametersDisk, ParamsDisk, ParamsError};

/// Room for everything of the parameters that is not known in advance, in bytes: the host
/// keys and the JSON around them.
const MARGIN: u64 = 64 * 1024;

/// The parameters disk: there from the start, filled while the helper boots.
pub(super) struct Seat {
    disk: ParamsDisk,
    seat: ParametersSeat,
    gathered: Gathered,
}

impl Deployment<'_> {
    /// Reads, or fetches, what a deployment hands on to the helper as it is.
    pub(super) fn gather(&self) -> Result<Gathered, DeployError> {
        let (request, settings) = (self.request, self.settings);
        let answer_file = request.windows.answer_file.as_ref();
        let answer_file = answer_file
            .map(|document| document.read(MAX_ANSWER_FILE, settings, &self.user, self.cancel))
            .transpose()
            .map_err(|error| DeployError::AnswerFile(error.into()))?;
        let drivers = request.properties.windows_drivers();
        let drivers = drivers.filter(|_| request.wants(Task::InstallDrivers));
        Ok(Gathered {
            answer_file,
            time_zone: settings.windows_timezone.clone(),
            drivers: drivers
                .map(|name| drivers::find(name, &settings.windows_drivers_dir))
                .transpose()?,
        })
    }
}

impl Seat {
    pub(super) fn new(
        request: &Request,
        gathered: Gathered,
        settings: &Settings,
    ) -> Result<Self, ParamsError> {
        let seat = settings.helper_parameters;
        let disk = match seat {
            ParametersSeat::Floppy => ParamsDisk::floppy()?,
            ParametersSeat::Virtio => {
                let (parameters, files) = request.parameters(Vec::new(), &gathered);
                let json = serde_json::to_vec(&parameters).map_err(std::io::Error::from)?;
                let bytes = files
                    .iter()
                    .map(|(_, content)| content.len())
                    .sum::<usize>()
                    + json.len();
                let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
                ParamsDisk::with_capacity(bytes.saturating_add(MARGIN), files.len())?
            }
        };
        Ok(Seat {
            disk,
            seat,
            gathered,
        })
    }

    pub(super) fn disk(&self) -> Result<ParametersDisk, ParamsError> {
        Ok(ParametersDisk {
            image: self.disk.open_for_reading()?,
            seat: self.seat,
        })
    }

    /// The disk with drivers for Windows, where there is one.
    pub(super) fn drivers(&self) -> Result<Option<Disk>, DeployError> {
        let Some(Drivers::Disk(file)) = &self.gathered.drivers else {
            return Ok(None);
        };
        let file = file.try_clone().map_err(DeployError::Descriptor)?;
        Ok(Some(Disk {
            handle: Handle::File(file),
            read_only: true,
            sector: 512,
        }))
    }

    /// Draws the host keys, where the image loses its own, and writes everything.
    pub(super) fn fill(&self, request: &Request) -> Result<(), DeployError> {
        let host_keys = if request.wants(Task::DeleteSSHKeys) {
            host_keys::generate()?
        } else {
            Vec::new()
        };
        let (parameters, files) = request.parameters(host_keys, &self.gathered);
        self.disk.fill(&parameters, &files)?;
        Ok(())
    }
}
