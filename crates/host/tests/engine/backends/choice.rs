//! Which back-end is asked, and with what.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::os::unix::fs::PermissionsExt;

use snf_image::backend::list;

use crate::backends::node::{MIB, Node, image};

/// What pithcat does as far as the node sees it: reads where its environment says, tells the size,
/// sends the object, and notes how it was called.
const PITHCAT: &str = r#"#!/usr/bin/env python3
import os, sys, json
arguments = sys.argv[1:]
store = os.environ["PITHOS_DATA"]
with open(os.path.join(store, "calls"), "a") as calls:
    print(json.dumps(arguments), file=calls)
option = arguments.pop(0) if arguments[0] in ("-p", "-s") else None
[name] = arguments
if option == "-p":
    print("yes" if name.startswith(("pithos:", "pithosmap:")) else "no")
    sys.exit(0)
path = os.path.join(store, name.split("/")[-1].split("?")[0])
if option == "-s":
    print(os.stat(path).st_size)
    sys.exit(0)
print("reading object", file=sys.stderr)
sys.stdout.buffer.write(open(path, "rb").read())
"#;

fn with_pithcat() -> Node {
    let node = Node::new();
    // A directory with an executable of the same name, as that of 0.23 was.
    node.write("src/pithos/pithos", PITHCAT, 0o755);
    let conf = format!(
        "# where objects are\nPITHOS_DATA=\"{}\"\n",
        node.path("").display()
    );
    node.write("conf/pithos.conf", conf, 0o600);
    node
}

#[test]
fn an_image_comes_from_the_back_end_that_knows_it() {
    let node = with_pithcat();
    let bytes = image(3 * MIB + 512);
    node.write("debian image", &bytes, 0o600);
    let copied = node.deploy("pithos://user/container/debian image").unwrap();
    assert_eq!(copied.length(), 3 * MIB + 512);
    assert!(node.holds(&bytes));
}

#[test]
fn a_name_reaches_it_as_one_argument_whatever_it_holds() {
    let node = with_pithcat();
    node.write("o", image(MIB), 0o600);
    let id = "pithos://a b/'c'/\"$HOME\"`id`/o?x=1&y=%20*\\;|<>~#";
    node.deploy(id).unwrap();
    let calls = fs::read_to_string(node.path("calls")).unwrap();
    let calls: Vec<Vec<String>> = calls
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(calls, [vec!["-p", id], vec!["-s", id], vec![id]]);
}

#[test]
fn a_compressed_image_is_held_against_its_packed_size() {
    let node = with_pithcat();
    let bytes = image(2 * MIB);
    node.write("raw", &bytes, 0o600);
    let packed = std::process::Command::new("gzip")
        .args(["-c", "raw"])
        .current_dir(node.path(""))
        .output()
        .unwrap();
    node.write("packed", &packed.stdout, 0o600);
    node.deploy("pithos://u/c/packed").unwrap();
    assert!(node.holds(&bytes));
}

/// A back-end that says yes.
const YES: &str = "#!/bin/sh\necho yes\n";

fn names(node: &Node) -> Vec<String> {
    let found = list(&node.place).unwrap();
    found.into_iter().map(|backend| backend.name).collect()
}

#[test]
fn higher_priorities_are_asked_first_and_what_is_disabled_never() {
    let node = Node::new();
    assert!(names(&node).is_empty());
    for name in ["a", "b", "low", "high", "wrong", "off", "slow.sh"] {
        node.write(&format!("src/{name}"), YES, 0o755);
    }
    node.write("conf/low.priority", "9\n", 0o644);
    node.write("conf/high.priority", "99\n", 0o644);
    node.write("conf/wrong.priority", "100\n", 0o644);
    node.write("conf/off.disabled", "", 0o644);
    // Of equal ones the last name: 0.23 sorted backwards.
    assert_eq!(names(&node), ["high", "wrong", "slow.sh", "b", "a", "low"]);
}

#[test]
fn what_cannot_be_run_or_could_be_anybody_s_is_passed_over() {
    let node = Node::new();
    node.write("src/data", YES, 0o644);
    node.write("src/empty directory/other", YES, 0o755);
    node.write("src/open to all", YES, 0o777);
    node.write("src/.hidden", YES, 0o755);
    node.write("src/good", YES, 0o755);
    std::os::unix::fs::symlink("/nonexistent", node.path("src/dangling")).unwrap();
    assert_eq!(names(&node), ["good"]);

    let everybody = fs::Permissions::from_mode(0o777);
    fs::set_permissions(node.path("src"), everybody).unwrap();
    let error = list(&node.place).unwrap_err().to_string();
    assert!(error.contains("could be changed by others"), "{error}");
}

#[test]
fn a_configuration_is_data() {
    let node = with_pithcat();
    node.write("conf/pithos.conf", "PITHOS_DATA=$(touch /pwned)\n", 0o600);
    let reason = node.deploy("pithos://u/c/o").unwrap_err();
    assert!(
        reason.contains("pithos.conf: line 1: command substitution"),
        "{reason}"
    );
}

#[test]
fn one_that_gives_no_answer_is_passed_over() {
    let node = with_pithcat();
    let bytes = image(MIB);
    node.write("o", &bytes, 0o600);
    for (name, script) in [
        ("z1", "echo no such database >&2; exit 2"),
        ("z2", "echo maybe"),
        ("z3", "yes"),
        ("z4", "exec sleep 1000"),
        ("z5", "kill -9 $$"),
    ] {
        node.write(
            &format!("src/{name}"),
            format!("#!/bin/sh\n{script}\n"),
            0o755,
        );
    }
    node.write("src/z6", "no program\n", 0o755);
    node.deploy("pithos://u/c/o").unwrap();
    assert!(node.holds(&bytes));
}

#[test]
fn a_name_that_none_knows_is_one_line() {
    let node = with_pithcat();
    let reason = node.deploy("other:hunter2").unwrap_err();
    assert!(
        reason.contains("no source of images reads \"other\""),
        "{reason}"
    );
    assert!(reason.contains("BACKENDS_DIR"), "{reason}");
}
