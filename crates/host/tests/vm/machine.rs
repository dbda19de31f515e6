//! What the tests of the helper VM share: machines, an observer that remembers.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use snf_image::config::AcceleratorChoice;
use snf_image::vm::accel::{self, Accelerator};
use snf_image::vm::{Machine, Observer, TimeLimits};
use snf_image_protocol::{Event, Gate};
use snf_image_sandbox::{Launcher, User};

pub(crate) fn launcher() -> Launcher {
    Launcher {
        program: env!("CARGO_BIN_EXE_snf-image").into(),
    }
}

pub(crate) fn accelerator(choice: AcceleratorChoice, qemu: &Path, memory: &Path) -> Accelerator {
    let node = accel::Node {
        qemu,
        user: &User::lookup("nobody").unwrap(),
        launcher: &launcher(),
        memory,
    };
    accel::choose(choice, &node).unwrap()
}

/// A machine without disks, made by `qemu` for the guest in `kernel`.
pub(crate) fn machine(qemu: &Path, kernel: &Path) -> Machine {
    Machine {
        qemu: qemu.to_owned(),
        user: User::lookup("nobody").unwrap(),
        launcher: launcher(),
        accelerator: accelerator(AcceleratorChoice::Tcg, qemu, Path::new("/nonexistent")),
        memory_mib: 128,
        kernel: File::open(kernel).unwrap(),
        initrd: File::open(kernel).unwrap(),
        root: None,
        kernel_command_line: String::new(),
        disks: Vec::new(),
        parameters: None,
        limits: TimeLimits {
            ready_kvm: Duration::from_secs(10),
            ready_tcg: Duration::from_secs(10),
            soft: Duration::from_secs(10),
            hard: Duration::from_secs(2),
        },
    }
}

pub(crate) fn gate() -> Gate {
    Gate::new(&[0x11; 32], &[0x22; 16])
}

/// All that an observer was told, one entry a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The entries of one kind, without it.
    pub(crate) fn of(&self, kind: &str) -> Vec<String> {
        let entries = self.entries();
        let of_kind = entries.iter().filter_map(|entry| entry.strip_prefix(kind));
        of_kind.map(str::to_owned).collect()
    }
}

impl Observer for Log {
    fn console(&mut self, line: &str) {
        self.0.lock().unwrap().push(format!("console {line}"));
    }

    fn event(&mut self, event: &Event) {
        self.0.lock().unwrap().push(format!("event {event:?}"));
    }

    fn warning(&mut self, message: &str) {
        self.0.lock().unwrap().push(format!("warning {message}"));
    }
}
