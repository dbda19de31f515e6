//! The Debian packages install, install again, and leave nothing when they are purged.
// SPDX-License-Identifier: BSD-2-Clause

use harness::Packages;

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
    let Some(packages) = Packages::find() else {
        return;
    };
    let said = packages.aside(script).unwrap();
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
    let Some(packages) = Packages::find() else {
        return;
    };
    let said = packages.aside(script).unwrap();
    assert_eq!(said, "HELPER_MEMORY=\"256\"\n");
}

#[test]
fn a_purge_leaves_the_images_of_the_administrator_and_nothing_of_ours() {
    // Other tests are at work below /var/tmp.
    let script = r#"
        everything() { find /etc /usr /lib /var -xdev -path /var/tmp -prune -o -print | grep -v /var/lib/dpkg/ | sort; }
        everything > /mnt/before
        install "$DEBS"/snf-image-*.deb
        mkdir -p /var/lib/snf-image/helper/.build-x
        cp /usr/lib/snf-image/appliance/* /var/lib/snf-image/helper
        touch /var/lib/snf-image/mine.img
        for time in 1 2; do
            dpkg --no-triggers --purge snf-image-appliance snf-image-helper snf-image-host > /dev/null 2>&1 || true
        done
        everything > /mnt/after
        diff /mnt/before /mnt/after || true"#;
    let Some(packages) = Packages::find() else {
        return;
    };
    let said = packages.aside(script).unwrap();
    let left: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with(['<', '>']))
        .collect();
    assert_eq!(
        left,
        ["> /var/lib/snf-image", "> /var/lib/snf-image/mine.img"]
    );
}
