//! Tests of setting the host name.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Parameters;

use super::*;
use crate::guest::testing::{Image, nothing};

const SYSCONFIG: &str = "/etc/sysconfig/network";

fn named(name: &str) -> Parameters {
    Parameters {
        hostname: Some(Hostname::new(name).unwrap()),
        ..nothing()
    }
}

fn assigned(image: &Image) -> Result<Done> {
    image.run(run, &named("vm.example.org")).0
}

#[test]
fn a_debian_gets_the_whole_name_and_a_line_in_its_hosts() {
    let image = Image::debian();
    assert_eq!(assigned(&image).unwrap(), Done::Yes);
    assert_eq!(image.text("/etc/hostname"), "vm.example.org\n");
    insta::assert_snapshot!(image.text("/etc/hosts"), @r"
    127.0.0.1	localhost
    127.0.1.1	vm.example.org vm
    ");
}

#[test]
fn a_debian_without_the_file_gets_one() {
    let image = Image::debian();
    std::fs::remove_file(image.path("/etc/hostname")).unwrap();
    std::fs::remove_file(image.path("/etc/hosts")).unwrap();
    assigned(&image).unwrap();
    assert_eq!(image.text("/etc/hostname"), "vm.example.org\n");
    assert_eq!(image.attributes("/etc/hostname"), (0, 0, 0o644));
    assert!(!image.path("/etc/hosts").exists());
}

#[test]
fn an_old_red_hat_without_the_line_gets_one_and_one_with_systemd_does_not() {
    let image = Image::empty();
    image
        .file("/etc/redhat-release", "CentOS release 6.10 (Final)\n")
        .file(SYSCONFIG, "NETWORKING=yes\n");
    assigned(&image).unwrap();
    let named = "NETWORKING=yes\nHOSTNAME=\"vm.example.org\"\n";
    assert_eq!(image.text(SYSCONFIG), named);
    image
        .file("/usr/lib/systemd/systemd", "")
        .file(SYSCONFIG, "NETWORKING=yes\n");
    assigned(&image).unwrap();
    assert_eq!(image.text(SYSCONFIG), "NETWORKING=yes\n");
}

#[test]
fn an_old_red_hat_gets_it_in_its_network_file_too() {
    let image = Image::empty();
    image
        .file("/etc/redhat-release", "CentOS release 6.10 (Final)\n")
        .file(
            SYSCONFIG,
            "NETWORKING=yes\nHOSTNAME=old\n# HOSTNAME=x\nHOSTNAME=\"old\"",
        );
    assigned(&image).unwrap();
    assert_eq!(image.text("/etc/hostname"), "vm.example.org\n");
    insta::assert_snapshot!(image.text(SYSCONFIG), @r#"
    NETWORKING=yes
    HOSTNAME=vm.example.org
    # HOSTNAME=x
    HOSTNAME="vm.example.org"
    "#);
}

#[test]
fn slackware_and_an_old_suse_keep_it_in_capital_letters() {
    for release in ["/etc/slackware-version", "/etc/SuSE-release"] {
        let image = Image::empty();
        image.file(release, "").file(UPPER, "old.example.org\n");
        assigned(&image).unwrap();
        assert_eq!(image.text(UPPER), "vm.example.org\n");
        assert!(!image.path("/etc/hostname").exists());
    }
    let image = Image::empty();
    image.file("/etc/slackware-version", "Slackware 15.0\n");
    assigned(&image).unwrap();
    assert_eq!(image.text(UPPER), "vm.example.org\n");
    // Later SUSE: the other name is a link to the one that counts.
    let image = Image::empty();
    image.file("/etc/hostname", "old\n").link(UPPER, "hostname");
    assigned(&image).unwrap();
    assert!(image.path(UPPER).is_symlink());
    assert_eq!(image.text(UPPER), "vm.example.org\n");
}

#[test]
fn gentoo_and_old_arch_assign_it_among_other_things() {
    let image = Image::empty();
    image.file("/etc/gentoo-release", "").file(
        "/etc/conf.d/hostname",
        "# Set to the hostname\nhostname=\"localhost\"\n",
    );
    assigned(&image).unwrap();
    let own = "# Set to the hostname\nhostname=\"vm.example.org\"\n";
    assert_eq!(image.text("/etc/conf.d/hostname"), own);
    assert!(!image.path("/etc/hostname").exists());
    // What is only commented out is added.
    image.file("/etc/conf.d/hostname", "#hostname=x");
    assigned(&image).unwrap();
    let own = "#hostname=x\nhostname=\"vm.example.org\"\n";
    assert_eq!(image.text("/etc/conf.d/hostname"), own);

    let image = Image::empty();
    image
        .file("/etc/arch-release", "")
        .file("/etc/rc.conf", "LOCALE='C'\nHOSTNAME=\"old\"\n");
    assigned(&image).unwrap();
    let own = "LOCALE='C'\nHOSTNAME=\"vm.example.org\"\n";
    assert_eq!(image.text("/etc/rc.conf"), own);
}

#[test]
fn alpine_without_the_file_gets_one_for_openrc() {
    let image = Image::empty();
    image
        .file("/etc/os-release", "ID=alpine\n")
        .file("/sbin/openrc", "");
    assigned(&image).unwrap();
    assert_eq!(image.text("/etc/hostname"), "vm.example.org\n");
}

#[test]
fn an_unknown_system_goes_by_what_is_there() {
    let image = Image::empty();
    image.file("/etc/os-release", "ID=\"own\x1b\"\n");
    let error = assigned(&image).unwrap_err().to_string();
    assert!(error.contains("own\\u{1b}"), "{error}");
    image.file("/usr/lib/systemd/systemd", "");
    assigned(&image).unwrap();
    assert_eq!(image.text("/etc/hostname"), "vm.example.org\n");
}

#[test]
fn without_a_name_nothing_happens() {
    let image = Image::debian();
    let before = image.everything();
    assert!(matches!(image.run(run, &nothing()).0, Ok(Done::Skipped(_))));
    assert_eq!(image.everything(), before);
}

#[test]
fn links_stay_inside_the_image() {
    let image = Image::debian();
    image.link("/etc/hostname", &image.outside("hostname"));
    // The link dangles inside the image: its directory does not exist there.
    assert!(assigned(&image).is_err());

    image.link("/etc/hostname", "../../../../../../../../etc/name");
    assigned(&image).unwrap();
    assert_eq!(image.text("/etc/name"), "vm.example.org\n");

    image.link("/etc/hostname", "/proc/sysrq-trigger");
    assert!(assigned(&image).is_err());
    image.directory("/proc");
    assigned(&image).unwrap();
    assert_eq!(image.text("/proc/sysrq-trigger"), "vm.example.org\n");
}

#[test]
fn a_link_in_place_of_etc_stays_inside_the_image() {
    let image = Image::empty();
    image.link("/etc", &image.outside(""));
    assert!(assigned(&image).is_err());
    image
        .link("/etc", "/../../config")
        .file("/config/debian_version", "12\n");
    assigned(&image).unwrap();
    assert_eq!(image.text("/config/hostname"), "vm.example.org\n");
}

#[test]
fn what_is_no_regular_file_is_refused() {
    for path in ["/etc/hostname", "/etc/hosts", SYSCONFIG, "/etc/os-release"] {
        let image = Image::debian();
        std::fs::remove_file(image.path("/etc/hostname")).unwrap();
        image.fifo(path);
        let error = assigned(&image).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("{path} of the image is a FIFO, not a regular file")
        );
    }
    let image = Image::debian();
    std::fs::remove_file(image.path("/etc/hostname")).unwrap();
    image.directory("/etc/hostname");
    assert!(assigned(&image).is_err());
}
