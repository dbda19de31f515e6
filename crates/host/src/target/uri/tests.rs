//! Tests of [`super`].
// SPDX-License-Identifier: BSD-2-Clause

use super::*;

/// What QEMU would be told, and how messages name it.
fn told(text: &str) -> (String, String) {
    let uri: Uri = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    let protocol = uri.protocol(text.starts_with("http")).unwrap();
    (protocol.options.to_string(), uri.to_string())
}

#[test]
fn every_form_becomes_typed_options() {
    for (text, options, shown) in [
        (
            "nbd:host.example:10809",
            r#"{"driver":"nbd","export":"","server":{"host":"host.example","port":"10809","type":"inet"}}"#,
            "nbd://host.example:10809/",
        ),
        (
            "nbd:[::1]:9:exportname=a/b",
            r#"{"driver":"nbd","export":"a/b","server":{"host":"::1","port":"9","type":"inet"}}"#,
            "nbd://[::1]:9/a/b",
        ),
        (
            "nbd://192.0.2.1/a%20disk",
            r#"{"driver":"nbd","export":"a disk","server":{"host":"192.0.2.1","port":"10809","type":"inet"}}"#,
            "nbd://192.0.2.1:10809/a disk",
        ),
        (
            "iscsi://user%secret@san:3261/iqn.2024-01.org.example:disk1/3",
            r#"{"driver":"iscsi","lun":3,"password-secret":"password","portal":"san:3261","target":"iqn.2024-01.org.example:disk1","transport":"tcp","user":"user"}"#,
            "iscsi://san:3261/iqn.2024-01.org.example:disk1/3",
        ),
        (
            "iscsi://[2001:db8::1]/iqn.x:y/0",
            r#"{"driver":"iscsi","lun":0,"portal":"[2001:db8::1]:3260","target":"iqn.x:y","transport":"tcp"}"#,
            "iscsi://[2001:db8::1]:3260/iqn.x:y/0",
        ),
        (
            "gluster://server/volume/images/disk",
            r#"{"driver":"gluster","logfile":"/dev/null","path":"images/disk","server":[{"host":"server","port":"24007","type":"inet"}],"volume":"volume"}"#,
            "gluster://server:24007/volume/images/disk",
        ),
        (
            "gluster+unix:///volume/disk?socket=/run/g",
            r#"{"driver":"gluster","logfile":"/dev/null","path":"disk","server":[{"path":"/run/g","type":"unix"}],"volume":"volume"}"#,
            "gluster+unix:///volume/disk?socket=/run/g",
        ),
        (
            "http://host/disk.raw?x=1",
            r#"{"driver":"http","url":"http://host/disk.raw?x=1"}"#,
            "http://host/disk.raw",
        ),
    ] {
        assert_eq!(told(text), (options.into(), shown.into()), "{text}");
    }
}

#[test]
fn an_image_of_ceph_is_found_by_pool_namespace_and_name() {
    for (text, pool, namespace, image, user) in [
        ("rbd:instances/disk0", "instances", None, "disk0", "admin"),
        ("rbd:disk0", "rbd", None, "disk0", "admin"),
        (
            r"rbd:p/n/a\:b\@c:id=ganeti:conf=/etc/ceph/other.conf",
            "p",
            Some("n"),
            "a:b@c",
            "ganeti",
        ),
    ] {
        let uri: Uri = text.parse().unwrap();
        let options = uri.protocol(false).unwrap().options;
        assert_eq!(options["pool"], pool);
        assert_eq!(
            options.get("namespace").and_then(|name| name.as_str()),
            namespace
        );
        assert_eq!(options["image"], image);
        assert_eq!(options["user"], user);
    }
    let uri: Uri = r"rbd:p/i:mon_host=192.0.2.1\:3300;[\:\:1]".parse().unwrap();
    let options = uri.protocol(false).unwrap().options;
    assert_eq!(options["server"][0]["port"], "3300");
    assert_eq!(options["server"][1]["host"], "::1");
}

#[test]
fn what_could_mean_something_else_is_refused() {
    let long = format!("nbd://host/{}", "x".repeat(5000));
    for text in [
        "json:{\"driver\":\"file\",\"filename\":\"/etc/shadow\"}",
        "file:/etc/shadow",
        "fat:/etc",
        "blkdebug::/etc/shadow",
        "ssh://host/etc/shadow",
        "nbds://host/x",
        "/etc/shadow",
        "",
        "nbd:",
        "nbd://",
        "nbd://host:0/",
        "nbd://host:65536/",
        "nbd://host:+1/",
        "nbd://user@host/x",
        "nbd://host/x?tls-creds=x",
        "nbd://host,file.filename=x/",
        "nbd://host/%0a",
        "nbd://host/%zz",
        "nbd:unix:relative",
        "nbd+unix:///x",
        "nbd+unix:///x?socket=relative",
        "nbd+unix:///x?socket=/a&b=c",
        "nbd+unix://host/x?socket=/a",
        "nbd://ho st/",
        "iscsi://host/target",
        "iscsi://host/tar,get/0",
        "iscsi://host/target/x",
        "iscsi://host/target/99999",
        "iscsi://host/target/0?header_digest=crc32c",
        "rbd:",
        "rbd:a//b",
        "rbd:a/b/c/d",
        "rbd:pool/image@snapshot",
        "rbd:pool/image:conf=/etc/shadow",
        "rbd:pool/image:conf=/etc/ceph/../shadow",
        "rbd:pool/image:key=secret",
        "rbd:pool/image:id=../x",
        "gluster://host/volume",
        "gluster://host/volume/../x",
        "gluster+rdma://host/volume/x",
        "ftp://host/x",
        long.as_str(),
    ] {
        assert!(text.parse::<Uri>().is_err(), "{text}");
    }
}

#[test]
fn a_refusal_and_the_shown_form_hold_no_secret() {
    for text in [
        "iscsi://user%hunter2@host/bad/x",
        "iscsi://user%hunter2@host/iqn.x:y/0",
        "http://user:hunter2@host/disk",
        "nbd://user:hunter2@host/disk",
        "other://user:hunter2@host/disk",
    ] {
        let words = match text.parse::<Uri>() {
            Ok(uri) => format!("{uri} {uri:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!words.contains("hunter2"), "{words}");
    }
}

#[test]
fn an_argument_is_a_uri_only_by_its_scheme() {
    for text in [
        "nbd:host:1",
        "nbd+unix:///x",
        "rbd:x",
        "json:{}",
        "http://host/x",
        "sheepdog+tcp:x",
    ] {
        assert!(Uri::is_meant(text), "{text}");
    }
    for text in [
        "/dev/disk/by-path/pci-0000:00",
        "./rbd:x",
        "disk",
        "a:b",
        "C:disk",
    ] {
        assert!(!Uri::is_meant(text), "{text}");
    }
}
