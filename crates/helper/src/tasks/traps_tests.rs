//! Traps in place of what the tasks read and write: a deployment that changes whatever can be changed
//! ends, names what stopped it, and has neither waited for the trap nor written to it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use snf_image_protocol::{
    Account, FileMode, GuestPath, HostKey, Hostname, InjectedFile, Parameters, Secret,
};

use crate::guest::root::FILE_LIMIT;
use crate::guest::testing::{Image, all, nothing};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@home";
/// Larger than what is read of any file, in bytes; most of it holes.
const WITHOUT_END: u64 = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trap {
    Fifo,
    Device,
    Directory,
}

/// A small Debian with what every task looks for.
fn debian() -> Image {
    let image = Image::debian();
    image
        .file("/etc/fstab", "/dev/vda1 / ext4 defaults 0 1\n")
        .file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        .file("/etc/ssh/sshd_config", "UsePAM yes\n")
        .file("/etc/ssh/ssh_host_ed25519_key", "old\n")
        .file("/etc/ssh/ssh_host_ed25519_key.pub", "old\n")
        .file("/usr/sbin/sshd", "");
    image
}

fn asked(image: &Image) -> Parameters {
    let files = image.parameters_dir().join("files");
    fs::create_dir_all(&files).unwrap();
    fs::write(files.join("0"), "content\n").unwrap();
    let injected = InjectedFile {
        path: GuestPath::new("/root/.ssh/injected").unwrap(),
        owner: Account::Name("root".into()),
        group: Account::Name("root".into()),
        mode: FileMode::try_from(0o600).unwrap(),
        content: "files/0".into(),
    };
    Parameters {
        hostname: Some(Hostname::new("web.example.org").unwrap()),
        password: Some(Secret::new("hunter2".into())),
        authorized_keys: vec![KEY.into()],
        host_keys: vec![HostKey {
            algorithm: "ed25519".into(),
            private: Secret::new("new private".into()),
            public: "new public".into(),
        }],
        personality: vec![injected],
        ..nothing()
    }
}

/// What stopped the tasks, or nothing.
fn stopped(image: &Image) -> Option<String> {
    let (done, _) = image.run(all, &asked(image));
    done.err().map(|error| error.to_string())
}

fn set(image: &Image, path: &str, trap: Trap) {
    match trap {
        Trap::Fifo => image.fifo(path),
        Trap::Device => image.device(path),
        Trap::Directory => {
            fs::remove_file(image.path(path)).unwrap();
            image.directory(path)
        }
    };
}

fn is(image: &Image, path: &str, trap: Trap) -> bool {
    fs::symlink_metadata(image.path(path)).is_ok_and(|found| match trap {
        Trap::Fifo => found.file_type().is_fifo(),
        Trap::Device => found.file_type().is_char_device(),
        Trap::Directory => found.is_dir(),
    })
}

#[test]
fn the_tree_without_a_trap_becomes_a_machine() {
    let image = debian();
    assert_eq!(stopped(&image), None);
    assert_eq!(image.text("/etc/hostname"), "web.example.org\n");
    assert!(image.text("/etc/shadow").starts_with("root:$6$"));
    assert_eq!(image.text("/root/.ssh/injected"), "content\n");
}

#[test]
fn what_is_no_file_in_place_of_a_file_is_neither_waited_for_nor_written() {
    for (path, trap) in [
        ("/etc/passwd", Trap::Fifo),
        ("/etc/shadow", Trap::Device),
        ("/etc/shadow", Trap::Fifo),
        ("/etc/hostname", Trap::Directory),
        ("/etc/hosts", Trap::Fifo),
        ("/etc/machine-id", Trap::Device),
        ("/etc/os-release", Trap::Device),
        ("/etc/ssh/sshd_config", Trap::Fifo),
        ("/etc/ssh/ssh_host_ed25519_key", Trap::Fifo),
        ("/root/.ssh", Trap::Fifo),
        ("/root/.ssh/authorized_keys", Trap::Device),
        ("/root/.ssh/injected", Trap::Fifo),
    ] {
        let image = debian();
        set(&image, path, trap);
        match stopped(&image) {
            Some(error) => {
                assert!(is(&image, path, trap), "{path}");
                assert!(error.contains(&format!("{path} of the image")), "{error}");
            }
            // Put out of the way, or made anew.
            None => assert!(!is(&image, path, trap), "{path} {trap:?}"),
        }
        if path != "/etc/shadow" {
            assert_eq!(image.text("/etc/shadow").lines().count(), 2, "{path}");
        }
    }
}

#[test]
fn a_table_of_file_systems_that_is_no_file_is_not_read() {
    for trap in [Trap::Fifo, Trap::Device] {
        let image = debian();
        set(&image, "/etc/fstab", trap);
        // As MountImage reads it.
        let error = image.confined(|root| root.read("/etc/fstab", FILE_LIMIT).unwrap_err());
        assert!(error.to_string().contains("/etc/fstab of the image"));
        assert!(is(&image, "/etc/fstab", trap));
    }
}

#[test]
fn a_link_in_place_of_etc_itself_leads_nowhere_else() {
    for target in [
        "/proc/self/root/etc",
        "../../../../../../..",
        "/dev/../../run",
        "etc",
        "/nowhere",
        "/beside/outside",
    ] {
        let image = debian();
        image.link("/etc", target);
        assert!(stopped(&image).is_some(), "{target}");
        assert!(image.path("/etc").is_symlink());
    }
}

/// Bytes that are no text of any kind, with things in them that look like lines.
fn garbage() -> Vec<u8> {
    let all: Vec<u8> = (0..=255).collect();
    let lines = b"\nroot:x:0:0::/root:/bin/sh\n\0\x1b[2J\xff\xfe:::::\n";
    [all.as_slice(), lines, &all.repeat(40)].concat()
}

#[test]
fn binary_garbage_in_files_of_text_is_survived() {
    for path in [
        "/etc/passwd",
        "/etc/fstab",
        "/etc/os-release",
        "/etc/ssh/sshd_config",
    ] {
        let image = debian();
        image.file(path, garbage());
        stopped(&image);
        // Nobody has a reason to write to any of them.
        assert!(fs::read(image.path(path)).unwrap() == garbage(), "{path}");
    }
}

#[test]
fn files_without_end_are_not_read_to_their_end() {
    for path in ["/etc/passwd", "/etc/ssh/sshd_config", "/etc/hosts"] {
        let image = debian();
        let file = File::options().write(true).open(image.path(path)).unwrap();
        file.set_len(WITHOUT_END).unwrap();
        let error = stopped(&image).unwrap();
        let words = format!("{path} of the image is larger than");
        assert!(error.contains(&words), "{error}");
        assert_eq!(file.metadata().unwrap().len(), WITHOUT_END);
    }
}

#[test]
fn keys_do_not_go_where_an_image_would_like_them() {
    for (file, is_refused) in [
        ("/dev/vda", true),
        ("%h/../../../../../../dev/vda", true),
        ("none", true),
        ("/etc/shadow", false),
        ("/proc/sysrq-trigger", false),
    ] {
        let image = debian();
        image.device("/dev/vda").file(
            "/etc/ssh/sshd_config",
            format!("AuthorizedKeysFile {file}\n"),
        );
        fs::set_permissions(image.path("/etc/shadow"), fs::Permissions::from_mode(0o640)).unwrap();
        let before = image.attributes("/etc/shadow");
        let error = stopped(&image);
        assert!(error.is_some() || !is_refused, "{file}");
        // Its owner and rights are the system's, whatever else the image does to itself.
        assert_eq!(image.attributes("/etc/shadow"), before, "{file}");
        let shadow = image.text("/etc/shadow");
        let accounts = shadow.lines().filter(|line| line.contains(':')).count();
        assert_eq!(accounts, 2, "{shadow}");
        assert!(is(&image, "/dev/vda", Trap::Device), "{file}");
    }
}
