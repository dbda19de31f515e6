//! What all tasks change in a Windows of every kind: each file, and each value of the registry.
//!
//! The answer files are read by xmllint(1), the registry by hivexregedit(1).
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeSet;
use std::path::Path;

use snf_image_protocol::{Hostname, OsFamily, Parameters, Properties, Secret, Task, Windows};
use snf_image_testkit::hive;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::windows::{self, CONFIG, Edition, KINDS};

use crate::error::Result;
use crate::guest::root::Root;
use crate::guest::testing::{Image, nothing};
use crate::guest::windows::system::Windows as Facts;
use crate::network::testing::full;
use crate::run::context::{Context, Done};
use crate::tasks;

const ANSWER_FILE: &str = "/Windows/Panther/Unattend.xml";
const HIVES: [&str; 2] = ["SOFTWARE", "SYSTEM"];

fn planted(edition: Edition) -> Image {
    let image = Image::empty();
    windows::plant(edition, &image.path("/")).unwrap();
    image
}

pub(super) fn asked() -> Parameters {
    let properties = [("WINRM", "yes"), ("USERS", "Administrator")];
    let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Parameters {
        hostname: Some(Hostname::new("vm1.example.org").unwrap()),
        password: Some(Secret::new("hunter2".to_owned())),
        authorized_keys: vec!["ssh-ed25519 AAAA ann".to_owned()],
        nics: full(),
        properties: Properties::new(properties).unwrap(),
        windows: Windows {
            product_key: Some(Secret::new("ABCDE-12345-ABCDE-12345-ABCDE".to_owned())),
            ..Windows::default()
        },
        ..nothing()
    }
}

/// Takes hold of the Windows, as MountImage does.
fn mounted(context: &mut Context<'_>, root: Root) -> Result<()> {
    let facts = Facts::read(&root)?;
    (context.reporter).notice(&format!("{facts}, {:?}", facts.family()));
    context.os_family = facts.family();
    context.windows = Some(facts);
    context.root = Some(root);
    Ok(())
}

/// Runs them on a tree in a file system without access lists.
fn all(context: &mut Context<'_>) -> Result<Done> {
    let root = Root::open(&context.target)?;
    run_all(context, root)
}

/// The same on an NTFS.
pub(super) fn all_on_ntfs(context: &mut Context<'_>) -> Result<Done> {
    let root = Root::of_windows(&context.target)?;
    run_all(context, root)
}

/// Every task that changes files, in its order.
fn run_all(context: &mut Context<'_>, root: Root) -> Result<Done> {
    mounted(context, root)?;
    for task in Task::ALL {
        if task.is_mounted() && !task.is_resize() && task.is_excludable() {
            tasks::run(task, context)?;
        }
    }
    Ok(Done::Yes)
}

/// What an expression of XPath finds in the answer file, each once.
fn found(image: &Image, expression: &str) -> Vec<String> {
    let text = Tool::new("xmllint")
        .args(["--xpath", expression])
        .arg(image.path(ANSWER_FILE))
        .run()
        .unwrap();
    let lines: BTreeSet<_> = text.lines().map(|line| line.trim().to_owned()).collect();
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}

/// The files that are new, gone or another, with the lines of those that setup reads, and the
/// values of the registry that are.
fn changes(edition: Edition) -> String {
    let image = planted(edition);
    let export = |name: &str| hive::export(&image.path(CONFIG).join(name)).unwrap();
    let hives = HIVES.map(export);
    let before = image.everything();
    let (done, notices) = image.run(all, &asked());
    done.unwrap();
    let after = image.everything();
    let mut text = String::new();
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for path in paths {
        if before.get(path) == after.get(path) || path.as_path() == image.path("/") {
            continue;
        }
        let sign = match (before.contains_key(path), after.contains_key(path)) {
            (false, _) => '+',
            (_, false) => '-',
            _ => '~',
        };
        let inner = path.strip_prefix(image.path("/")).unwrap();
        text.push_str(&format!("{sign} /{}\n", inner.display()));
        // The scripts have tests of their own.
        if ["xml", "cmd"]
            .map(Path::new)
            .iter()
            .any(|end| path.extension() == Some(end.as_os_str()))
        {
            let content = String::from_utf8(after.get(path).unwrap().3.clone()).unwrap();
            content
                .lines()
                .for_each(|line| text.push_str(&format!("    {line}\n")));
        }
    }
    for (name, before) in HIVES.iter().zip(&hives) {
        for line in hive::difference(before, &export(name)) {
            text.push_str(&format!("{name}: {line}\n"));
        }
    }
    // A second deployment that keeps the disk finds everything there.
    image.run(all, &asked()).0.unwrap();
    assert!(
        image.everything() == after,
        "a second deployment changes more"
    );
    notices
        .iter()
        .for_each(|notice| text.push_str(&format!("! {notice}\n")));
    text
}

macro_rules! kinds {
    ($($name:ident: $edition:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), changes($edition));
        })*
    };
}

kinds! {
    vista_for_x86: windows::VISTA;
    server_2008_r2: windows::SERVER_2008_R2;
    windows_11_for_arm64: windows::WINDOWS_11_ARM;
    server_2025: windows::SERVER_2025;
}

#[test]
fn every_kind_gets_settings_for_its_own_processors_or_is_refused() {
    let mut table = String::new();
    for edition in KINDS {
        let image = planted(edition);
        let (done, notices) = image.run(all, &asked());
        table.push_str(&format!("{}\n", notices.first().unwrap()));
        if let Err(error) = done {
            table.push_str(&format!("    refused: {error}\n"));
            continue;
        }
        for expression in [
            "//@processorArchitecture",
            "//*[local-name()='ComputerName']/text()",
            "//*[local-name()='ProductKey']/text()",
        ] {
            table.push_str(&format!("    {}\n", found(&image, expression).join(" ")));
        }
        let hidden = found(&image, "//*[local-name()='OOBE']/*");
        table.push_str(&format!("    {} questions hidden\n", hidden.len()));
    }
    insta::assert_snapshot!("every_kind", table);
}

/// What is left when the task is excluded that would have refused it.
fn without_answer_file(context: &mut Context<'_>) -> Result<Done> {
    let root = Root::open(&context.target)?;
    mounted(context, root)?;
    assert_eq!(context.os_family, OsFamily::WindowsLegacy);
    let refused = [
        Task::AssignHostname,
        Task::ChangePassword,
        Task::ConfigureNetwork,
        Task::DisableRemoteDesktopConnections,
        Task::FirstBoot,
    ];
    for task in refused {
        let error = tasks::run(task, context).unwrap_err().to_string();
        assert!(error.contains("before Vista"), "{error}");
    }
    tasks::run(Task::ChangeMachineId, context)
}

#[test]
fn no_task_takes_a_windows_before_vista_for_a_linux() {
    let image = planted(windows::XP);
    let before = image.everything();
    let (done, _) = image.run(without_answer_file, &asked());
    assert!(matches!(done.unwrap(), Done::Skipped(_)));
    assert!(image.everything() == before);
}
