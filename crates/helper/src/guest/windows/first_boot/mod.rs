//! What Windows does itself when its setup is done: scripts that run once and leave nothing.
//!
//! Setup runs `SetupComplete.cmd` as the system before anybody can log on. A few lines at its
//! beginning run our script, which runs the steps in the order of their names, and remove all
//! that could hold a password. What the image had in that file stays behind these lines. What has
//! to come after Cloudbase-Init of the image, that runs by the same script among its own.
// SPDX-License-Identifier: BSD-2-Clause

mod batch;
pub mod network;
mod steps;

pub use batch::with_ours;
pub use steps::{
    Administrator, accounts, administrators_keys, grow_volume, remote_desktop, win_rm,
};

use crate::error::Result;
use crate::guest::root::{Attributes, FILE_LIMIT, Root};

/// What setup runs at its end.
pub const SETUP_COMPLETE: &str = "/Windows/Setup/Scripts/SetupComplete.cmd";

/// Where our script and its steps lie until they have run.
pub const DIRECTORY: &str = "/Windows/Setup/Scripts/snf-image";

/// The same for those that run after Cloudbase-Init.
pub const LAST_DIRECTORY: &str = "/Windows/Setup/Scripts/snf-image-last";

/// Our script among those of Cloudbase-Init, which runs them by their names: it is the first, because one that
/// restarts the machine keeps the others from running.
pub const LAST_SCRIPT: &str = "00-snf-image.ps1";

/// What it says. Cloudbase-Init takes some exit codes as a wish to be restarted (its documentation, "Userdata").
const LAST_TEXT: &str = r"# Runs once, when Cloudbase-Init has done all else.
$directory = Join-Path $env:SystemRoot 'Setup\Scripts\snf-image-last'
& (Join-Path $directory 'first-boot.ps1')
Remove-Item -LiteralPath $directory -Recurse -Force
Remove-Item -LiteralPath $MyInvocation.MyCommand.Path -Force
exit 0
";

/// When a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment<'a> {
    /// At the end of Windows Setup.
    EndOfSetup,
    /// When Cloudbase-Init has set passwords: it runs the scripts in this directory then.
    AfterCloudbaseInit(&'a str),
}

/// The script that runs the steps.
const RUNNER: &str = "first-boot.ps1";

/// It writes how each step ended to `Panther\snf-image.log`, overwrites each with zeroes before
/// it is removed, and the answer files that it is given as arguments too: the content of a small
/// file would else stay readable in NTFS' table of files. Zeroes that are not written through to the disk may never reach
/// it, as the file is gone right after that. It works with PowerShell 2.0, which
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
        $file = New-Object IO.FileStream($path, [IO.FileMode]::Open, [IO.FileAccess]::Write, [IO.FileShare]::None, 4096, [IO.FileOptions]::WriteThrough)
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

/// On a volume of Windows a file gets the access list that its directory passes on.
const PRIVATE: Attributes = Attributes::of_root(0o600);

/// Puts a step there, and what runs it. The name begins with two digits, and ends with `.ps1` or
/// `.cmd`.
///
/// # Errors
/// When a file cannot be written.
pub fn add(root: &Root, moment: Moment<'_>, name: &str, content: &[u8]) -> Result<()> {
    let directory = match moment {
        Moment::EndOfSetup => {
            install(root)?;
            DIRECTORY
        }
        Moment::AfterCloudbaseInit(scripts) => {
            install_runner(root, LAST_DIRECTORY)?;
            root.make_directories(scripts, Attributes::of_root(0o755))?;
            let script = format!("{scripts}/{LAST_SCRIPT}");
            root.install(script, &lines(LAST_TEXT), PRIVATE)?;
            LAST_DIRECTORY
        }
    };
    root.install(format!("{directory}/{name}"), content, PRIVATE)
}

/// Sees to it that setup runs our script, and removes at its end the answer files that may hold a
/// password.
///
/// # Errors
/// When a file cannot be written.
pub fn install(root: &Root) -> Result<()> {
    install_runner(root, DIRECTORY)?;
    let old = root.read(SETUP_COMPLETE, FILE_LIMIT)?.unwrap_or_default();
    let new = with_ours(&old);
    if new == old {
        return Ok(());
    }
    root.rewrite(SETUP_COMPLETE, &new, Attributes::of_root(0o644))
}

fn install_runner(root: &Root, directory: &str) -> Result<()> {
    root.make_private_directory(directory)?;
    let runner = format!("{directory}/{RUNNER}");
    root.install(runner, &lines(RUNNER_TEXT), PRIVATE)
}

/// Lines as Windows ends them.
#[must_use]
pub fn lines(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

#[cfg(test)]
mod tests;
