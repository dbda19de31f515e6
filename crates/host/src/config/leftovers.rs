//! Configuration files of earlier releases that are not read any more: says so, by name.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use super::file::read;
use super::{Settings, obsolete, os_parameters};
use crate::shell_syntax::parse;

/// The file that told `snf-image-update-helper` where to download a helper.
const UPDATE_HELPER: &str = "default/snf-image-update-helper";

/// The directory of the files of back-ends for sources, some of which may still be in use, and
/// that of kinds of disks.
const BACKENDS: [&str; 2] = ["snf-image/backends/src", "snf-image/backends/dst"];

/// One line for each setting in such a file below `etc`, and for each file that switched
/// something by being there. What belongs to a back-end that is there is none.
pub(super) fn warnings(etc: &Path, settings: &Settings) -> Vec<String> {
    let mut warnings = settings_of(&etc.join(UPDATE_HELPER));
    for directory in BACKENDS {
        let directory = etc.join(directory);
        for file in files(&directory) {
            if directory == settings.backends_config_dir && has_backend(&file, settings) {
                continue;
            }
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("conf") => warnings.extend(settings_of(&file)),
                Some("priority" | "disabled") => warnings.push(format!(
                    "{} has no effect: the form of img_id decides where the image comes from, \
                     and the kind of the disk how it is written; there is no such back-end in \
                     BACKENDS_DIR; remove the file",
                    file.display()
                )),
                _ => {}
            }
        }
    }
    warnings
}

/// Whether a file belongs to a program in BACKENDS_DIR.
fn has_backend(file: &Path, settings: &Settings) -> bool {
    (file.file_stem()).is_some_and(|name| settings.backends_dir.join(name).exists())
}

/// The files of a directory in the order of their names; none where there is no such directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn settings_of(path: &Path) -> Vec<String> {
    let shown = path.display();
    if !path.exists() {
        return Vec::new();
    }
    let assignments = read(path).ok().and_then(|text| parse(&text).ok());
    let Some(assignments) = assignments else {
        return vec![format!(
            "{shown} is not read any more: set what is still needed in /etc/default/snf-image"
        )];
    };
    let describe = |name: &str| {
        let is_setting = Settings::default()
            .show()
            .iter()
            .any(|(known, _)| *known == name);
        if is_setting || os_parameters::named(name).is_some() {
            "this file is not read any more; set it in /etc/default/snf-image"
        } else {
            obsolete::reason(name).unwrap_or("this file is not read any more")
        }
    };
    let lines = assignments.iter().map(|given| {
        let (line, name) = (given.line, &given.name);
        format!(
            "{shown}: line {line}: {name} has no effect: {}",
            describe(name)
        )
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The warnings of a node without back-ends.
    fn none(etc: &Path) -> Vec<String> {
        let settings = Settings {
            backends_dir: etc.join("nothing"),
            backends_config_dir: etc.join("snf-image/backends/src"),
            ..Settings::default()
        };
        warnings(etc, &settings)
    }

    #[test]
    fn what_belongs_to_a_back_end_is_no_leftover() {
        let etc = tempfile::tempdir().unwrap();
        let files = etc.path().join("snf-image/backends/src");
        fs::create_dir_all(&files).unwrap();
        for name in ["pithos.conf", "pithos.priority", "network.disabled"] {
            fs::write(files.join(name), "PITHOS_DB=x\n").unwrap();
        }
        assert_eq!(none(etc.path()).len(), 3);
        fs::create_dir_all(etc.path().join("nothing/pithos")).unwrap();
        let [warning] = none(etc.path()).try_into().unwrap();
        assert!(warning.contains("network.disabled"), "{warning}");
    }

    #[test]
    fn a_fresh_node_gets_no_warning_and_neither_do_comments() {
        let etc = tempfile::tempdir().unwrap();
        assert_eq!(none(etc.path()), Vec::<String>::new());
        fs::create_dir(etc.path().join("default")).unwrap();
        fs::write(etc.path().join(UPDATE_HELPER), "# HELPER_URL=x\n").unwrap();
        assert_eq!(none(etc.path()), Vec::<String>::new());
    }

    #[test]
    fn every_file_of_an_earlier_release_is_named_with_what_takes_its_place() {
        let etc = tempfile::tempdir().unwrap();
        for (file, text) in [
            (UPDATE_HELPER, "HELPER_URL=https://example.org/x\n"),
            (
                "snf-image/backends/src/local.conf",
                "#DD=dd\nIMAGE_DIR=/srv\n",
            ),
            ("snf-image/backends/src/network.disabled", ""),
            ("snf-image/backends/src/pithos.conf", "PITHOS_DB=$(x)\n"),
            ("snf-image/backends/dst/rbd.conf", "RBD_BLOCK_SIZE=1\n"),
            ("snf-image/backends/dst/local.priority", "10\n"),
            ("snf-image/backends/dst/README", ""),
        ] {
            let path = etc.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = none(etc.path());
        for (warning, words) in found.iter().zip([
            [
                "snf-image-update-helper: line 1: HELPER_URL",
                "snf-image-update-helper and checked",
            ],
            [
                "src/local.conf: line 2: IMAGE_DIR",
                "set it in /etc/default/snf-image",
            ],
            ["src/network.disabled", "img_id decides"],
            ["src/pithos.conf is not read", "/etc/default/snf-image"],
            ["dst/local.priority", "has no effect"],
            ["dst/rbd.conf: line 1: RBD_BLOCK_SIZE", "access=kernelspace"],
        ]) {
            for word in words {
                assert!(warning.contains(word), "no {word:?} in {warning}");
            }
        }
        assert_eq!(found.len(), 6, "{found:?}");
    }
}
