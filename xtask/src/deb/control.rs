//! The control files of a package: who it is, what it needs, what happens at its removal.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;
use snf_image_testkit::tool::Tool;

use super::stage::Stage;
use crate::paths;

/// Files of `packaging/PACKAGE` that are taken as they are where they exist, and their modes.
const FILES: [(&str, u32); 5] = [
    ("conffiles", 0o644),
    ("preinst", 0o755),
    ("postinst", 0o755),
    ("prerm", 0o755),
    ("postrm", 0o755),
];

/// What is put into the templates: `@NAME@` and its value.
#[derive(Debug)]
pub(super) struct Values(Vec<(&'static str, String)>);

impl Values {
    /// Finds out what this package's template asks for.
    pub(super) fn new(version: &str, stage: &Stage) -> Result<Self> {
        let template = template(stage)?;
        let mut values = vec![
            ("@VERSION@", version.to_owned()),
            ("@MAINTAINER@", maintainer()?),
            ("@SIZE@", size(stage)?),
        ];
        if template.contains("@LIBRARIES@") {
            values.push(("@LIBRARIES@", libraries()?));
        }
        if template.contains("@BUILT_USING@") {
            values.push(("@BUILT_USING@", built_using()?));
        }
        Ok(Values(values))
    }

    fn fill(&self, template: &str) -> String {
        let replace = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        self.0.iter().fold(template.to_owned(), replace)
    }
}

/// Writes them.
pub(super) fn write(stage: &Stage, values: &Values) -> Result<()> {
    let control = values.fill(&template(stage)?);
    stage.write(control.as_bytes(), "DEBIAN/control", 0o644)?;
    for (name, mode) in FILES {
        let from = stage.sources().join(name);
        if from.exists() {
            stage.file(&from, &format!("DEBIAN/{name}"), mode)?;
        }
    }
    let sums = Tool::new("md5sum")
        .args(stage.files()?)
        .directory(stage.root())
        .run()?;
    stage.write(sums.as_bytes(), "DEBIAN/md5sums", 0o644)
}

fn template(stage: &Stage) -> Result<String> {
    let path = stage.sources().join("control");
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

/// Who signed the newest entry of the changelog.
fn maintainer() -> Result<String> {
    let said = Tool::new("dpkg-parsechangelog")
        .args(["--show-field", "Maintainer", "--file"])
        .arg(paths::packaging().join("changelog"))
        .run()?;
    Ok(said.trim().to_owned())
}

/// The size in KiB, as Debian's policy counts it.
fn size(stage: &Stage) -> Result<String> {
    let said = Tool::new("du")
        .args(["--summarize", "--apparent-size", "--block-size=1K"])
        .args(["--exclude=DEBIAN"])
        .arg(stage.root())
        .run()?;
    let number = said.split_whitespace().next().context("du said nothing")?;
    Ok(number.to_owned())
}

/// The packages that bring the libraries of the host's program.
fn libraries() -> Result<String> {
    // dpkg-shlibdeps wants to be called inside a source package.
    let work = tempfile::tempdir()?;
    fs::create_dir(work.path().join("debian"))?;
    fs::write(
        work.path().join("debian/control"),
        "Source: snf-image\n\nPackage: snf-image-host\nArchitecture: amd64\n",
    )?;
    let said = Tool::new("dpkg-shlibdeps")
        .arg("-O")
        .arg(paths::snf_image())
        .directory(work.path())
        .run()?;
    let depends = said.trim().strip_prefix("shlibs:Depends=");
    Ok(depends
        .context("dpkg-shlibdeps names no library")?
        .to_owned())
}

/// The sources of what the helper VM is made of, besides ours.
fn built_using() -> Result<String> {
    let path = paths::appliance().join("manifest.json");
    let manifest: Value = serde_json::from_slice(&fs::read(&path)?)?;
    let kernel = manifest
        .get("kernel_source")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (_, kernel) = kernel
        .split_once(' ')
        .context("the helper VM's kernel is from no package")?;
    let mut sources = vec![format!("linux (= {kernel})")];
    let tools = manifest.get("tools").and_then(Value::as_object);
    let said = Tool::new("dpkg-query")
        .args([
            "--showformat=${source:Package} (= ${source:Version})\n",
            "--show",
        ])
        .args(tools.context("the helper VM has no tools")?.keys())
        .arg("libc6:amd64")
        .run()?;
    sources.extend(said.lines().map(str::to_owned));
    sources.sort();
    sources.dedup();
    Ok(sources.join(", "))
}
