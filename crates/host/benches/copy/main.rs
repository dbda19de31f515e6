//! How long an image takes to be a disk: our copy, in its confined process, beside the tools
//! that do the same. Everybody takes turns, and flushes.
//!
//! To be run by `cargo xtask bench copy`, which gives SNF_DEMO_IMAGE, a raw image with holes,
//! and SNF_BENCH_RUNS.
// SPDX-License-Identifier: BSD-2-Clause
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark may stop at the first surprise, and says its numbers"
)]

mod cases;
mod server;
mod ways;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cases::{CASES, Case};
use ways::{Taken, Way, timed};

fn main() {
    let variable = std::env::var_os("SNF_DEMO_IMAGE");
    let image = PathBuf::from(variable.expect("run `cargo xtask bench copy`"));
    let runs = std::env::var("SNF_BENCH_RUNS").map_or(5, |runs| runs.parse().unwrap());
    let only = std::env::var("SNF_BENCH_ONLY").unwrap_or_default();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    println!(
        "| image | way | s, median of {runs} | lowest | highest | processor s | ours is faster by |"
    );
    println!("|---|---|---|---|---|---|---|");
    for case in CASES.iter().filter(|case| case.name.contains(&only)) {
        measure(case, &image, folder.path(), runs);
    }
}

fn measure(case: &Case, image: &Path, folder: &Path, runs: usize) {
    let made = folder.join("image");
    let disk = folder.join("disk");
    case.make(image, &made);
    let url = (case.by_url).then(|| format!("http://{}/image", server::start(made.clone())));
    let ours = [Way::Ours(case.format)];
    let ways: Vec<Way> = (ours.into_iter())
        .chain(case.others.iter().copied().map(Way::Tool))
        .collect();
    let mut taken = vec![Vec::new(); ways.len()];
    for _ in 0..runs {
        for (way, taken) in ways.iter().zip(&mut taken) {
            taken.push(timed(way, &made, &disk, url.as_deref()));
        }
    }
    let time = |taken: &Taken| taken.time;
    let ours = median(taken.first().unwrap(), time);
    for (way, taken) in ways.iter().zip(&taken) {
        let factor = match way {
            Way::Ours(_) => String::new(),
            Way::Tool(_) => format!("{:.2} ×", median(taken, time).div_duration_f64(ours)),
        };
        println!(
            "| {} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {factor} |",
            case.name,
            way.name(),
            median(taken, time).as_secs_f64(),
            taken.iter().map(time).min().unwrap().as_secs_f64(),
            taken.iter().map(time).max().unwrap().as_secs_f64(),
            median(taken, |taken| taken.processor).as_secs_f64(),
        );
    }
    std::fs::remove_file(&made).unwrap();
}

fn median(taken: &[Taken], of: impl Fn(&Taken) -> Duration) -> Duration {
    let mut sorted: Vec<Duration> = taken.iter().map(of).collect();
    sorted.sort();
    *sorted.get(sorted.len() / 2).unwrap()
}
