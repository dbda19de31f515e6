//! The modules of a crate stand in layers: whoever reads one need not know those above it.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::tree::{repository, rust_files};

/// The crates whose modules form no cycle.
const CRATES: [&str; 4] = ["host", "protocol", "qcow2", "testkit"];

/// Where ARCHITECTURE.md lists the layers of the host, top to bottom.
const LAYERS: &str = "## The modules of `host`, in layers\n";

/// For each module those that it uses, with one file of it that does.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

fn uses(crate_name: &str) -> Uses {
    let source = repository().join("crates").join(crate_name).join("src");
    let mut uses = Uses::new();
    for file in rust_files(&source) {
        let name = file.strip_prefix(&source).unwrap();
        if is_test(name) {
            continue;
        }
        let module = name.iter().next().unwrap().to_str().unwrap();
        let module = module.trim_end_matches(".rs");
        let code = product(&fs::read_to_string(&file).unwrap());
        for used in used_by(&code).filter(|used| used != module) {
            let of_module = uses.entry(module.to_owned()).or_default();
            of_module.insert(used, name.display().to_string());
        }
    }
    uses
}

/// Tests may look at the product from anywhere.
fn is_test(file: &Path) -> bool {
    let stem = file.file_stem().unwrap().to_str().unwrap();
    stem == "tests" || stem.ends_with("_tests")
}

/// The text of a file without its tests, which come last, and without comments.
fn product(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines();
    let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The modules that come behind `crate::`, one or several in braces.
fn used_by(code: &str) -> impl Iterator<Item = String> {
    let paths = code.split("crate::").skip(1);
    paths.flat_map(|rest| match rest.strip_prefix('{') {
        Some(group) => heads(group),
        None => vec![identifier(rest)],
    })
}

/// The first words of the paths of a group, up to its closing brace.
fn heads(group: &str) -> Vec<String> {
    let mut heads = vec![identifier(group)];
    let mut depth = 0;
    for (at, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(identifier(group.get(at + 1..).unwrap_or_default())),
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

fn identifier(text: &str) -> String {
    let text = text.trim_start().chars();
    text.take_while(|sign| sign.is_alphanumeric() || *sign == '_')
        .collect()
}

/// Modules each of which uses the next, the first being the last, in words; none where there is no
/// such cycle.
fn cycle(uses: &Uses) -> Option<String> {
    let mut sound = Vec::new();
    uses.keys()
        .find_map(|module| cycle_from(module, uses, &mut Vec::new(), &mut sound))
}

fn cycle_from<'a>(
    module: &'a str,
    uses: &'a Uses,
    above: &mut Vec<&'a str>,
    sound: &mut Vec<&'a str>,
) -> Option<String> {
    if let Some(begin) = above.iter().position(|seen| *seen == module) {
        let ring = [&above[begin..], &[module]].concat();
        let steps = ring.windows(2).map(|step| {
            let file = &uses[step[0]][step[1]];
            format!("{} uses {} ({file})", step[0], step[1])
        });
        return Some(steps.collect::<Vec<_>>().join(", "));
    }
    if sound.contains(&module) {
        return None;
    }
    above.push(module);
    let used = uses.get(module).into_iter().flat_map(BTreeMap::keys);
    let found = used
        .map(|used| cycle_from(used, uses, above, sound))
        .find_map(|found| found);
    above.pop();
    sound.push(module);
    found
}

#[test]
fn modules_depend_on_each_other_only_downwards() {
    for crate_name in CRATES {
        let uses = uses(crate_name);
        assert!(!uses.is_empty(), "{crate_name} is not where it was");
        assert_eq!(cycle(&uses), None, "in {crate_name}");
    }
}

#[test]
fn the_layers_of_the_host_are_those_that_are_drawn() {
    let page = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let (_, section) = page.split_once(LAYERS).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let root = fs::read_to_string(repository().join("crates/host/src/lib.rs")).unwrap();
    let modules: Vec<&str> = (root.lines())
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "))
        .map(|name| name.trim_end_matches(';'))
        .collect();
    let mut layers = BTreeMap::new();
    for (layer, row) in section
        .lines()
        .filter(|line| line.starts_with('|'))
        .enumerate()
    {
        let quoted = row.split('`').skip(1).step_by(2);
        for module in quoted.filter(|quoted| modules.contains(quoted)) {
            let again = layers.insert(module, layer);
            assert_eq!(again, None, "{module} is in two layers of ARCHITECTURE.md");
        }
    }
    for module in modules {
        let is_drawn = layers.contains_key(module);
        assert!(is_drawn, "{module} is in no layer of ARCHITECTURE.md");
    }
    for (module, used) in &uses("host") {
        for (used, file) in used {
            assert!(
                layers[module.as_str()] <= layers[used.as_str()],
                "{module} uses {used}, which ARCHITECTURE.md has in a higher layer ({file})"
            );
        }
    }
}

#[test]
fn a_cycle_is_told_with_those_who_make_it() {
    let code = product(
        "// crate::comment\nuse crate::{a::{b, c}, d};\nfn f(g: &crate::h::I) {}\n\
         #[cfg(test)]\nmod tests {\n    use crate::test;\n}\n",
    );
    let used: Vec<String> = used_by(&code).collect();
    assert_eq!(used, ["a", "d", "h"]);
    let edge = |from: &str, to: &str| {
        let file = format!("{from}.rs");
        (from.to_owned(), BTreeMap::from([(to.to_owned(), file)]))
    };
    let ring = Uses::from([edge("top", "one"), edge("one", "two"), edge("two", "one")]);
    let told = cycle(&ring).unwrap();
    assert!(
        told == "one uses two (one.rs), two uses one (two.rs)",
        "{told}"
    );
    assert_eq!(cycle(&Uses::from([edge("top", "one")])), None);
}
