//! Programs that came with the request or with the image: run confined, and never believed.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use snf_image_protocol::{MAX_PROGRAM, Task};

use super::context::Context;
use super::{environment, packed, program};
use crate::confine;
use crate::error::{Error, Result};
use crate::guest::root::{Root, shown};

/// The shell and tools of a helper that has no others.
const BUSYBOX: &str = "busybox";

/// Where an image keeps what replaces tasks, and how it is called before the task's name.
const OVERWRITING: &str = "/root/snf-image/helper";
const PREFIX: &str = "overwrite_task_";

/// The exit code that asks for the built-in task.
const GO_ON: u8 = 101;

/// How deep below that directory is looked, and at how many names.
const MAX_DEPTH: usize = 8;
const MAX_NAMES: usize = 1000;

/// Runs a program with an argument and gives its exit code; of one that a signal ended 128 more
/// than the signal's number.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run(
    context: &Context<'_>,
    name: &str,
    content: &[u8],
    argument: Option<&str>,
) -> Result<program::Output> {
    packed::provide(BUSYBOX)?;
    let mut arguments = vec![OsStr::new(confine::OUTSIDE), context.target.as_os_str()];
    arguments.extend(argument.map(OsStr::new));
    let variables = environment::confined(context);
    let output = program::foreign(name, &arguments, &variables, content)?;
    if let Some(root) = &context.root {
        // What it has made in the image has no SELinux label.
        root.leave_unlabelled(format!("the files of {name}"));
    }
    Ok(output)
}

/// What an image has in place of a task.
pub(super) struct Overwriting {
    name: String,
    content: Vec<u8>,
}

/// What the image's program wants to happen next.
pub(super) enum Next {
    /// Nothing: it has done everything.
    Nothing,
    /// The built-in task, and then the program once more.
    BuiltIn,
}

/// Finds the program that replaces a task, where the request permits that.
///
/// # Errors
/// When there are several, or it cannot be read.
pub(super) fn overwriting(context: &mut Context<'_>, task: Task) -> Result<Option<Overwriting>> {
    let properties = &context.parameters.properties;
    if !task.is_overwritable() || !properties.flag("ALLOW_MOUNTED_TASK_OVERWRITING") {
        return Ok(None);
    }
    let Some(root) = &context.root else {
        return Ok(None);
    };
    let wanted = format!("{PREFIX}{task}");
    let mut search = Search {
        root,
        wanted: wanted.to_ascii_lowercase(),
        names: 0,
        found: Vec::new(),
    };
    search.below(Path::new(OVERWRITING), 0)?;
    let found = search.found;
    let path = match found.as_slice() {
        [] => return Ok(None),
        [path] => path,
        [first, second, ..] => {
            return Err(Error::image(format!(
                "the image has more than one program in place of task {task}: {} and {}",
                shown(first),
                shown(second)
            )));
        }
    };
    if root
        .attributes(path)?
        .is_none_or(|found| found.mode & 0o111 == 0)
    {
        let warning = format!(
            "{} does not replace task {task}: it is not executable",
            shown(path)
        );
        context.reporter.warning(&warning);
        return Ok(None);
    }
    let limit = u64::try_from(MAX_PROGRAM).unwrap_or(u64::MAX);
    let content = root.read(path, limit)?.unwrap_or_default();
    Ok(Some(Overwriting {
        name: wanted,
        content,
    }))
}

impl Overwriting {
    /// Runs it before the task.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn before(&self, context: &mut Context<'_>) -> Result<Next> {
        let output = run(context, &self.name, &self.content, Some("pre-exec"))?;
        if output.code() == Some(GO_ON.into()) {
            let warning = format!("{} of the image asks for the built-in task", self.name);
            context.reporter.warning(&warning);
            return Ok(Next::BuiltIn);
        }
        output.success()?;
        let warning = format!(
            "{} of the image ran in place of the built-in task",
            self.name
        );
        context.reporter.warning(&warning);
        Ok(Next::Nothing)
    }

    /// Runs it behind the task.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn after(&self, context: &Context<'_>) -> Result<()> {
        let output = run(context, &self.name, &self.content, Some("post-exec"))?;
        output.success().map(drop)
    }
}

/// Looks for a name in any case, in a directory and those below it.
struct Search<'root> {
    root: &'root Root,
    wanted: String,
    names: usize,
    found: Vec<PathBuf>,
}

impl Search<'_> {
    fn below(&mut self, directory: &Path, depth: usize) -> Result<()> {
        for name in self.root.list(directory)? {
            self.names = self.names.saturating_add(1);
            if self.names > MAX_NAMES || depth > MAX_DEPTH {
                return Err(Error::image(format!(
                    "{} holds more than {MAX_NAMES} files or is too deep",
                    shown(Path::new(OVERWRITING))
                )));
            }
            let path = directory.join(&name);
            if self.root.is_directory(&path) {
                self.below(&path, depth.saturating_add(1))?;
            } else if name.to_string_lossy().to_ascii_lowercase() == self.wanted {
                self.found.push(path);
            }
        }
        Ok(())
    }
}
