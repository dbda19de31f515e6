//! The first process: from an empty machine to a customised disk and a machine that is off.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use snf_image_protocol::{Drivers, Event, Gate, MAX_GATE_LINE, Parameters, Task, VERSION, Verdict};

use crate::channel::{Events, Port, console, plain, read_line};
use crate::disk::table::Table;
use crate::disk::{detect, device, modules};
use crate::error::{Doing, Error, Result};
use crate::run;
use crate::run::context::{Context, Reporter};
use crate::tasks::fix_partition_table;

mod machine;
mod parameters;

/// The port for the verdict.
const RESULT_PORT: &str = "/dev/ttyS1";
/// The port for events and the gate.
const EVENT_PORT: &str = "/dev/ttyS2";
/// Where the image is mounted.
const TARGET: &str = "/run/snf-image-helper/target";
/// Where the parameters are mounted.
const PARAMETERS: &str = "/run/snf-image-helper/parameters";
/// Word of the kernel's command line without which no running system is taken over.
const ACTIVATE: &str = "snf_image_activate_helper";

/// Does the work of the first process, or says what this program is.
pub fn main() {
    let places = [Path::new(TARGET), Path::new(PARAMETERS)];
    if process::id() == 1 {
        work_and_power_off(|| machine::prepare(&places));
    }
    let help = "snf-image-helper is the first process of the helper VM of snf-image: the kernel \
                starts it there, or another init with --activate.\n\
                Usage: snf-image-helper --activate | --version | --help";
    match env::args().nth(1).as_deref() {
        Some("--version") => machine::say(concat!("snf-image-helper ", env!("CARGO_PKG_VERSION"))),
        Some("--help") => machine::say(help),
        Some("--activate") if is_activated(&kernel_command_line()) => {
            work_and_power_off(|| machine::make_directories(&places));
        }
        Some("--activate") => {
            machine::complain(&format!(
                "{ACTIVATE} is not on the kernel's command line: this system is not switched off"
            ));
            process::exit(2);
        }
        _ => {
            machine::complain(help);
            process::exit(2);
        }
    }
}

fn kernel_command_line() -> String {
    fs::read_to_string("/proc/cmdline").unwrap_or_default()
}

fn is_activated(command_line: &str) -> bool {
    command_line.split_whitespace().any(|word| word == ACTIVATE)
}

fn work_and_power_off(prepare: impl FnOnce() -> Result<()>) -> ! {
    machine::power_off_on_panic(None);
    match prepare().and_then(|()| ports()) {
        Ok((result, events)) => work(&result, &events),
        Err(error) => console(&error.to_string()),
    }
    machine::power_off()
}

/// Takes the ports: they have no name any more by which a task could open them.
fn ports() -> Result<(Port, Port)> {
    let result = Port::open(Path::new(RESULT_PORT))?;
    let events = Port::open(Path::new(EVENT_PORT))?;
    for path in [RESULT_PORT, EVENT_PORT] {
        fs::remove_file(path).doing(|| format!("removing {path}"))?;
    }
    machine::power_off_on_panic(Some(result.again()?));
    Ok((result, events))
}

/// Works, and says how it went: the events first, the verdict last.
fn work(result: &Port, port: &Port) {
    let verdict = match port.again() {
        Err(error) => Verdict::Failure(error.to_string()),
        Ok(out) => {
            let events = Events::new(out);
            match customise(port, &events) {
                Ok(finished) => {
                    events.send(&finished);
                    Verdict::Success
                }
                Err(error) => {
                    report(&error, &events);
                    Verdict::Failure(plain(&error.to_string(), 1000))
                }
            }
        }
    };
    port.drain();
    result.send(format!("{verdict}\n").as_bytes());
    result.drain();
}

fn report(error: &Error, events: &Events) {
    if let Error::Program { stderr, .. } = error
        && !stderr.is_empty()
    {
        events.send(&Event::Stderr {
            lines: stderr.clone(),
        });
    }
    events.send(&Event::Error {
        message: error.to_string(),
    });
}

/// Waits at the gate, then does everything that was asked for.
fn customise(port: &Port, events: &Events) -> Result<Event> {
    modules::load("virtio_pci")?;
    events.send(&Event::Ready {
        protocol: VERSION,
        release: env!("CARGO_PKG_VERSION").into(),
    });
    let line = read_line(port.again()?, MAX_GATE_LINE)?;
    // What a parser says may quote the line, which holds the key.
    let invalid = |_| Error::image("the line that opens the gate is not valid");
    let gate = Gate::parse(&line).map_err(invalid)?;
    let mut random = StdRng::from_seed(gate.seed().map_err(invalid)?);
    let mut share = [0; 32];
    random.fill_bytes(&mut share);
    machine::stir(&share)?;

    let mut disks = find_disks()?;
    let directory = PathBuf::from(PARAMETERS);
    parameters::mount(&mut disks, &directory)?;
    let parameters = parameters::read(&directory)?;
    let done = deploy(&parameters, directory, disks.clone(), random, events);
    let unmounted = parameters::unmount(Path::new(PARAMETERS));
    let tasks = done?;
    unmounted?;
    disks.iter().try_for_each(|disk| device::flush(disk))?;
    Ok(Event::Finished {
        key: gate.key.expose().into(),
        tasks,
    })
}

/// The disks, as they are now. A system that saw them earlier looks at them again: their
/// content is younger than that.
fn find_disks() -> Result<Vec<PathBuf>> {
    let early = device::disks()?;
    if early.is_empty() {
        modules::load("virtio_blk")?;
        return device::disks();
    }
    early
        .iter()
        .try_for_each(|disk| device::reread_table(disk))?;
    Ok(early)
}

fn deploy(
    parameters: &Parameters,
    parameters_dir: PathBuf,
    mut disks: Vec<PathBuf>,
    random: StdRng,
    events: &Events,
) -> Result<Vec<String>> {
    if parameters.properties.flag("EXCLUDE_ALL_TASKS") {
        console("EXCLUDE_ALL_TASKS is set: no task is run");
        return Ok(Vec::new());
    }
    let mut reporter = events.clone();
    let target = PathBuf::from(TARGET);
    let drivers = match &parameters.windows.drivers {
        Some(Drivers::Disk) => disks.pop(),
        Some(Drivers::Directory(_)) | None => None,
    };
    let Some(disk) = disks.first() else {
        return Err(Error::image("the helper was given no disk"));
    };
    let table = read_table(disk, parameters, &mut reporter)?;
    let system = detect::detect(
        disk,
        table.as_ref(),
        &parameters.properties,
        &target,
        &mut reporter,
    );
    let system = match system {
        // Whatever came back from a backup may be no system at all.
        Err(error) if only_grows(parameters) => {
            reporter.warning(&format!("nothing is grown: {error}"));
            return Ok(Vec::new());
        }
        system => system?,
    };
    if parameters.properties.brings_programs() {
        machine::forbid_user_name_spaces()?;
    }
    let mut context = Context {
        parameters,
        parameters_dir,
        disks,
        target,
        os_family: system.family,
        root_partition: system.partition,
        table,
        lvm: None,
        root_volume: None,
        grown_ntfs: None,
        root: None,
        shut: Vec::new(),
        windows: None,
        cloud_init: None,
        cloudbase_init: None,
        drivers,
        random,
        reporter: &mut reporter,
    };
    run::all(Path::new(run::TASKS), &mut context, events)
}

/// Whether no task is asked for that needs the image's files.
fn only_grows(parameters: &Parameters) -> bool {
    let needs_files = |task: &Task| task.is_mounted() && !task.is_resize();
    let only = parameters.only.as_ref();
    only.is_some_and(|only| !only.iter().any(needs_files))
}

/// Reads the partition table, and restores a GPT whose primary table is broken: the kernel
/// shows its partitions only then.
fn read_table(
    disk: &Path,
    parameters: &Parameters,
    reporter: &mut dyn Reporter,
) -> Result<Option<Table>> {
    let table = Table::read(disk)?;
    let is_hidden = |table: &Table| {
        let mut numbers = table.partitions.iter().map(|entry| entry.number);
        table.needs_repair && numbers.any(|number| !device::partition(disk, number).exists())
    };
    if !table.as_ref().is_some_and(is_hidden) {
        return Ok(table);
    }
    if let Some(property) = parameters.properties.excludes(Task::FixPartitionTable) {
        return Err(Error::image(format!(
            "the primary GPT of the image is broken, and {property} forbids to restore it"
        )));
    }
    fix_partition_table::restore(disk)?;
    reporter.warning("the primary GPT of the image was broken: it was restored from its backup");
    Table::read(disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_system_that_is_told_so_is_taken_over() {
        assert!(is_activated("quiet snf_image_activate_helper ro\n"));
        assert!(!is_activated("quiet snf_image_activate_helper=no"));
        assert!(!is_activated(""));
    }
}
