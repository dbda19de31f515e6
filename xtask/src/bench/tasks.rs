//! What each task of the helper costs, and all of them beside a helper that has none.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Write as _;

use crate::phases::Phase;

/// What a deployment says when the copy is flushed; the phase lasts until the helper VM is off.
const HELPING: &str = "the helper customises the disk";

/// The medians of every task in runs with tasks, and of the phase in which the helper works, with
/// tasks and without.
pub(super) fn table(busy: &[&[Phase]], idle: &[Vec<Phase>]) -> String {
    let mut text = String::from("    median  task\n");
    let names = busy.first().copied().unwrap_or_default();
    for name in names.iter().map(|phase| &phase.name) {
        if is_task(name) {
            let lasts = middle(busy.iter().filter_map(|phases| lasts(phases, name)));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{lasts:8.3} s{name}");
        }
    }
    let with = middle(busy.iter().filter_map(|phases| helping(phases)));
    let without = middle(idle.iter().filter_map(|phases| helping(phases)));
    let _ = writeln!(
        text,
        "The helper took {with:.2} s with its tasks and {without:.2} s with none: they cost {:.2} s.",
        with - without
    );
    text
}

fn is_task(name: &str) -> bool {
    name.starts_with(' ')
}

fn lasts(phases: &[Phase], name: &str) -> Option<f64> {
    let phase = phases.iter().find(|phase| phase.name == name);
    phase.map(|phase| phase.seconds)
}

fn helping(phases: &[Phase]) -> Option<f64> {
    lasts(phases, HELPING)
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(helping: f64, task: Option<f64>) -> Vec<Phase> {
        let phase = |name: &str, seconds| Phase {
            name: name.to_owned(),
            begin: 0.0,
            seconds,
        };
        let mut phases = vec![phase("copying", 9.0), phase(HELPING, helping)];
        phases.extend(task.map(|seconds| phase("  MountImage", seconds)));
        phases
    }

    #[test]
    fn the_tasks_cost_what_a_helper_without_them_does_not_take() {
        let busy = [
            run(3.0, Some(0.5)),
            run(2.0, Some(0.25)),
            run(9.0, Some(0.75)),
        ];
        let busy: Vec<_> = busy.iter().map(Vec::as_slice).collect();
        let text = table(&busy, &[run(1.5, None)]);
        assert!(text.contains("0.500 s  MountImage\n"), "{text}");
        assert!(text.contains("took 3.00 s with its tasks and 1.50 s with none: they cost 1.50 s"));
    }
}
