//! The answer file that the registry names, which setup takes before those at all places.
// SPDX-License-Identifier: BSD-2-Clause

use crate::error::{Error, Result};
use crate::guest::windows::answer_file::{on_volume, place};
use crate::guest::windows::registry::{Hive, Purpose};
use crate::guest::windows::system::{ANSWER_FILE, SYSTEM, shown};
use crate::run::context::Context;

/// Takes the name away where the image's own answer files give way, or where it leads nowhere. One of the usual places
/// stays, and is then the first of them.
///
/// # Errors
/// When it names a file elsewhere, which nothing here would change or remove, or when the registry cannot be changed.
pub(super) fn run(context: &mut Context<'_>, ignores: bool) -> Result<()> {
    let Some(named) = (context.windows.as_ref()).and_then(|windows| windows.answer_file.as_ref())
    else {
        return Ok(());
    };
    let (key, value) = ANSWER_FILE;
    let root = context.root()?;
    let text = format!(
        "the answer file {} that HKLM\\SYSTEM\\{key}\\{value} of the image names",
        shown(named)
    );
    let path = on_volume(named);
    let usual = path.as_deref().and_then(place);
    let is_there = match usual.or(path.as_deref()) {
        Some(path) => root.has_entry(path)?,
        // Another drive is not seen here.
        None => true,
    };
    if is_there && !ignores {
        if usual.is_some() {
            return Ok(());
        }
        return Err(Error::image(format!(
            "{text} comes before all others, and is none that this deployment can change: set property \
             IGNORE_UNATTEND or give os_answer_file, or remove that value from the image"
        )));
    }
    let hive = Hive::open(root, SYSTEM, Purpose::Set)?;
    let mut hive = hive.ok_or_else(|| Error::image(format!("the image has no {SYSTEM}")))?;
    hive.remove(key, value)?;
    hive.finish()?;
    let why = if ignores { "gives way" } else { "is not there" };
    (context.reporter).notice(&format!("{text} {why}: it is not named any more"));
    if let Some(windows) = &mut context.windows {
        windows.answer_file = None;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use snf_image_protocol::{OsFamily, Parameters, Task};
    use snf_image_testkit::hive;

    use super::super::tests::{OWN, asked, generalized, properties, windows};
    use crate::error::Result;
    use crate::guest::testing::Image;
    use crate::guest::windows::system::Windows;
    use crate::run::context::{Context, Done};
    use crate::tasks;

    const PATH: &str = "/Windows/System32/config/SYSTEM";

    /// Runs the task where the registry names a file, as MountImage reads it.
    fn task(context: &mut Context<'_>) -> Result<Done> {
        let system = super::Hive::open(context.root()?, PATH, super::Purpose::Read)?.unwrap();
        let named = system.value("Setup", "UnattendFile")?;
        context.os_family = OsFamily::Windows;
        context.windows = Some(Windows {
            answer_file: named.and_then(|value| value.as_text()),
            ..generalized()
        });
        tasks::run(Task::InstallUnattend, context)
    }

    /// An image whose registry names this file.
    fn naming(path: &str) -> Image {
        let image = windows();
        image.directory("/Windows/System32/config");
        let path = path.replace('\\', "\\\\");
        let text = format!("[\\Setup]\n\"UnattendFile\"=\"{path}\"\n");
        hive::make(&image.path(PATH), &text).unwrap();
        image
    }

    fn names_one(image: &Image) -> bool {
        let keys = hive::export(&image.path(PATH)).unwrap();
        !keys["\\Setup"].is_empty()
    }

    #[test]
    fn a_file_elsewhere_is_refused_unless_it_gives_way() {
        for path in [r"D:\a.xml", r"C:\Deploy\a.xml", r"\\server\a.xml", r"C:\"] {
            let image = naming(path);
            image.file("/Deploy/a.xml", OWN);
            let error = image.run(task, &asked()).0.unwrap_err().to_string();
            assert!(
                error.contains(path) && error.contains("IGNORE_UNATTEND"),
                "{error}"
            );
            let parameters = Parameters {
                properties: properties(&[("IGNORE_UNATTEND", "yes")]),
                ..asked()
            };
            let (done, notices) = image.run(task, &parameters);
            assert_eq!(done.unwrap(), Done::Yes);
            assert!(notices.iter().any(|text| text.contains("gives way")));
            assert!(!names_one(&image));
        }
    }

    #[test]
    fn a_usual_place_becomes_the_first_and_what_leads_nowhere_is_forgotten() {
        let image = naming(r"%systemdrive%\unattend.XML");
        image.file("/Unattend.xml", OWN);
        image.file("/Windows/Panther/Unattend.xml", OWN);
        let (done, notices) = image.run(task, &asked());
        assert_eq!(done.unwrap(), Done::Yes);
        assert!(
            notices
                .iter()
                .any(|text| text.ends_with("own answer file /Unattend.xml"))
        );
        assert!(names_one(&image));

        let image = naming(r"c:\gone\a.xml");
        let (done, notices) = image.run(task, &asked());
        assert_eq!(done.unwrap(), Done::Yes);
        assert!(notices.iter().any(|text| text.contains("is not there")));
        assert!(!names_one(&image));
    }
}
