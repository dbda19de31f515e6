//! Images whose cloud-init is used, or should be.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;

use snf_image_protocol::{Hostname, Parameters, Properties, Secret, Task};

use super::*;
use crate::cloud_init::tests::debian;
use crate::guest::testing::{Image, nothing};
use crate::network::cloud_init::SWITCHED_OFF;
use crate::network::real::Tree;
use crate::network::testing::{dhcp, full, on_link};
use crate::tasks;

const HASH: &str = "$6$salt$0123456789abcdef";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@home";

fn with(pairs: &[(&str, &str)]) -> Parameters {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Parameters {
        hostname: Some(Hostname::new("vm.example.org").unwrap()),
        properties: Properties::new(pairs).unwrap(),
        ..nothing()
    }
}

/// All tasks that have to do with cloud-init, in their order.
fn all(context: &mut Context<'_>) -> Result<Done> {
    let done = run(context)?;
    for task in [
        Task::AssignHostname,
        Task::ChangePassword,
        Task::ConfigureNetwork,
    ] {
        tasks::run(task, context)?;
    }
    Ok(done)
}

fn seed(name: &str) -> String {
    format!("{SEED}/{name}")
}

#[test]
fn the_image_is_left_alone_unless_somebody_asks() {
    let image = debian();
    let before = image.everything();
    for pairs in [&[][..], &[("CLOUD_INIT", "no")]] {
        let done = image.run(run, &with(pairs)).0.unwrap();
        assert!(matches!(done, Done::Skipped(_)), "{done:?}");
    }
    let plain = Image::debian();
    let done = plain.run(run, &with(&[("CLOUD_INIT", "auto")])).0.unwrap();
    assert_eq!(done, Done::Skipped("the image has no cloud-init".into()));
    let refused = plain.run(run, &with(&[("CLOUD_INIT", "yes")])).0;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("CLOUD_INIT=yes"), "{refused}");
    assert_eq!(image.everything(), before);
}

#[test]
fn user_data_goes_in_as_it_is() {
    let multipart: &[u8] = b"Content-Type: multipart/mixed; boundary=\"=\"\n\n--=\nnever ended";
    for bytes in [
        &b""[..],
        b"#cloud-config\nusers: [}\n",
        b"#include\nhttps://example.org/x\n",
        b"## template: jinja\n#cloud-config\n{{ v1.name }} {% endfor %}\n",
        b"\x1f\x8b\x08\0\xff\xfe\0",
        multipart,
        &vec![b'x'; 1 << 20],
    ] {
        let image = debian();
        fs::create_dir(image.parameters_dir().join("files")).unwrap();
        fs::write(image.parameters_dir().join("files/user-data"), bytes).unwrap();
        let parameters = Parameters {
            user_data: Some("files/user-data".into()),
            ..with(&[])
        };
        assert_eq!(image.run(run, &parameters).0.unwrap(), Done::Yes);
        assert_eq!(fs::read(image.path(&seed("user-data"))).unwrap(), bytes);
        assert_eq!(image.attributes(&seed("user-data")), (0, 0, 0o600));
        assert_eq!(image.attributes(FIRST_START), (0, 0, 0o600));
    }
}

#[test]
fn user_data_without_a_cloud_init_to_read_it_is_an_error() {
    for pairs in [&[][..], &[("CLOUD_INIT", "auto")]] {
        let parameters = Parameters {
            user_data: Some("files/user-data".into()),
            ..with(pairs)
        };
        let refused = Image::debian().run(run, &parameters).0.unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains("user-data is given"), "{refused}");
    }
}

#[test]
fn what_cloud_init_knew_of_another_machine_goes() {
    let image = debian();
    image
        .file("/var/lib/cloud/instances/i-1/user-data.txt", "secret")
        .file("/var/lib/cloud/sem/config_scripts_per_once.once", "")
        .file("/var/lib/cloud/data/previous-hostname", "old")
        .file(
            "/var/lib/cloud/seed/nocloud-net/meta-data",
            "instance-id: old\n",
        )
        .file("/var/lib/cloud/scripts/per-boot/own", "")
        .link("/var/lib/cloud/instance", "/var/lib/cloud/instances/i-1");
    let parameters = with(&[("CLOUD_INIT", "auto")]);
    image.run(run, &parameters).0.unwrap();
    for gone in ["instance", "instances", "sem", "data", "seed/nocloud-net"] {
        let path = image.path(&format!("/var/lib/cloud/{gone}"));
        assert!(!path.exists() && !path.is_symlink(), "{gone}");
    }
    assert!(image.path("/var/lib/cloud/scripts/per-boot/own").exists());
}

#[test]
fn what_an_earlier_deployment_told_cloud_init_goes_where_it_is_not_used_again() {
    let image = debian();
    let author = "/var/lib/cloud/seed/nocloud-net/meta-data";
    let own = "/etc/cloud/cloud.cfg.d/10-own.cfg";
    image.file(own, "ssh_pwauth: true\n");
    let first = Parameters {
        authorized_keys: vec![KEY.into()],
        nics: full(),
        ..with(&[("CLOUD_INIT", "yes")])
    };
    image.run(all, &first).0.unwrap();
    image.file(author, "instance-id: theirs\n");
    let whole: fn(&mut Context<'_>) -> Result<Done> = |context| {
        all(context)?;
        tasks::run(Task::RemoveIdentity, context)
    };
    let ours = [SEED, PIN, IDENTIFY, FIRST_START, CLEAN_UP];
    let there = || ours.map(|path| image.path(path).exists());
    image
        .run(whole, &with(&[("KEEP_IDENTITY", "cloud-init")]))
        .0
        .unwrap();
    assert_eq!(there(), [true; 5]);
    image.run(whole, &with(&[])).0.unwrap();
    assert_eq!(there(), [false; 5]);
    assert!(image.path(author).exists() && image.path(own).exists());
    // A seed of the image's author stays, and so does one of this deployment.
    image.file(&seed("meta-data"), "instance-id: theirs\n");
    image.run(whole, &with(&[])).0.unwrap();
    assert!(image.path(SEED).exists());
    image.run(whole, &with(&[("CLOUD_INIT", "yes")])).0.unwrap();
    assert_eq!(there(), [true; 5]);
}

#[test]
fn the_user_that_cloud_init_makes_is_left_to_it_and_the_others_are_not() {
    let image = debian();
    let parameters = Parameters {
        password_hash: Some(Secret::new(HASH.into())),
        authorized_keys: vec![KEY.into()],
        ..with(&[("CLOUD_INIT", "yes"), ("USERS", "admin user")])
    };
    assert_eq!(image.run(all, &parameters).0.unwrap(), Done::Yes);
    assert!(image.text("/etc/shadow").contains(&format!("user:{HASH}:")));
    assert!(image.text("/home/user/.ssh/authorized_keys").contains(KEY));
    assert!(!image.text(&seed("meta-data")).contains(KEY));
    let told = image.text(FIRST_START);
    for words in [
        "ssh_pwauth: true",
        "ssh_deletekeys: false",
        "lock_passwd: false",
        HASH,
        KEY,
    ] {
        assert!(told.contains(words), "no {words:?} in\n{told}");
    }
    assert!(!told.contains("disable_root"), "{told}");
    // One whom the image has before cloud-init starts only stays unlocked.
    let own = debian();
    own.file("/etc/passwd", "admin:x:1:1::/home/admin:/bin/sh\n")
        .file("/etc/shadow", "admin:!:1::::::\n");
    let parameters = Parameters {
        authorized_keys: Vec::new(),
        ..parameters
    };
    let admin = Parameters {
        properties: with(&[("CLOUD_INIT", "yes"), ("USERS", "admin")]).properties,
        ..parameters
    };
    own.run(all, &admin).0.unwrap();
    let told = own.text(FIRST_START);
    assert!(
        told.contains("lock_passwd: false") && !told.contains(HASH),
        "{told}"
    );
    let nobody = Parameters {
        properties: with(&[("CLOUD_INIT", "yes"), ("USERS", "nobody")]).properties,
        ..admin
    };
    assert!(debian().run(all, &nobody).0.is_err());
}

#[test]
fn keys_for_nobody_in_particular_are_for_the_user_that_cloud_init_makes() {
    let image = debian();
    let parameters = Parameters {
        authorized_keys: vec![KEY.into()],
        ..with(&[("CLOUD_INIT", "yes")])
    };
    image.run(all, &parameters).0.unwrap();
    assert!(image.text(&seed("meta-data")).contains(KEY));
    assert!(!image.path("/root/.ssh").exists());
    // Where it makes none they are for root, as without cloud-init.
    let image = debian();
    image.file("/etc/cloud/cloud.cfg.d/99.cfg", "users: []\n");
    image.run(all, &parameters).0.unwrap();
    assert!(!image.text(&seed("meta-data")).contains(KEY));
    assert!(image.text("/root/.ssh/authorized_keys").contains(KEY));
    assert!(image.text(FIRST_START).contains("disable_root: false"));
}

#[test]
fn the_network_goes_through_cloud_init_where_that_can_take_it() {
    let image = debian();
    image
        .file("/sbin/ifup", "")
        .file("/sbin/route", "")
        .file(
            "/etc/network/interfaces",
            "auto eth0\niface eth0 inet dhcp\n",
        )
        .file(
            "/etc/network/interfaces.d/50-cloud-init",
            "auto old\niface old inet dhcp\n",
        )
        .file(
            SWITCHED_OFF,
            "# Written by snf-image.\nnetwork:\n  config: disabled\n",
        );
    let through = Parameters {
        nics: full(),
        ..with(&[("CLOUD_INIT", "yes")])
    };
    let (done, told) = image.run(all, &through);
    done.unwrap();
    assert!(
        told.join("\n")
            .contains("cloud-init of the image configures its network")
    );
    assert!(image.text(&seed("network-config")).contains("192.0.2.5/24"));
    let interfaces = image.text("/etc/network/interfaces");
    assert!(
        interfaces.contains("source /etc/network/interfaces.d/*"),
        "{interfaces}"
    );
    assert!(!interfaces.contains("eth0") && !image.path(SWITCHED_OFF).exists());
    assert!(
        !image
            .path("/etc/network/interfaces.d/50-cloud-init")
            .exists()
    );
    let natively = Parameters {
        nics: on_link(),
        ..with(&[("CLOUD_INIT", "yes")])
    };
    let (done, told) = image.run(all, &natively);
    done.unwrap();
    assert!(told.join("\n").contains("outside the network"), "{told:?}");
    assert!(!image.path(&seed("network-config")).exists());
    assert!(image.text("/etc/network/interfaces").contains("192.0.2.5"));
    assert!(image.text(SWITCHED_OFF).contains("disabled"));
    // ifupdown would be told to set the routes by a program that is not there.
    fs::remove_file(image.path("/sbin/route")).unwrap();
    let (done, told) = image.run(all, &through);
    done.unwrap();
    assert!(told.join("\n").contains("the program route"), "{told:?}");
    assert!(image.text("/etc/network/interfaces").contains("192.0.2.5"));
}

#[test]
fn a_distribution_that_only_cloud_init_knows_gets_its_name() {
    let image = debian();
    image.file("/etc/os-release", "ID=unheard-of\n");
    fs::remove_file(image.path("/etc/hostname")).unwrap();
    let parameters = Parameters {
        nics: dhcp(),
        ..with(&[("CLOUD_INIT", "yes")])
    };
    image.run(all, &parameters).0.unwrap();
    assert!(!image.path("/etc/hostname").exists());
    assert!(
        image
            .text(&seed("meta-data"))
            .contains("local-hostname: \"vm.example.org\"")
    );
}

/// Everything that cloud-init does when a machine starts, one stage after the other.
const START: &str = r"
mkdir -p /run/cloud-init
ip link add ens3 address 52:54:00:12:34:56 type veth peer name far
/usr/lib/cloud-init/ds-identify --force || true
echo '--- ds-identify'; cat /run/cloud-init/cloud.cfg
{ cloud-init init --local; cloud-init init; cloud-init modules --mode config
  cloud-init modules --mode final; } >/run/said 2>&1 || true
echo '--- said'; cat /run/said
echo '--- name'; cat /etc/hostname; cloud-init query local_hostname
echo '--- shadow'; cat /etc/shadow
echo '--- keys'; cat /home/debian/.ssh/authorized_keys
echo '--- interfaces'; cat /etc/network/interfaces.d/* || true
echo '--- left'; ls -A /etc/cloud/cloud.cfg.d /var/lib/cloud/scripts/per-instance
wc -c /var/lib/cloud/seed/nocloud/user-data; cat /ran
cloud-init query instance_id
";

/// The real cloud-init, with the files that the tasks have left for it.
#[test]
fn cloud_init_of_debian_does_at_its_first_start_what_was_asked_for() {
    let Some(tree) = Tree::find() else { return };
    let image = Image::empty();
    for path in [
        "etc",
        "usr/bin/cloud-init",
        "usr/lib/python3/dist-packages/cloudinit",
        "usr/lib/netplan",
        "usr/sbin/ifup",
    ] {
        if let Some(parent) = image.path(path).parent() {
            fs::create_dir_all(parent).unwrap();
        }
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .args([tree.path().join(path), image.path(path)])
            .status();
        assert!(
            copied.unwrap().success() || path.ends_with("netplan"),
            "{path}"
        );
    }
    image.file("/usr/sbin/route", "");
    fs::create_dir_all(image.parameters_dir().join("files")).unwrap();
    let script = "#!/bin/sh\necho the user-data ran >/ran\n";
    fs::write(image.parameters_dir().join("files/user-data"), script).unwrap();
    let parameters = Parameters {
        user_data: Some("files/user-data".into()),
        password_hash: Some(Secret::new(HASH.into())),
        authorized_keys: vec![KEY.into()],
        nics: full(),
        ..with(&[("USERS", "root debian")])
    };
    image.run(all, &parameters).0.unwrap();
    let said = tree.run_over(&image.path("/"), START);
    for words in [
        "datasource_list: [ NoCloud, None ]",
        "--- name\nvm\nvm\n",
        &format!("\nroot:{HASH}:"),
        &format!("\ndebian:{HASH}:"),
        KEY,
        "address 192.0.2.5/24",
        "\n0 /var/lib/cloud/seed/nocloud/user-data\nthe user-data ran\nsnf-",
    ] {
        let said = said.replace("root:", "\nroot:");
        assert!(said.contains(words), "no {words:?} in\n{said}");
    }
    let (_, left) = said.split_once("--- left").unwrap();
    assert!(
        left.contains("zz-snf-image.cfg") && !left.contains("first-start"),
        "{left}"
    );
    assert!(!said.contains("Traceback"), "{said}");
}

/// What it is told is valid by its own word.
#[test]
fn cloud_init_of_debian_finds_no_fault_with_what_it_is_told() {
    let Some(tree) = Tree::find() else { return };
    let files = crate::network::real::Files::new();
    let no_user_data = String::from_utf8_lossy(seed::NO_USER_DATA);
    files.write("/case/user-data", &no_user_data, 0o600);
    let hash = Secret::new(HASH.into());
    let full = FirstStart {
        has_password: true,
        has_root_keys: true,
        unlocks_default_user: true,
        hash: Some(&hash),
        keys: &[KEY],
    };
    for (name, text) in [
        ("nothing", FirstStart::default().text()),
        ("all", full.text()),
    ] {
        let text = format!("#cloud-config\n{}", text.expose());
        files.write(&format!("/case/{name}"), &text, 0o600);
    }
    let said = tree.run(
        &files,
        "for case in /case/*; do cloud-init schema --config-file $case; done",
    );
    assert_eq!(said.matches("Valid").count(), 3, "{said}");
}
