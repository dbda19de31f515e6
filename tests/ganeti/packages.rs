//! The Debian packages install, install again, and leave nothing when they are purged.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(clippy::unwrap_used, reason = "a test may end on a fault")]

use std::env;
use std::path::PathBuf;

use snf_image_testkit::tool::Tool;

/// Gives every directory that packages write to a layer that goes away with the process.
const LAYERS: &str = r#"
mount -t tmpfs tmpfs /mnt
for directory in etc usr lib var; do
    [ ! -L /$directory ] || continue
    mkdir -p /mnt/$directory/new /mnt/$directory/work
    mount -t overlay -o lowerdir=/$directory,upperdir=/mnt/$directory/new,workdir=/mnt/$directory/work \
        overlay /$directory
done
install() { dpkg --no-triggers --force-confnew --install "$@" > /mnt/log 2>&1 || { cat /mnt/log; exit 1; }; }
"#;

/// Runs a script in a mount namespace of its own, and gives its standard output. `$DEBS` is where
/// the packages are.
fn aside(script: &str) -> Option<String> {
    let Some(packages) = env::var_os("SNF_DEBS").map(PathBuf::from) else {
        eprintln!("skipped: there are no packages; `cargo xtask ganeti` makes them");
        return None;
    };
    let script = format!("DEBS='{}'\n{LAYERS}\n{script}", packages.display());
    let output = Tool::new("unshare")
        .args([
            "--mount",
            "--propagation=private",
            "--",
            "sh",
            "-euc",
            &script,
        ])
        .run();
    Some(output.unwrap())
}

#[test]
fn a_node_that_has_the_two_packages_has_everything() {
    let script = r#"
        install "$DEBS"/snf-image-host_*.deb "$DEBS"/snf-image-appliance_*.deb
        snf-image helper info | head -n 1
        for script in create export import rename verify; do
            readlink -e /usr/share/ganeti/os/snf-image/$script
        done
        cat /usr/share/ganeti/os/snf-image/variants.list | grep -v '^#'
        man --where snf-image snf-image-update-helper | wc -l"#;
    let Some(said) = aside(script) else { return };
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with("release "), "{said}");
    assert_eq!(lines[1..6], ["/usr/bin/snf-image"; 5]);
    assert_eq!(lines[6..], ["default", "2"]);
}

#[test]
fn what_an_administrator_changed_outlives_another_installation() {
    let script = r#"
        install "$DEBS"/snf-image-host_*.deb
        echo 'HELPER_MEMORY="256"' >> /etc/default/snf-image
        dpkg --no-triggers --force-confold --install "$DEBS"/snf-image-host_*.deb > /dev/null
        tail -n 1 /etc/default/snf-image"#;
    let Some(said) = aside(script) else { return };
    assert_eq!(said, "HELPER_MEMORY=\"256\"\n");
}

#[test]
fn a_purge_leaves_the_images_of_the_administrator_and_nothing_of_ours() {
    let script = r#"
        find /etc /usr /lib /var -xdev | grep -v /var/lib/dpkg/ | sort > /mnt/before
        install "$DEBS"/snf-image-*.deb
        mkdir -p /var/lib/snf-image/helper/.build-x
        cp /usr/lib/snf-image/appliance/* /var/lib/snf-image/helper
        touch /var/lib/snf-image/mine.img
        for time in 1 2; do
            dpkg --no-triggers --purge snf-image-appliance snf-image-helper snf-image-host > /dev/null 2>&1 || true
        done
        find /etc /usr /lib /var -xdev | grep -v /var/lib/dpkg/ | sort > /mnt/after
        diff /mnt/before /mnt/after || true"#;
    let Some(said) = aside(script) else { return };
    let left: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with(['<', '>']))
        .collect();
    assert_eq!(
        left,
        ["> /var/lib/snf-image", "> /var/lib/snf-image/mine.img"]
    );
}
