//! The steps that are always the same but for a few texts.
// SPDX-License-Identifier: BSD-2-Clause

use zeroize::Zeroizing;

use super::lines;
use crate::guest::windows::power_shell::text;

/// Stops a step at its first fault, and runs a program that must succeed.
const START: &str = "$ErrorActionPreference = 'Stop'
function Run([string]$program) {
    & $program @args | Out-Null
    if ($LASTEXITCODE -ne 0) { throw ($program + ' failed with exit code ' + $LASTEXITCODE) }
}
";

/// The file for keys of administrators in the OpenSSH server of Windows, readable by nobody else:
/// the server ignores it otherwise. Accounts are named by their numbers (Local System,
/// Administrators, Authenticated Users), which are the same in every language.
const KEYS: &str = "$directory = Join-Path $env:ProgramData 'ssh'
$file = Join-Path $directory 'administrators_authorized_keys'
if (-not (Test-Path -LiteralPath $directory)) {
    New-Item -ItemType Directory -Path $directory | Out-Null
    Run 'icacls.exe' $directory '/inheritance:r' '/grant' '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-11:(OI)(CI)RX'
}
$old = @()
if (Test-Path -LiteralPath $file) { $old = [IO.File]::ReadAllLines($file) }
$new = @($old) + @($keys.Split([char]10) | Where-Object { $old -notcontains $_ })
$none = New-Object Text.UTF8Encoding $false
[IO.File]::WriteAllText($file, ([string]::Join(\"`n\", $new) + \"`n\"), $none)
Run 'icacls.exe' $file '/inheritance:r' '/grant' '*S-1-5-18:F' '*S-1-5-32-544:F'
";

const WIN_RM: &str =
    "if ((Get-Command Enable-PSRemoting).Parameters.ContainsKey('SkipNetworkProfileCheck')) {
    Enable-PSRemoting -Force -SkipNetworkProfileCheck | Out-Null
} else {
    Enable-PSRemoting -Force | Out-Null
}
Set-Service -Name WinRM -StartupType Automatic
";

/// diskpart.exe takes its commands from a file (Microsoft, "diskpart"; `extend filesystem` is for a volume whose
/// partition is larger already).
const VOLUME: &str = "$commands = [IO.Path]::GetTempFileName()
try {
    [IO.File]::WriteAllLines($commands, [string[]]@(('select volume ' + $env:SystemDrive.Substring(0, 1)), 'extend filesystem'))
    Run 'diskpart.exe' '/s' $commands
} finally {
    Remove-Item -LiteralPath $commands
}
";

/// What is done to the account of the administrator, whatever its name is: that with the number 500. Desktop releases
/// switch it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Administrator {
    /// Nothing.
    Left,
    /// It is switched on; setup gives it the password.
    SwitchedOn,
    /// It gets the password, and is switched on.
    Given,
}

/// Gives accounts that the image has the password, and switches them on.
#[must_use]
pub fn accounts(
    users: &[&str],
    password: &str,
    administrator: Administrator,
) -> Zeroizing<Vec<u8>> {
    let mut script = Zeroizing::new(String::with_capacity(4096));
    script.push_str(START);
    script.push_str(
        "function Enable([string]$name) {
    Run 'net.exe' 'user' $name '/active:yes' '/expires:never' '/passwordreq:yes'
}
function Give([string]$name) {
    ([ADSI]('WinNT://./' + $name + ',user')).SetPassword($password)
    Enable $name
}
",
    );
    let gives = administrator == Administrator::Given || !users.is_empty();
    if gives {
        script.push_str("$password = ");
        script.push_str(&text(password));
        script.push('\n');
    }
    let verb = match administrator {
        Administrator::Left => None,
        Administrator::SwitchedOn => Some("Enable"),
        Administrator::Given => Some("Give"),
    };
    if let Some(verb) = verb {
        script.push_str(
            "$all = Get-WmiObject Win32_UserAccount -Filter 'LocalAccount = True'
$all | Where-Object { $_.SID -like 'S-1-5-21-*-500' } | ForEach-Object { ",
        );
        script.push_str(verb);
        script.push_str(" $_.Name }\n");
    }
    for user in users {
        script.push_str("$name = ");
        script.push_str(&text(user));
        script.push_str("\nGive $name\n");
    }
    Zeroizing::new(lines(&script))
}

/// Lets the keys, one a line, log in as any administrator.
#[must_use]
pub fn administrators_keys(keys: &[&str]) -> Vec<u8> {
    let keys = text(&keys.join("\n"));
    lines(&format!("{START}$keys = {}\n{KEYS}", keys.as_str()))
}

/// Grows the volume that Windows runs from into its partition.
#[must_use]
pub fn grow_volume() -> Vec<u8> {
    lines(&format!("{START}{VOLUME}"))
}

/// Switches remote management on.
#[must_use]
pub fn win_rm() -> Vec<u8> {
    lines(&format!("{START}{WIN_RM}"))
}

/// Gives the switch of Remote Desktop the value that it had in the image.
#[must_use]
pub fn remote_desktop(denied: u32) -> Vec<u8> {
    lines(&format!(
        "{START}Set-ItemProperty -LiteralPath 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server' \
         -Name fDenyTSConnections -Value {denied} -Type DWord\n"
    ))
}
