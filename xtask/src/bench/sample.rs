//! Time and processor time of one run, and the middle of several.
// SPDX-License-Identifier: BSD-2-Clause

use std::time::Instant;

use anyhow::Result;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};

/// What one run took, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// From start to end.
    pub(super) wall: f64,
    /// In user and system mode, of all the processes that were waited for.
    pub(super) processor: f64,
}

/// Runs and measures.
pub(super) fn take<T>(job: impl FnOnce() -> Result<T>) -> Result<(Sample, T)> {
    let before = processor()?;
    let begin = Instant::now();
    let result = job()?;
    let wall = begin.elapsed().as_secs_f64();
    let processor = processor()? - before;
    Ok((Sample { wall, processor }, result))
}

/// The median by time, lowest and highest, as columns.
pub(super) fn median(samples: &[Sample]) -> String {
    let mut walls: Vec<_> = samples.iter().map(|sample| sample.wall).collect();
    let mut processors: Vec<_> = samples.iter().map(|sample| sample.processor).collect();
    walls.sort_by(f64::total_cmp);
    processors.sort_by(f64::total_cmp);
    let at = |values: &[f64], index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    format!(
        "{:8.2} ({:.2}-{:.2}) {:>14.2}",
        at(&walls, walls.len() / 2),
        at(&walls, 0),
        at(&walls, walls.len().saturating_sub(1)),
        at(&processors, processors.len() / 2),
    )
}

/// The processor time of all children that have ended, in seconds.
fn processor() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn seconds(time: TimeVal) -> f64 {
    std::time::Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or(0))
        .as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_run_counts() {
        let sample = |wall| Sample {
            wall,
            processor: wall / 2.0,
        };
        let text = median(&[sample(3.0), sample(9.0), sample(1.0)]);
        assert_eq!(
            text.split_whitespace().collect::<Vec<_>>(),
            ["3.00", "(1.00-9.00)", "1.50"]
        );
    }

    #[test]
    fn the_processor_time_of_a_child_is_counted() {
        let (sample, ()) = take(|| {
            let script = "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done";
            std::process::Command::new("sh")
                .args(["-c", script])
                .status()?;
            Ok(())
        })
        .unwrap();
        assert!(sample.processor > 0.0 && sample.wall > 0.0);
    }
}
