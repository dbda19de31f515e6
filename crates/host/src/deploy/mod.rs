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
mod vetting;
mod watcher;

use std::sync::Arc;
use std::thread;

use snf_image_protocol::{Gate, Task};
use snf_image_sandbox::User;

use crate::appliance::Appliance;
use crate::cancel::Cancel;
use crate::config::Settings;
use crate::copy::{Copied, Order, Rest};
use crate::monitor::{Message, Monitor};
use crate::request::{Image, Request};
use crate::source::Input;
use crate::target::{Location, Target, TargetError};
use crate::verification::{self, Checks};
use crate::vm::{self, Running};

pub use drivers::DriversError;
pub use error::{DeployError, Failure};
use image::Ready;
pub use machine::new as machine;
use other_disks::Opened;
use parameters::{Seat, gather};
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
    let user = machine::user(settings)?;
    let checks = match request.claims() {
        Some(claims) => verification::prepare(&claims, settings, &user, cancel)
            .map_err(|error| DeployError::Verification(error.into()).or_signal(cancel))?,
        None => Checks::default(),
    };
    let gathered =
        gather(request, settings, &user, cancel).map_err(|error| error.or_signal(cancel))?;
    let input = image::open(
        &request.image,
        checks.digest.as_ref(),
        settings,
        &user,
        cancel,
    )
    .map_err(|error| error.or_signal(cancel))?;
    let (input, mut vetting) = Vetting::start(input, checks, &user)?;
    let (target, image) = both(
        input,
        &mut vetting,
        request,
        settings,
        &user,
        &**monitor,
        cancel,
    )
    .map_err(|error| error.or_signal(cancel))?;
    let others = other_disks::open_all(&request.other_disks, settings, cancel)
        .map_err(|error| error.or_signal(cancel))?;

    let appliance = Appliance::open(&settings.helper_dir).map_err(DeployError::from)?;
    let seat = Seat::new(request, gathered, settings).map_err(DeployError::from)?;
    let mut machine = machine::new(settings, &appliance)?;
    machine.disks.push(machine::disk(&target, false)?);
    for other in &others {
        machine.disks.push(other.disk()?);
    }
    // Behind all others: the helper takes it from there.
    machine.disks.extend(seat.drivers()?);
    machine.parameters = Some(seat.disk().map_err(DeployError::from)?);

    monitor.message(&Message::info("starting the helper VM"));
    tracing::info!("its processor is made by {}", machine.accelerator);
    thread::scope(|scope| {
        let watcher = Watcher(Arc::clone(monitor));
        let mut running = vm::start(machine, Box::new(watcher)).map_err(DeployError::from)?;
        // Each part stops the others when it fails, and says so itself.
        let copying = scope.spawn(|| {
            stop_on_failure(cancel, || {
                // The VM that starts from these files meanwhile reads nothing before its gate is open.
                appliance.verify().map_err(DeployError::from)?;
                let Some(Ready { input, order, .. }) = image else {
                    return Ok(());
                };
                let (vetting, monitor) = (&mut vetting, &**monitor);
                let copied = image::put(input, order, vetting, &target, &user, monitor, cancel)?;
                tell(&copied, monitor);
                Ok(())
            })
        });
        let telling = scope.spawn(|| stop_on_failure(cancel, || seat.fill(request)));
        let ready = stop_on_failure(cancel, || {
            running.wait_ready(cancel).map_err(DeployError::from)
        });
        let copied = copying.join().unwrap_or(Err(DeployError::Panic));
        let told = telling.join().unwrap_or(Err(DeployError::Panic));
        let outcome = first_cause([copied, told, ready])
            .and_then(|()| customise(&mut running, &**monitor, cancel))
            .and_then(|()| Ok(target.flush()?))
            .and_then(|()| Ok(others.iter().try_for_each(Opened::flush)?));
        outcome.map_err(|error| Failure {
            error: error.or_signal(cancel).or_no_room(&target),
            log_tail: running.tail(),
        })
    })?;
    target.keep();
    if !matches!(request.image, Image::Keep) {
        monitor.message(&Message::info("the image was deployed"));
    }
    Ok(())
}

/// Opens the target and gets the image ready. A target that is there, or whose size is known, is
/// opened first: nobody fetches an image for nothing.
fn both(
    input: Option<Input>,
    vetting: &mut Vetting,
    request: &Request,
    settings: &Settings,
    user: &User,
    monitor: &dyn Monitor,
    cancel: &Cancel,
) -> Result<(Target, Option<Ready>), DeployError> {
    let open = |length| open_target(request, length, settings, cancel);
    let Some(input) = input else {
        if let (Location::Path(path), false) = (&request.target, request.target.exists()) {
            return Err(TargetError::Missing { path: path.into() }.into());
        }
        return Ok((open(Some(0))?, None));
    };
    let order = Order {
        format: request.format,
        exporter: None,
    };
    let is_known = request.size.is_some() || request.target.exists();
    if !is_known {
        let ready = image::ready(input, order, None, settings, user, monitor, cancel)
            .map_err(|error| vetting.cause(error, cancel))?;
        vetting.finish_if(ready.is_spooled, cancel)?;
        return Ok((open(ready.length)?, Some(ready)));
    }
    let target = open(image::least(&input, order.format))?;
    image::check_apart(&input, &target)?;
    let capacity = Some(target.capacity());
    let ready = image::ready(input, order, capacity, settings, user, monitor, cancel)
        .map_err(|error| vetting.cause(error, cancel))?;
    vetting.finish_if(ready.is_spooled, cancel)?;
    target.check_room(ready.length)?;
    Ok((target, Some(ready)))
}

fn open_target(
    request: &Request,
    length: Option<u64>,
    settings: &Settings,
    cancel: &Cancel,
) -> Result<Target, DeployError> {
    Ok(match &request.target {
        Location::Path(path) => Target::open(path, request.size, length)?,
        Location::Uri(uri) => {
            let program = machine::exporter(settings)?;
            Target::reach(uri, false, request.size, length, &program, cancel)?
        }
    })
}

fn tell(copied: &Copied, monitor: &dyn Monitor) {
    let length = copied.length();
    monitor.message(&Message::copied(length, length));
    monitor.message(&Message::info(describe(copied)));
}

fn describe(copied: &Copied) -> String {
    let rest = match copied.rest {
        Rest::None => "",
        Rest::Zeroed => "; the rest of the target reads as zeroes",
        Rest::EndsZeroed => {
            "; the target zeroes slowly, so only the ends of what is behind the image were zeroed"
        }
    };
    format!(
        "the image is copied and flushed: {} bytes of data, {} bytes of zeroes{rest}",
        copied.data_bytes, copied.zero_bytes
    )
}

fn customise(
    running: &mut Running,
    monitor: &dyn Monitor,
    cancel: &Cancel,
) -> Result<(), DeployError> {
    monitor.message(&Message::info("the helper customises the disk"));
    let mut entropy = [0; 32];
    let mut key = [0; 16];
    getrandom::fill(&mut entropy)
        .and_then(|()| getrandom::fill(&mut key))
        .map_err(DeployError::Random)?;
    running.open_gate(&Gate::new(&entropy, &key))?;
    running.finish(cancel)?;
    monitor.message(&Message::info("the helper VM has ended well"));
    Ok(())
}

fn stop_on_failure<T>(
    cancel: &Cancel,
    part: impl FnOnce() -> Result<T, DeployError>,
) -> Result<T, DeployError> {
    let outcome = part();
    if outcome.is_err() {
        cancel.cancel();
    }
    outcome
}

/// The failure that made the others stop, if there is one.
fn first_cause<const N: usize>(outcomes: [Result<(), DeployError>; N]) -> Result<(), DeployError> {
    let mut failures: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    failures.sort_by_key(DeployError::is_consequence);
    failures.into_iter().next().map_or(Ok(()), Err)
}

/// Whether a deployment draws new SSH host keys.
fn wants_host_keys(request: &Request) -> bool {
    request.wants(Task::DeleteSSHKeys)
}
