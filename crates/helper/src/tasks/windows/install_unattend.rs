//! InstallUnattend: sees to it that setup finds an answer file, and runs our scripts at its end.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::Read;

use super::{answer_file, architectures, edit, named_answer_file, write};
use crate::error::{Doing, Error, Result};
use crate::guest::root::{Attributes, Root};
use crate::guest::windows::answer_file::{
    AnswerFile, LIMIT, OURS, PLACES, Pass, SHELL_SETUP, Step, Wanted, generate,
};
use crate::guest::windows::first_boot::{self, Moment};
use crate::guest::windows::system::Setup;
use crate::run::context::{Context, Done};

/// Language and region when property `WINDOWS_LOCALE` is not given.
const LOCALE: &str = "en-US";

/// Keeps the image's answer file, or puts one there: that of this deployment, else a generated one.
///
/// # Errors
/// When an answer file is no such file, or something cannot be written.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let properties = &context.parameters.properties;
    check_setup(context)?;
    let given = given(context)?;
    let ignores = given.is_some() || properties.flag("IGNORE_UNATTEND");
    named_answer_file::run(context, ignores)?;
    let root = context.root()?;
    let own = if ignores { Vec::new() } else { own(context)? };
    let notice = if own.is_empty() {
        format!("setup uses {}", put(context, given)?)
    } else {
        format!(
            "setup uses the image's own answer file {}",
            own.join(" and ")
        )
    };
    if let Some(key) = context.parameters.windows.product_key.as_ref() {
        edit(context, Pass::Specialize, |file| {
            let path = [Step::Element("ProductKey")];
            file.set(Pass::Specialize, SHELL_SETUP, &path, key.expose())
        })?;
    }
    first_boot::install(root)?;
    if context.parameters.properties.flag("WINRM") {
        first_boot::add(
            root,
            Moment::EndOfSetup,
            "50-winrm.ps1",
            &first_boot::win_rm(),
        )?;
    }
    context.reporter.notice(&notice);
    Ok(Done::Yes)
}

/// Looks whether setup will run at all: else nothing of what is asked for would happen.
fn check_setup(context: &Context<'_>) -> Result<()> {
    let state = match context.windows.as_ref().map(|windows| &windows.setup) {
        Some(Setup::Complete) => "is set up already",
        Some(Setup::Other(state)) if state.contains("AUDIT") => {
            &format!("{state}: it starts in audit mode")
        }
        Some(Setup::Other(state)) => state,
        Some(Setup::Generalized | Setup::Unknown) | None => return Ok(()),
    };
    Err(Error::image(format!(
        "the Windows of the image is not generalized ({state}), so its setup would do nothing: run \
         sysprep /generalize /oobe /shutdown in it, or set property EXCLUDE_MOUNTED_TASKS to deploy \
         it as it is"
    )))
}

/// Where the image's own files for the two passes are, each once.
fn own(context: &Context<'_>) -> Result<Vec<&'static str>> {
    let mut places = Vec::new();
    for pass in [Pass::Specialize, Pass::OobeSystem] {
        let candidate = answer_file(context, pass)?;
        places.extend(candidate.map(|candidate| candidate.path));
    }
    places.dedup();
    Ok(places)
}

/// Puts a file there that the image did not have, and says what it is.
fn put(context: &Context<'_>, given: Option<Vec<u8>>) -> Result<&'static str> {
    let (bytes, what) = match given {
        Some(bytes) => (bytes, "the answer file of this deployment"),
        None => (generated(context)?, "a generated answer file"),
    };
    let file = AnswerFile::parse(&bytes, architectures(context))
        .map_err(|error| Error::image(format!("{what} cannot be used: {error}")))?;
    if !file.is_for_the_start() {
        return Err(Error::image(format!(
            "{what} has no settings for the passes specialize and oobeSystem, which are what setup runs \
             on an image"
        )));
    }
    let root = context.root()?;
    clear(root)?;
    root.make_directories("/Windows/Panther", Attributes::of_root(0o755))?;
    write(root, OURS, &file)?;
    Ok(what)
}

/// Takes away every file that setup would find before ours, or use for a pass that ours leaves out.
fn clear(root: &Root) -> Result<()> {
    for place in PLACES {
        if root.has_entry(place)? {
            root.remove(place)?;
        }
    }
    Ok(())
}

/// The answer file that came with the parameters.
fn given(context: &Context<'_>) -> Result<Option<Vec<u8>>> {
    let Some(name) = &context.parameters.windows.answer_file else {
        return Ok(None);
    };
    let reading = || "reading the answer file of this deployment".to_owned();
    let mut bytes = Vec::new();
    File::open(context.parameters_dir.join(name))
        .doing(reading)?
        .take(LIMIT.saturating_add(1))
        .read_to_end(&mut bytes)
        .doing(reading)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= LIMIT) {
        return Ok(Some(bytes));
    }
    Err(Error::image(format!(
        "the answer file of this deployment is larger than {} KiB",
        LIMIT / 1024
    )))
}

fn generated(context: &Context<'_>) -> Result<Vec<u8>> {
    let properties = &context.parameters.properties;
    let said = |name| properties.get(name).filter(|value| !value.is_empty());
    generate(Wanted {
        architectures: architectures(context),
        is_since_6_2: (context.windows.as_ref()).is_some_and(|own| own.version >= (6, 2)),
        time_zone: said("WINDOWS_TIMEZONE").unwrap_or(&context.parameters.windows.time_zone),
        locale: said("WINDOWS_LOCALE").unwrap_or(LOCALE),
    })
    .map_err(|error| Error::image(format!("the answer file cannot be generated: {error}")))
}
