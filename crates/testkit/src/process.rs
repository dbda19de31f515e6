//! Looks at running processes through /proc.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a process that is to appear is looked for. /proc has no events.
const INTERVAL: Duration = Duration::from_millis(5);

/// A field of /proc/PID/status (proc_pid_status(5)), for example `CapEff` or `VmHWM`.
///
/// # Errors
/// When the process is gone or has no such field.
pub fn status(pid: u32, field: &str) -> Result<String> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| *name == field)
        .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
        .with_context(|| format!("{path} has no {field}"))
}

/// The largest memory that a process ever had resident, in KiB.
///
/// # Errors
/// When it is gone.
pub fn peak_memory(pid: u32) -> Result<u64> {
    let value = status(pid, "VmHWM")?;
    let number = value.split(' ').next().unwrap_or_default();
    number.parse().with_context(|| format!("a size: {value}"))
}

/// The arguments of a process, its name first; empty when it is gone.
#[must_use]
pub fn command_line(pid: u32) -> Vec<String> {
    fs::read(format!("/proc/{pid}/cmdline"))
        .unwrap_or_default()
        .split(|byte| *byte == 0)
        .filter(|argument| !argument.is_empty())
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect()
}

/// The processes that a process has started and that are still there, theirs included.
#[must_use]
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut next = children(pid);
    while let Some(child) = next.pop() {
        next.extend(children(child));
        found.push(child);
    }
    found
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Waits until a process has a descendant whose program's name contains `name`.
///
/// # Errors
/// When there is none within `limit`.
pub fn wait_for_descendant(pid: u32, name: &str, limit: Duration) -> Result<u32> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        let found = descendants(pid).into_iter().find(|child| {
            command_line(*child)
                .first()
                .is_some_and(|program| program.contains(name))
        });
        if let Some(child) = found {
            return Ok(child);
        }
        std::thread::sleep(INTERVAL);
    }
    bail!("process {pid} has started no {name} within {limit:?}")
}

/// Waits until a field of /proc/PID/status has this value.
///
/// # Errors
/// When it has another one after `limit`, or the process is gone.
pub fn wait_for_status(pid: u32, field: &str, value: &str, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        let now = status(pid, field)?;
        if now == value {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{field} of process {pid} is {now}, not {value}");
        }
        std::thread::sleep(INTERVAL);
    }
}

/// The network devices that a process sees.
///
/// # Errors
/// When it is gone.
pub fn network_devices(pid: u32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/net/dev"))?;
    Ok(text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim().to_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_is_found_and_described() {
        let me = std::process::id();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let found = wait_for_descendant(me, "sleep", Duration::from_secs(20)).unwrap();
        assert_eq!(found, child.id());
        assert_eq!(command_line(found), ["sleep", "60"]);
        assert_eq!(status(found, "PPid").unwrap(), me.to_string());
        assert!(peak_memory(found).unwrap() > 0);
        assert!(network_devices(found).unwrap().contains(&"lo".to_owned()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(status(found, "PPid").is_err());
    }
}
