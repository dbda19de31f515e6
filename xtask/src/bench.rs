//! `cargo xtask bench`: times the demo's job, or the copy alone, and the same done by other tools.
// SPDX-License-Identifier: BSD-2-Clause

mod peers;
mod sample;
mod tasks;

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::command::{cargo, run, say};
use crate::job::Job;
use crate::phases::{self, Phase};
use crate::{appliance, build, image, packages, paths, setup};
use peers::Peer;
use sample::{Sample, median};

/// Runs everybody's job `runs` times, taking turns, so that what else the machine does hits
/// all alike, and prints the medians.
pub(crate) fn deploy(runs: u32, alone: bool) -> Result<()> {
    build::build()?;
    appliance::ensure()?;
    let image = image::ensure()?;
    let work = tempfile::Builder::new()
        .prefix("bench.")
        .tempdir_in(paths::target())?;
    let job = Job::prepare(work.path())?;
    let target = work.path().join("disk.raw");

    let peers = if alone {
        Vec::new()
    } else {
        peers::installed()
    };
    let mut ours: Vec<(Sample, Vec<Phase>)> = Vec::new();
    let mut idle: Vec<Vec<Phase>> = Vec::new();
    let mut theirs: Vec<(Peer, Vec<Sample>)> =
        peers.into_iter().map(|peer| (peer, Vec::new())).collect();
    for run in 1..=runs {
        say(&format!("run {run} of {runs}"));
        ours.push(fresh(&target, || job.deploy(&image, &target))?);
        idle.push(fresh(&target, || job.deploy_idly(&image, &target))?.1);
        for (peer, samples) in &mut theirs {
            match fresh(&target, || peer.deploy(&job, &image, &target)) {
                Ok((sample, ())) => samples.push(sample),
                Err(error) => println!("failed: {}: {}", peer.name, last_line(&error)),
            }
        }
    }
    ours.sort_by(|one, other| one.0.wall.total_cmp(&other.0.wall));
    if let Some((sample, phases)) = ours.get(ours.len() / 2) {
        println!(
            "The median run, {:.2} s:\n{}",
            sample.wall,
            phases::table(phases)
        );
    }
    let busy: Vec<_> = ours.iter().map(|(_, phases)| phases.as_slice()).collect();
    println!("{}", tasks::table(&busy, &idle));
    let ours: Vec<_> = ours.into_iter().map(|(sample, _)| sample).collect();
    println!("median s (lowest-highest)     CPU s  of {runs} runs");
    println!("{}  snf-image deploy", median(&ours));
    for (peer, samples) in theirs.iter().filter(|(_, samples)| !samples.is_empty()) {
        println!("{}  {}", median(samples), peer.name);
    }
    Ok(())
}

/// Times the copy of images of every form (crates/host/benches/copy).
pub(crate) fn copy(runs: u32) -> Result<()> {
    setup::install_missing(packages::COPYING)?;
    let image = image::ensure()?;
    run(cargo()
        .args(["bench", "--quiet", "--package", "snf-image-host"])
        .args(["--bench", "copy"])
        .env("SNF_DEMO_IMAGE", image)
        .env("SNF_BENCH_RUNS", runs.to_string()))
}

/// What a failed tool said last: its whole script stands before that.
fn last_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.lines().last().unwrap_or_default().to_owned()
}

/// Times a job whose target does not exist, with nothing left to write from before.
fn fresh<T>(target: &Path, job: impl FnOnce() -> Result<T>) -> Result<(Sample, T)> {
    if target.exists() {
        fs::remove_file(target)?;
    }
    rustix::fs::sync();
    sample::take(job)
}
