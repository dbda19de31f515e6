//! EnforcePersonality: files into Windows, where owner, group and mode mean nothing.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::guest::root::Attributes;
use crate::run::context::{Context, Done};
use crate::tasks::enforce_personality::content;

/// What a name cannot hold in Windows; `/` is what parts them.
const ILLEGAL: &str = "\"\\:*?<>|";

/// Puts every file at its place below the root of the drive. What is there already is kept beside
/// it, with the time behind its name.
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
    Ok(Done::Yes)
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
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_written_as_a_calendar_has_it() {
        // From `date -u -d @SECONDS +%Y%m%d.%H%M%S`.
        for (seconds, text) in [
            (0, "19700101.000000"),
            (951_782_399, "20000228.235959"),
            (951_782_400, "20000229.000000"),
            (1_709_251_199, "20240229.235959"),
            (4_102_444_800, "21000101.000000"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(stamp(time), text);
        }
    }
}
