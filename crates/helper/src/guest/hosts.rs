//! Changes the machine's own line in hosts(5).
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Hostname;

/// The address that Debian's systems give their own name.
const OWN: &[u8] = b"127.0.1.1";

/// Gives the first line of 127.0.1.1 the machine's names, or adds such a line: below that
/// of 127.0.0.1, else at the end. Everything else stays byte for byte.
#[must_use]
pub fn with_own_name(hosts: &[u8], name: &Hostname) -> Vec<u8> {
    let own = if name.short() == name.as_str() {
        format!("127.0.1.1\t{name}\n")
    } else {
        format!("127.0.1.1\t{name} {}\n", name.short())
    };
    let mut lines: Vec<&[u8]> = hosts.split_inclusive(|byte| *byte == b'\n').collect();
    if let Some(line) = lines.iter_mut().find(|line| is_of(line, OWN)) {
        *line = own.as_bytes();
        return lines.concat();
    }
    let localhost = lines.iter().position(|line| is_of(line, b"127.0.0.1"));
    let at = localhost.map_or(lines.len(), |at| at.saturating_add(1));
    let (before, after) = lines.split_at_checked(at).unwrap_or((&lines, &[]));
    let mut edited = before.concat();
    if edited.last().is_some_and(|last| *last != b'\n') {
        edited.push(b'\n');
    }
    edited.extend(own.as_bytes());
    edited.extend(after.concat());
    edited
}

fn is_of(line: &[u8], address: &[u8]) -> bool {
    line.trim_ascii_start()
        .strip_prefix(address)
        .and_then(|rest| rest.first())
        .is_some_and(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(hosts: &str, name: &str) -> String {
        let edited = with_own_name(hosts.as_bytes(), &Hostname::new(name).unwrap());
        String::from_utf8(edited).unwrap()
    }

    #[test]
    fn the_own_line_is_replaced() {
        assert_eq!(
            named(
                "127.0.0.1 localhost\n127.0.1.1 old.x old\n::1 ip6\n",
                "vm.example.org"
            ),
            "127.0.0.1 localhost\n127.0.1.1\tvm.example.org vm\n::1 ip6\n"
        );
    }

    #[test]
    fn a_missing_own_line_is_added_below_localhost() {
        assert_eq!(
            named("# hosts\n127.0.0.1 localhost\n127.0.1.10 x\n", "vm"),
            "# hosts\n127.0.0.1 localhost\n127.0.1.1\tvm\n127.0.1.10 x\n"
        );
        assert_eq!(
            named("::1 localhost", "vm"),
            "::1 localhost\n127.0.1.1\tvm\n"
        );
        assert_eq!(named("127.0.0.1\tx", "vm"), "127.0.0.1\tx\n127.0.1.1\tvm\n");
    }

    proptest! {
        #[test]
        fn doing_it_twice_changes_nothing(bytes: Vec<u8>) {
            let name = Hostname::new("vm.example.org").unwrap();
            let once = with_own_name(&bytes, &name);
            prop_assert_eq!(with_own_name(&once, &name), once);
        }
    }
}
