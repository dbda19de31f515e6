//! `cargo xtask demo`: deploys a real image, boots the result, logs in and looks around.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use snf_image_testkit::console::Console;
use snf_image_testkit::disk::last_partition;
use snf_image_testkit::ext::Ext;
use snf_image_testkit::machine::Machine;

use crate::command::say;
use crate::job::{GUEST_FILE, HOSTNAME, Job};
use crate::{appliance, build, image, paths, phases, setup};

/// How long the machine may take to its login prompt.
const BOOT: Duration = Duration::from_secs(150);

/// What is asked on the console, and what it is.
const QUESTIONS: [(&str, &str); 7] = [
    ("host name", "hostname"),
    ("root file system", "df -h / | tail -n 1"),
    ("machine id", "cat /etc/machine-id"),
    (
        "host keys",
        "for key in /etc/ssh/ssh_host_*_key; do ssh-keygen -lf $key; done",
    ),
    ("authorized key", "cat /root/.ssh/authorized_keys"),
    (
        "injected file",
        "stat -c '%A %U:%G %n' /opt/demo/hello.txt; cat /opt/demo/hello.txt",
    ),
    ("sshd", "systemctl is-active ssh"),
];

/// Shows the main job on a real image.
pub(crate) fn demo() -> Result<()> {
    let mut clock = Clock::new();
    setup::packages()?;
    build::build()?;
    clock.lap("set-up: packages and programs");
    appliance::ensure()?;
    clock.lap("set-up: the helper VM");
    let image = image::ensure()?;
    clock.lap("set-up: the demo image");

    let directory = paths::target().join("demo");
    fs::create_dir_all(&directory)?;
    let job = Job::prepare(&directory)?;
    let disk = directory.join("disk.raw");
    if disk.exists() {
        fs::remove_file(&disk)?;
    }
    say(&format!(
        "deploying {} onto {}",
        image.display(),
        disk.display()
    ));
    let deployment = job.deploy(&image, &disk)?;
    clock.lap("deployment");

    say("booting the result");
    let before = facts_of_image(&image)?;
    let mut machine = Machine::boot(&disk)?;
    machine.console.login("root", &job.password, BOOT)?;
    clock.lap("boot of the result, and login with the new password");
    let answers = ask(&mut machine.console)?;
    check(&mut machine.console, &answers, &before)?;
    machine.console.send_line("poweroff")?;
    machine.wait_for_power_off()?;
    clock.lap("a look around, and power-off");

    println!("\nThe deployment:\n{}", phases::table(&deployment));
    println!("Everything:\n{}", clock.table());
    println!(
        "The disk is {}; root's password is {}.",
        disk.display(),
        job.password
    );
    Ok(())
}

/// Asks every question and prints the answers.
fn ask(console: &mut Console) -> Result<Vec<String>> {
    println!();
    let mut answers = Vec::new();
    for (name, command) in QUESTIONS {
        let answer = console.run(command)?;
        for (at, line) in answer.lines().enumerate() {
            let name = if at == 0 { name } else { "" };
            println!("{name:<17} {line}");
        }
        answers.push(answer);
    }
    println!();
    Ok(answers)
}

/// What must not be found again.
fn facts_of_image(image: &Path) -> Result<Vec<String>> {
    let root = Ext::at(image, last_partition(image)?.offset());
    let names = ["/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key.pub"];
    names
        .into_iter()
        .map(|name| Ok(root.text(name)?.trim().to_owned()))
        .collect()
}

fn check(console: &mut Console, answers: &[String], before: &[String]) -> Result<()> {
    let said = answers.join("\n");
    ensure!(said.contains(HOSTNAME), "the host name is not {HOSTNAME}");
    ensure!(
        said.contains("Hello from outside."),
        "{GUEST_FILE} is not as it was given"
    );
    ensure!(
        said.contains("-rw-r----- root:root"),
        "{GUEST_FILE} has other permissions"
    );
    ensure!(
        said.ends_with("active") && !said.ends_with("inactive"),
        "sshd does not run"
    );
    let bytes: u64 = console
        .run("df --output=size -B1 / | tail -n 1")?
        .trim()
        .parse()?;
    ensure!(
        bytes > 5 << 30,
        "the root file system has only {bytes} bytes"
    );
    for name in ["/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key.pub"] {
        let now = console.run(&format!("cat {name}"))?;
        ensure!(
            !before.contains(&now.trim().to_owned()),
            "{name} is still the image's"
        );
    }
    Ok(())
}

/// Takes the times of consecutive phases.
struct Clock {
    last: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Clock {
    fn new() -> Self {
        Clock {
            last: Instant::now(),
            laps: Vec::new(),
        }
    }

    fn lap(&mut self, name: &'static str) {
        self.laps.push((name, self.last.elapsed()));
        self.last = Instant::now();
    }

    fn table(&self) -> String {
        self.laps
            .iter()
            .map(|(name, lasted)| format!("{:8.2} s  {name}\n", lasted.as_secs_f64()))
            .collect()
    }
}
