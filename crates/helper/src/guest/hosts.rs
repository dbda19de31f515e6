//! Changes the machine's own line in hosts(5).
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Hostname;

/// The address that Debian's systems give their own name.
const OWN: &[u8] = b"127.0.1.1";

/// Gives the first line of 127.0.1.1 the machine's names, or adds such a line: below that
/// of 127.0.0.1, else at the end. In lines of other loopback addresses, `::1` too, the old name
/// gives way to the new one. Everything else stays byte for byte.
#[must_use]
pub fn with_own_name(hosts: &[u8], name: &Hostname, old: Option<&[u8]>) -> Vec<u8> {
    let names = both(name);
    let own = format!("127.0.1.1\t{names}\n");
    let mut lines: Vec<Vec<u8>> = hosts
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| match old {
            Some(old) if is_loopback(line) && !is_of(line, OWN) => renamed(line, name, old),
            _ => line.to_vec(),
        })
        .collect();
    if let Some(line) = lines.iter_mut().find(|line| is_of(line, OWN)) {
        *line = own.into();
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

/// The whole name, and the one without its domain if there is one.
fn both(name: &Hostname) -> String {
    if name.short() == name.as_str() {
        name.as_str().into()
    } else {
        format!("{name} {}", name.short())
    }
}

fn is_loopback(line: &[u8]) -> bool {
    let address = line.trim_ascii_start();
    address.starts_with(b"127.") || is_of(line, b"::1")
}

/// Puts the new name in the place of the old one, with and without its domain, up to a comment.
fn renamed(line: &[u8], name: &Hostname, old: &[u8]) -> Vec<u8> {
    let short = old.split(|byte| *byte == b'.').next().unwrap_or(old);
    let mut edited = Vec::with_capacity(line.len());
    let mut is_comment = false;
    for part in line.chunk_by(|one, next| one.is_ascii_whitespace() == next.is_ascii_whitespace()) {
        is_comment |= part.starts_with(b"#");
        match part {
            part if is_comment => edited.extend(part),
            part if part == old && short == old => edited.extend(both(name).as_bytes()),
            part if part == old => edited.extend(name.as_str().as_bytes()),
            part if part == short => edited.extend(name.short().as_bytes()),
            part => edited.extend(part),
        }
    }
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
        renamed_from(None, hosts, name)
    }

    fn renamed_from(old: Option<&str>, hosts: &str, name: &str) -> String {
        let name = Hostname::new(name).unwrap();
        let edited = with_own_name(hosts.as_bytes(), &name, old.map(str::as_bytes));
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

    #[test]
    fn the_old_name_goes_from_the_addresses_of_the_machine_itself() {
        let hosts = "127.0.0.1 localhost img.old.org img # img\n::1\timg ip6-localhost\n\
            10.0.0.1 img.old.org img\n127.0.1.1 img\n";
        assert_eq!(
            renamed_from(Some("img.old.org"), hosts, "vm.example.org"),
            "127.0.0.1 localhost vm.example.org vm # img\n::1\tvm ip6-localhost\n\
             10.0.0.1 img.old.org img\n127.0.1.1\tvm.example.org vm\n"
        );
        assert_eq!(
            renamed_from(Some("img"), "::1 img imgs\n127.0.1.1 x\n", "vm.example.org"),
            "::1 vm.example.org vm imgs\n127.0.1.1\tvm.example.org vm\n"
        );
    }

    proptest! {
        #[test]
        fn doing_it_twice_changes_nothing(bytes: Vec<u8>) {
            let name = Hostname::new("vm.example.org").unwrap();
            let once = with_own_name(&bytes, &name, Some(b"old.org"));
            let old = Some(name.as_str().as_bytes());
            prop_assert_eq!(with_own_name(&once, &name, old), once);
        }
    }
}
