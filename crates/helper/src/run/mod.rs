//! Runs the tasks in their order, as run-parts(8) does.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::path::Path;
use std::time::Instant;

use snf_image_protocol::{Event, Parameters, Task};

use crate::channel::{Events, console};
use crate::disk::mount::unmount_all;
use crate::disk::ntfs;
use crate::error::{Error, Result};
use crate::guest::root::shown;
use crate::tasks;

pub mod context;
mod entry;
mod environment;
pub(crate) mod foreign;
pub mod packed;
pub mod program;
#[cfg(test)]
pub(crate) mod testing;

use context::{Context, Done};
use entry::{Entry, Runs};
use foreign::Next;

/// Where the tasks are listed.
pub const TASKS: &str = "/usr/lib/snf-image-helper/tasks";

/// Runs every task of a directory and gives the names of those that ended. The first
/// failure stops. Nothing stays mounted either way.
///
/// # Errors
/// What the failed task says, or that something could not be unmounted.
pub fn all(directory: &Path, context: &mut Context<'_>, events: &Events) -> Result<Vec<String>> {
    let mut ended = Vec::new();
    let result = entry::list(directory).and_then(|entries| {
        let parameters = context.parameters;
        let mut wanted = entries.iter().filter(|entry| is_wanted(entry, parameters));
        wanted.try_for_each(|entry| {
            one(entry, context, events)?;
            ended.push(entry.name.clone());
            Ok(())
        })
    });
    context.root = None;
    let result = result.map_err(|error| ntfs::driver::fault().unwrap_or(error));
    result.and(unmount_all(&context.target))?;
    Ok(ended)
}

fn one(entry: &Entry, context: &mut Context<'_>, events: &Events) -> Result<()> {
    let task = || entry.name.clone();
    let begin = Instant::now();
    events.send(&Event::TaskStart { task: task() });
    let done = match excluded(entry, context) {
        Some(property) => Done::Skipped(format!("excluded by {property}")),
        None => match &entry.runs {
            Runs::BuiltIn(task) => {
                built_in(*task, context).map_err(|error| explained(error, context))?
            }
            Runs::External(path) => {
                program::external(path, &environment::of(context))?;
                // What it has made in the image has no SELinux label.
                if let Some(root) = &context.root {
                    root.leave_unlabelled(format!("the files of task {}", entry.name));
                }
                Done::Yes
            }
        },
    };
    if let Done::Skipped(reason) = done {
        events.send(&Event::Skipped {
            task: task(),
            reason,
        });
    }
    events.send(&Event::TaskEnd { task: task() });
    console(&format!(
        "{}: {} ms",
        entry.name,
        begin.elapsed().as_millis()
    ));
    Ok(())
}

/// Runs a task of the helper, or what the image has in its place.
fn built_in(task: Task, context: &mut Context<'_>) -> Result<Done> {
    let Some(program) = foreign::overwriting(context, task)? else {
        return tasks::run(task, context);
    };
    match program.before(context)? {
        Next::Nothing => Ok(Done::Yes),
        Next::BuiltIn => {
            let done = tasks::run(task, context)?;
            program.after(context)?;
            Ok(done)
        }
    }
}

/// Says why nothing can be written where the running machine has another file system.
fn explained(error: Error, context: &Context<'_>) -> Error {
    let is_refused = matches!(&error, Error::Io { source, .. }
        if source.kind() == io::ErrorKind::ReadOnlyFilesystem);
    if !is_refused || context.shut.is_empty() {
        return error;
    }
    let points: Vec<_> = context
        .shut
        .iter()
        .map(|shut| format!("{} ({})", shown(&shut.point), shut.reason))
        .collect();
    Error::image(format!(
        "{error}: only the running machine has what lies at {}",
        points.join(", ")
    ))
}

/// Where only some tasks are asked for, all others are as if they were not there.
fn is_wanted(entry: &Entry, parameters: &Parameters) -> bool {
    parameters.only.as_ref().is_none_or(|only| {
        Task::from_entry(&entry.file_name).is_some_and(|task| only.contains(&task))
    })
}

/// An executable that takes the place of a built-in task obeys the rules of that task.
fn excluded(entry: &Entry, context: &Context<'_>) -> Option<String> {
    let properties = &context.parameters.properties;
    if let Some(task) = Task::from_entry(&entry.file_name) {
        return properties.excludes(task);
    }
    let own = format!("EXCLUDE_TASK_{}", entry.name.to_ascii_uppercase());
    properties.flag(&own).then_some(own)
}

#[cfg(test)]
mod tests;
