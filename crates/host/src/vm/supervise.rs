//! A running helper VM: waits for it, opens its gate, ends it in time, judges its work.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use snf_image_protocol::{Gate, Secret, VERSION};
use snf_image_sandbox::Confined;

use super::accel::{Accelerator, Kind};
use super::channels::{News, Observer, Reader, Shared};
use super::error::{Doing, VmError};
use super::launch;
use super::machine::Machine;
use crate::cancel::Cancel;

/// How long a killed VM may take to be gone.
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// A helper VM. Dropping it kills it and waits until it is gone.
pub struct Running {
    machine: Machine,
    observer: Box<dyn Observer>,
    vm: Vm,
    ready_after: Option<Duration>,
    gate: Option<(Secret, Instant)>,
}

/// One QEMU, its ports and the thread that reads them.
struct Vm {
    // Dropped first: the reading thread ends when QEMU has.
    confined: Confined,
    started: Instant,
    events: OwnedFd,
    shared: Arc<Shared>,
    news: Receiver<News>,
    reader: Option<JoinHandle<()>>,
}

/// A finished, believable run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The tasks that ended well, in their order.
    pub tasks: Vec<String>,
    /// From QEMU's start to the `ready` event.
    pub ready_after: Duration,
    /// From the open gate to QEMU's end.
    pub worked: Duration,
    /// How the processor was made.
    pub accelerator: Kind,
}

/// Why waiting is over.
enum Wake {
    /// QEMU has ended.
    Ended,
    /// There may be something new from the ports.
    News,
    /// Somebody asked to stop.
    Cancelled,
    /// The time is over.
    Late,
}

/// Boots a machine. It comes up while the caller does other things.
///
/// # Errors
/// When QEMU or a barrier around it cannot be had.
pub fn start(machine: Machine, observer: Box<dyn Observer>) -> Result<Running, VmError> {
    Ok(Running {
        vm: Vm::start(&machine)?,
        machine,
        observer,
        ready_after: None,
        gate: None,
    })
}

impl Running {
    /// Waits until the helper stands at its gate. A VM that does not come up with KVM is
    /// started again with TCG, once, unless HELPER_ACCEL demands KVM.
    ///
    /// # Errors
    /// When it does not come up, ends, speaks another protocol, or somebody cancels. The VM
    /// is gone then.
    pub fn wait_ready(&mut self, cancel: &Cancel) -> Result<(), VmError> {
        let failure = match self.boot(cancel) {
            Err(error @ (VmError::NotReady { .. } | VmError::EndedEarly { .. }))
                if self.machine.accelerator.may_fall_back() =>
            {
                error
            }
            result => return result,
        };
        tracing::warn!("starting the helper VM again without KVM: {failure}");
        self.machine
            .accelerator
            .fall_back(&self.machine.qemu, &failure.to_string());
        self.vm = Vm::start(&self.machine)?;
        self.boot(cancel)
    }

    fn boot(&mut self, cancel: &Cancel) -> Result<(), VmError> {
        let kind = self.machine.accelerator.kind;
        let limit = self.machine.limits.ready(kind);
        let deadline = self.vm.started + limit;
        let result = loop {
            self.vm.deliver(&mut *self.observer);
            let ready = self.vm.shared.evidence().ready.clone();
            if let Some((found, release)) = ready {
                break check_version(found, release);
            }
            match self.vm.wait(deadline, Some(cancel))? {
                Wake::News => {}
                Wake::Ended => break Err(self.vm.ended_early()),
                Wake::Cancelled => break Err(VmError::Cancelled),
                Wake::Late => {
                    break Err(VmError::NotReady {
                        seconds: limit.as_secs(),
                        accelerator: self.machine.accelerator.to_string(),
                        last: self.vm.shared.evidence().last_line(),
                    });
                }
            }
        };
        match result {
            Ok(()) => self.ready_after = Some(self.vm.started.elapsed()),
            Err(_) => self.end(),
        }
        result
    }

    /// Lets the helper go to the disks. The time limits count from here.
    ///
    /// # Errors
    /// When the VM is gone.
    pub fn open_gate(&mut self, gate: &Gate) -> Result<(), VmError> {
        let opening = "opening the helper's gate";
        let mut line = serde_json::to_vec(gate).doing(opening)?;
        line.push(b'\n');
        let socket = self.vm.events.try_clone().doing(opening)?;
        std::fs::File::from(socket)
            .write_all(&line)
            .doing(opening)?;
        self.gate = Some((gate.key.clone(), Instant::now()));
        Ok(())
    }

    /// Waits until the helper has done its work and the VM is off. When it takes too long,
    /// it is asked (SIGTERM), then killed.
    ///
    /// # Errors
    /// Whenever its work is not done for certain. The VM is gone in any case.
    pub fn finish(&mut self, cancel: &Cancel) -> Result<Report, VmError> {
        let opened = self.gate.as_ref().map_or_else(Instant::now, |(_, at)| *at);
        let limits = self.machine.limits;
        let result = loop {
            self.vm.deliver(&mut *self.observer);
            match self.vm.wait(opened + limits.soft, Some(cancel))? {
                Wake::News => {}
                Wake::Ended => break Ok(()),
                Wake::Cancelled => break Err(VmError::Cancelled),
                Wake::Late => {
                    let last = self.vm.shared.evidence().last_line();
                    self.vm.confined.terminate();
                    let deadline = opened + limits.soft + limits.hard;
                    while matches!(self.vm.wait(deadline, None)?, Wake::News) {}
                    break Err(VmError::TimedOut {
                        seconds: limits.soft.as_secs(),
                        last,
                    });
                }
            }
        };
        let worked = opened.elapsed();
        let clean = self.vm.status();
        self.end();
        result?;
        let key = self.gate.as_ref().map(|(key, _)| key);
        Ok(Report {
            tasks: self.vm.shared.evidence().judge(key, clean)?,
            ready_after: self.ready_after.unwrap_or_default(),
            worked,
            accelerator: self.machine.accelerator.kind,
        })
    }

    /// The last lines of the console, harmless to print.
    #[must_use]
    pub fn tail(&self) -> Vec<String> {
        self.vm.shared.evidence().tail()
    }

    /// From QEMU's start to the `ready` event, once [`Running::wait_ready`] has succeeded.
    #[must_use]
    pub fn ready_after(&self) -> Option<Duration> {
        self.ready_after
    }

    /// How the processor is made; another than asked for when KVM had to be given up.
    #[must_use]
    pub fn accelerator(&self) -> &Accelerator {
        &self.machine.accelerator
    }

    /// Ends QEMU and passes on the rest of what it said.
    fn end(&mut self) {
        self.vm.end();
        self.vm.deliver(&mut *self.observer);
    }
}

fn check_version(found: u32, release: String) -> Result<(), VmError> {
    if found == VERSION {
        return Ok(());
    }
    Err(VmError::Protocol {
        release,
        found,
        expected: VERSION,
    })
}

impl Vm {
    fn start(machine: &Machine) -> Result<Self, VmError> {
        let started = Instant::now();
        let shared = Shared::new().doing("preparing to read the helper's ports")?;
        let (confined, ports) = launch::launch(machine)?;
        let events = ports
            .events
            .try_clone()
            .doing("duplicating a serial port")?;
        let (observer, news) = channel();
        let reader = Reader::new(shared.clone(), observer);
        let reader = std::thread::Builder::new()
            .name("helper-ports".into())
            .spawn(move || reader.run(ports))
            .doing("starting the thread that reads the helper's ports")?;
        Ok(Vm {
            confined,
            started,
            events,
            shared,
            news,
            reader: Some(reader),
        })
    }

    /// Waits for whatever comes first.
    fn wait(&self, deadline: Instant, cancel: Option<&Cancel>) -> Result<Wake, VmError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or(Timespec {
            tv_sec: i64::from(i32::MAX),
            tv_nsec: 0,
        });
        let ended = self.confined.as_fd();
        let mut watched = vec![
            PollFd::from_borrowed_fd(ended, PollFlags::IN),
            PollFd::from_borrowed_fd(self.shared.news(), PollFlags::IN),
        ];
        watched
            .extend(cancel.map(|cancel| PollFd::from_borrowed_fd(cancel.as_fd(), PollFlags::IN)));
        match poll(&mut watched, Some(&left)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).doing("waiting for the helper VM"),
        }
        let is_ready = |index: usize| {
            watched
                .get(index)
                .is_some_and(|fd| !fd.revents().is_empty())
        };
        if is_ready(2) {
            return Ok(Wake::Cancelled);
        }
        if is_ready(0) {
            return Ok(Wake::Ended);
        }
        if Instant::now() >= deadline {
            return Ok(Wake::Late);
        }
        self.shared.forget_news();
        Ok(Wake::News)
    }

    /// How QEMU ended; one that has not is killed.
    fn status(&mut self) -> Result<(), String> {
        if !matches!(self.confined.wait(Duration::ZERO), Ok(None)) {
            return describe(self.confined.wait(Duration::ZERO));
        }
        self.confined.kill();
        describe(self.confined.wait(KILL_LIMIT))
    }

    fn ended_early(&mut self) -> VmError {
        let status = self.status().err();
        // All that it said last is in the ports by now.
        self.drain();
        self.shared.evidence().ended_early(status.as_deref())
    }

    /// Ends QEMU and reads the rest of its output.
    fn end(&mut self) {
        // The reason is known to the caller.
        let _ = self.status();
        self.drain();
    }

    /// Waits until all that a QEMU that has ended left in its ports is read.
    fn drain(&mut self) {
        self.shared.stop();
        if let Some(reader) = self.reader.take() {
            // It does not panic; if it did, the evidence would lack what success needs.
            let _ = reader.join();
        }
    }

    fn deliver(&self, observer: &mut dyn Observer) {
        self.news.try_iter().for_each(|news| news.tell(observer));
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.end();
    }
}

fn describe(ended: std::io::Result<Option<ExitStatus>>) -> Result<(), String> {
    match ended {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(status.to_string()),
        Ok(None) => Err("it could not be killed".into()),
        Err(error) => Err(error.to_string()),
    }
}
