//! EnforcePersonality: files into Windows, where owner, group and mode mean nothing.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::guest::root::Attributes;
use crate::guest::windows::answer_file::PLACES;
use crate::guest::windows::first_boot::{self, DIRECTORY, LAST_DIRECTORY, LAST_SCRIPT};
use crate::run::context::{Context, Done};
use crate::tasks::enforce_personality::content;

/// What a name cannot hold in Windows; `/` is what parts them.
const ILLEGAL: &str = "\"\\:*?<>|";

/// Puts every file at its place below the root of the drive. What is there already is kept beside
/// it, with the time behind its name. Our lines in what setup runs at its end are put in again: without them passwords
/// would stay where they wait.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let files = &context.parameters.personality;
    if files.is_empty() {
        return Ok(Done::Skipped("no files were given".into()));
    }
    for file in files {
        let path = file.path.as_str();
        let is_bad =
            |name: &str| name.contains(|sign| ILLEGAL.contains(sign)) || name.ends_with(['.', ' ']);
        if path.split('/').any(is_bad) {
            return Err(Error::image(format!(
                "injected file {path}: Windows has no such names: they hold none of {ILLEGAL} and \
                 end with no dot or space"
            )));
        }
        check_ours(context, path)?;
    }
    let root = context.root()?;
    let stamp = stamp(SystemTime::now());
    for file in files {
        let content = content(&context.parameters_dir, file)?;
        let path = file.path.as_str();
        if let Some(parent) = Path::new(path).parent() {
            root.make_directories(parent, Attributes::of_root(0o755))?;
        }
        if root.is_directory(path) {
            return Err(Error::image(format!(
                "injected file {path}: a directory of the image is in its place"
            )));
        }
        if root.has_entry(path)? {
            root.move_entry(path, format!("{path}.bak.{stamp}"))?;
        }
        root.install(path, &content, Attributes::of_root(0o644))?;
    }
    if root.is_directory(DIRECTORY) {
        first_boot::install(root)?;
    }
    Ok(Done::Yes)
}

/// Refuses what would replace files of this deployment, which hold what else was asked for. Names are the same in
/// upper and lower case there.
fn check_ours(context: &Context<'_>, path: &str) -> Result<()> {
    let root = context.root()?;
    let is_in = |directory: &str| is_same(path.get(..directory.len()).unwrap_or(""), directory);
    let scripts = context.cloudbase_init.as_ref();
    let script = scripts
        .and_then(|used| used.last_scripts.as_ref())
        .map(|directory| format!("{directory}/{LAST_SCRIPT}"));
    let refused = |why: &str| Err(Error::image(format!("injected file {path}: {why}")));
    if root.is_directory(DIRECTORY) && PLACES.iter().any(|place| is_same(path, place)) {
        return refused(
            "setup takes its answer file from there, and this deployment writes it: give yours as \
             os_answer_file (--answer-file) instead",
        );
    }
    let is_ours = [DIRECTORY, LAST_DIRECTORY]
        .iter()
        .any(|directory| is_in(&format!("{directory}/")))
        || script.is_some_and(|script| is_same(path, &script));
    if is_ours {
        return refused(
            "the steps of this deployment wait there for the end of setup: put it elsewhere, and have \
             property FIRST_BOOT_SCRIPT or /Windows/Setup/Scripts/SetupComplete.cmd run it",
        );
    }
    Ok(())
}

/// Whether Windows takes two names for the same.
fn is_same(one: &str, other: &str) -> bool {
    one.to_uppercase() == other.to_uppercase()
}

/// A time as `YYYYmmdd.HHMMSS`, in UTC.
fn stamp(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March have their leap day last; 400 of them are 146097 days.
    let day = days.saturating_add(719_468);
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era.saturating_mul(400).saturating_add(year + later);
    format!(
        "{year:04}{month:02}{date:02}.{:02}{:02}{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests;
