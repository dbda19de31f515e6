//! Our lines in `SetupComplete.cmd`. They hold nothing that anybody could choose.
// SPDX-License-Identifier: BSD-2-Clause

use crate::guest::windows::answer_file::PLACES;

const BEGIN: &str = "@rem snf-image: begin";
const END: &str = "@rem snf-image: end";

/// A batch file that removes itself, which is only right where nothing else is in it.
const REMOVE_ITSELF: &str = "@(goto) 2>nul & del /f /q \"%~f0\"";

/// The content of the file with our lines first, in place of those that it has already. What
/// removes passwords does not need PowerShell, which an old Server Core lacks.
#[must_use]
pub fn with_ours(old: &[u8]) -> Vec<u8> {
    let rest = without_ours(old);
    let files: Vec<_> = PLACES.iter().map(|place| of_windows(place)).collect();
    let files: Vec<_> = files.iter().map(|file| format!("\"{file}\"")).collect();
    let directory = "%SystemRoot%\\Setup\\Scripts\\snf-image";
    let mut lines = vec![
        BEGIN.to_owned(),
        format!(
            "@\"%SystemRoot%\\System32\\WindowsPowerShell\\v1.0\\powershell.exe\" -NoLogo -NoProfile \
             -NonInteractive -ExecutionPolicy Bypass -File \"{directory}\\first-boot.ps1\" {}",
            files.join(" ")
        ),
    ];
    lines.extend((files.iter()).map(|file| format!("@if exist {file} del /f /q {file}")));
    lines.push(format!("@rd /s /q \"{directory}\""));
    if rest.iter().all(u8::is_ascii_whitespace) {
        lines.push(REMOVE_ITSELF.to_owned());
    }
    lines.push(END.to_owned());
    lines.push(String::new());
    let mut new = lines.join("\r\n").into_bytes();
    new.extend(rest);
    new
}

/// Takes out what an earlier deployment of the same disk has put in.
fn without_ours(old: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(old.len());
    let mut is_ours = false;
    for line in old.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.trim_ascii();
        is_ours |= bare == BEGIN.as_bytes();
        if !is_ours {
            kept.extend_from_slice(line);
        }
        is_ours &= bare != END.as_bytes();
    }
    kept
}

/// A path of the image as Windows spells it, with the variables that hold on every machine.
fn of_windows(path: &str) -> String {
    let path = match path.strip_prefix("/Windows/") {
        Some(inside) => format!("%SystemRoot%\\{inside}"),
        None => format!("%SystemDrive%{path}"),
    };
    path.replace('/', "\\")
}
