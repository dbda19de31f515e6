//! The engine: the image is copied while the helper VM boots, then the helper has the disk.
// SPDX-License-Identifier: BSD-2-Clause

mod drivers;
mod error;
pub mod host_keys;
mod image;
mod machine;
mod other_disks;
mod parameters;
pub mod restore;
mod target;
mod vetting;
mod watcher;

use std::sync::Arc;
use std::thread;

use snf_image_protocol::Gate;
use snf_image_sandbox::User;

use crate::appliance::Appliance;
use crate::cancel::Cancel;
use crate::config::{ParametersSeat, Settings};
use crate::monitor::{Message, Monitor};
use crate::request::{Image, Request};
use crate::target::Target;
use crate::verification::{self, Checks};
use crate::vm::{self, Machine, Running};

pub use drivers::DriversError;
pub use error::{DeployError, Failure};
use image::Ready;
pub use machine::new as machine;
use other_disks::Opened;
use parameters::Seat;
use vetting::Vetting;
use watcher::Watcher;

/// Deploys an image, or only customises what a target holds. When this returns, everything
/// that was started has ended, and after success the target is flushed.
///
/// # Errors
/// See [`DeployError`]. A target that was made is removed again.
pub fn deploy(
    request: &Request,
    settings: &Settings,
    monitor: &Arc<dyn Monitor>,
    cancel: &Cancel,
) -> Result<(), Failure> {
    let deployment = Deployment {
        request,
        settings,
        user: machine::user(settings)?,
        monitor,
        cancel,
    };
    let prepared = deployment.prepare();
    let prepared = prepared.map_err(|error| error.or_signal(cancel))?;
    deployment.run(prepared)
}

/// What every step of one deployment goes by.
struct Deployment<'a> {
    request: &'a Request,
    settings: &'a Settings,
    /// Whom all that touches the image runs as.
    user: User,
    monitor: &'a Arc<dyn Monitor>,
    cancel: &'a Cancel,
}

/// All that a deployment takes, open and checked as far as that is possible without writing.
struct Prepared {
    vetting: Vetting,
    target: Target,
    /// None where the target keeps what it holds.
    image: Option<Ready>,
    others: Vec<Opened>,
    appliance: Appliance,
    seat: Seat,
    machine: Machine,
}

impl Deployment<'_> {
    fn prepare(&self) -> Result<Prepared, DeployError> {
        let checks = self.checks()?;
        let gathered = self.gather()?;
        let opened = self.open_image(checks.digest.as_ref())?;
        let (input, mut vetting) = Vetting::start(opened, checks, &self.user)?;
        let (target, image) = self.target_and_image(input, &mut vetting)?;
        let others = self.open_other_disks()?;
        let appliance = Appliance::open(&self.settings.helper_dir)?;
        if self.settings.helper_parameters == ParametersSeat::Floppy {
            appliance.check_floppy()?;
        }
        let seat = Seat::new(self.request, gathered, self.settings)?;
        let machine = self.machine(&appliance, &target, &others, &seat)?;
        Ok(Prepared {
            vetting,
            target,
            image,
            others,
            appliance,
            seat,
            machine,
        })
    }

    /// What must hold of the image.
    fn checks(&self) -> Result<Checks, DeployError> {
        let Some(claims) = self.request.claims() else {
            return Ok(Checks::default());
        };
        verification::prepare(&claims, self.settings, &self.user, self.cancel)
            .map_err(|error| DeployError::Verification(error.into()))
    }

    /// The helper VM with all its disks.
    fn machine(
        &self,
        appliance: &Appliance,
        target: &Target,
        others: &[Opened],
        seat: &Seat,
    ) -> Result<Machine, DeployError> {
        let mut machine = machine::new(self.settings, appliance)?;
        machine.disks.push(machine::disk(target, false)?);
        for other in others {
            machine.disks.push(other.disk()?);
        }
        // Behind all others: the helper takes it from there.
        machine.disks.extend(seat.drivers()?);
        machine.parameters = Some(seat.disk()?);
        Ok(machine)
    }

    /// Copies while the helper VM boots, then lets that have the disk.
    fn run(&self, prepared: Prepared) -> Result<(), Failure> {
        let Prepared {
            mut vetting,
            target,
            image,
            others,
            appliance,
            seat,
            machine,
        } = prepared;
        self.inform("starting the helper VM");
        tracing::info!("its processor is made by {}", machine.accelerator);
        thread::scope(|scope| {
            let watcher = Watcher(Arc::clone(self.monitor));
            let mut running = vm::start(machine, Box::new(watcher)).map_err(DeployError::from)?;
            // Each part stops the others when it fails, and says so itself.
            let copying = scope.spawn(|| {
                self.stop_on_failure(|| {
                    // The VM that starts from these files meanwhile reads nothing before its gate is open.
                    appliance.verify()?;
                    match image {
                        Some(image) => self.put(image, &mut vetting, &target),
                        None => Ok(()),
                    }
                })
            });
            let telling = scope.spawn(|| self.stop_on_failure(|| seat.fill(self.request)));
            let ready = self.stop_on_failure(|| Ok(running.wait_ready(self.cancel)?));
            let copied = copying.join().unwrap_or(Err(DeployError::Panic));
            let told = telling.join().unwrap_or(Err(DeployError::Panic));
            let outcome = first_cause([copied, told, ready])
                .and_then(|()| self.customise(&mut running))
                .and_then(|()| Ok(target.flush()?))
                .and_then(|()| Ok(others.iter().try_for_each(Opened::flush)?));
            outcome.map_err(|error| Failure {
                error: error.or_signal(self.cancel).or_no_room(&target),
                log_tail: running.tail(),
            })
        })?;
        target.keep();
        if !matches!(self.request.image, Image::Keep) {
            self.inform("the image was deployed");
        }
        Ok(())
    }

    /// Opens the gate: from here on the helper has the disk.
    fn customise(&self, running: &mut Running) -> Result<(), DeployError> {
        self.inform("the helper customises the disk");
        let mut entropy = [0; 32];
        let mut key = [0; 16];
        getrandom::fill(&mut entropy)
            .and_then(|()| getrandom::fill(&mut key))
            .map_err(DeployError::Random)?;
        running.open_gate(&Gate::new(&entropy, &key))?;
        running.finish(self.cancel)?;
        self.inform("the helper VM has ended well");
        Ok(())
    }

    /// Does a part, and stops all others when it fails.
    fn stop_on_failure(
        &self,
        part: impl FnOnce() -> Result<(), DeployError>,
    ) -> Result<(), DeployError> {
        part().inspect_err(|_| self.cancel.cancel())
    }

    fn inform(&self, text: &str) {
        self.monitor.message(&Message::info(text));
    }
}

/// The failure that made the others stop, if there is one.
fn first_cause<const N: usize>(outcomes: [Result<(), DeployError>; N]) -> Result<(), DeployError> {
    let mut failures: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    failures.sort_by_key(DeployError::is_consequence);
    failures.into_iter().next().map_or(Ok(()), Err)
}
