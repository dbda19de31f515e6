//! What Windows does itself when its setup is done: scripts that run once and leave nothing.
//!
//! Setup runs `SetupComplete.cmd` as the system before anybody can log on. A few lines at its
//! beginning run our script, which runs the steps in the order of their names, and remove all
//! that could hold a password. What the image had in that file stays behind these lines.
// SPDX-License-Identifier: BSD-2-Clause

mod batch;
pub mod network;
mod steps;

pub use batch::with_ours;
pub use steps::{accounts, administrators_keys, grow_volume, remote_desktop, win_rm};

use crate::error::Result;
use crate::guest::root::{Attributes, FILE_LIMIT, Root};

/// What setup runs at its end.
pub const SETUP_COMPLETE: &str = "/Windows/Setup/Scripts/SetupComplete.cmd";

/// Where our script and its steps lie until they have run.
pub const DIRECTORY: &str = "/Windows/Setup/Scripts/snf-image";

/// The script that runs the steps.
const RUNNER: &str = "first-boot.ps1";

/// It writes how each step ended to `Panther\snf-image.log`, overwrites each with zeroes before
/// it is removed, and the answer files that it is given as arguments too: the content of a small
/// file would else stay readable in NTFS' table of files. It works with PowerShell 2.0, which
/// Windows 7 and Server 2008 R2 bring.
const RUNNER_TEXT: &str = r"# Runs once, at the end of Windows Setup.
$here = Split-Path -Parent $MyInvocation.MyCommand.Path
$log = Join-Path $env:SystemRoot 'Panther\snf-image.log'
function Say([string]$text) {
    $line = '{0:yyyy-MM-dd HH:mm:ss} {1}' -f (Get-Date), $text
    Add-Content -LiteralPath $log -Value $line -Encoding UTF8
}
function Wipe([string]$path) {
    if (-not (Test-Path -LiteralPath $path)) { return }
    try {
        $file = [IO.File]::Open($path, 'Open', 'Write', 'None')
        try {
            $zeroes = New-Object byte[] ([int]$file.Length)
            $file.Write($zeroes, 0, $zeroes.Length)
            $file.Flush()
        } finally { $file.Close() }
    } catch { Say ('could not overwrite ' + $path) }
    Remove-Item -LiteralPath $path -Force -ErrorAction SilentlyContinue
}
$steps = Get-ChildItem -LiteralPath $here | Where-Object { $_.Name -match '^[0-9]{2}-.*\.(ps1|cmd)$' }
foreach ($step in ($steps | Sort-Object Name)) {
    try {
        $global:LASTEXITCODE = 0
        & $step.FullName | Out-Null
        if ($global:LASTEXITCODE -ne 0) { throw ('exit code ' + $global:LASTEXITCODE) }
        Say ($step.Name + ': done')
    } catch {
        Say ($step.Name + ': failed: ' + $_.Exception.Message)
    } finally {
        Wipe $step.FullName
    }
}
foreach ($path in $args) { Wipe $path }
";

/// Nobody but the system's own accounts needs to read it.
const PRIVATE: Attributes = Attributes::of_root(0o600);
const FOLDER: Attributes = Attributes::of_root(0o700);

/// Puts a step there, and what runs it. The name begins with two digits, and ends with `.ps1` or
/// `.cmd`.
///
/// # Errors
/// When a file cannot be written.
pub fn add(root: &Root, name: &str, content: &[u8]) -> Result<()> {
    install(root)?;
    root.install(format!("{DIRECTORY}/{name}"), content, PRIVATE)
}

/// Sees to it that setup runs our script, and removes at its end the answer files that may hold a
/// password.
///
/// # Errors
/// When a file cannot be written.
pub fn install(root: &Root) -> Result<()> {
    root.make_directories(DIRECTORY, FOLDER)?;
    root.install(
        format!("{DIRECTORY}/{RUNNER}"),
        &lines(RUNNER_TEXT),
        PRIVATE,
    )?;
    let old = root.read(SETUP_COMPLETE, FILE_LIMIT)?.unwrap_or_default();
    let new = with_ours(&old);
    if new == old {
        return Ok(());
    }
    root.rewrite(SETUP_COMPLETE, &new, Attributes::of_root(0o644))
}

/// Lines as Windows ends them.
#[must_use]
pub fn lines(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

#[cfg(test)]
mod tests;
