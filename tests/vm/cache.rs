//! Images that are fetched once for several deployments.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Deployment, Scene};
use rustix::process::Signal;
use snf_image_testkit::tree;
use snf_image_testkit::web::Web;

/// A server that has an image of the scene under this name, and a node that keeps what it fetches.
fn stage(scene: &Scene, name: &str) -> Web {
    let image = scene.small_image(tree::debian).unwrap();
    fs::create_dir(scene.path("web")).unwrap();
    fs::rename(image, scene.path("web").join(name)).unwrap();
    let cache = scene.path("cache");
    let lines = format!(
        "FETCH_ALLOW=\"127.0.0.0/8\"\nIMAGE_CACHE_DIR=\"{}\"\n",
        cache.display()
    );
    scene.configure(&lines).unwrap();
    Web::over(&scene.path("web")).unwrap()
}

fn begin(scene: &Scene, url: &str, disk: &str) -> Deployment {
    let arguments = ["--size", "96M", "--hostname", disk];
    Deployment::start(&mut scene.deployment(Path::new(url), disk, arguments)).unwrap()
}

/// The only image in the cache.
fn kept(scene: &Scene) -> PathBuf {
    let entries = fs::read_dir(scene.path("cache")).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("sha256-")
        })
        .unwrap()
}

#[test]
fn deployments_at_once_are_one_download() {
    let Some(scene) = Scene::set() else { return };
    let web = stage(&scene, "image");
    let url = web.url("image");
    let disks = ["one", "two", "three"];
    let deployments = disks.map(|disk| begin(&scene, &url, disk));
    for deployment in deployments {
        deployment.end().unwrap().succeeded();
    }
    for disk in disks {
        let root = scene.root_of(disk).unwrap();
        assert_eq!(root.problems().unwrap(), "");
        assert_eq!(root.text("/etc/hostname").unwrap(), format!("{disk}\n"));
    }
    let answers = web.answers();
    let sent = answers.iter().filter(|answer| *answer == "200 image");
    assert_eq!(sent.count(), 1, "{answers:?}");

    // What was damaged meanwhile is found before the helper sees it.
    let file = File::options().write(true).open(kept(&scene)).unwrap();
    file.write_all_at(&[0x55; 512], 20 << 20).unwrap();
    let outcome = begin(&scene, &url, "four").end().unwrap();
    outcome
        .ended_with(1)
        .gave_one_reason(&["was damaged and is removed"]);
    assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    assert!(!scene.path("four").exists());
    begin(&scene, &url, "four").end().unwrap().succeeded();
}

#[test]
fn a_deployment_that_was_killed_while_it_fetched_is_no_obstacle() {
    let Some(scene) = Scene::set() else { return };
    let web = stage(&scene, "held");
    let url = web.url("held");
    let first = begin(&scene, &url, "one");
    let part = || {
        let entries = fs::read_dir(scene.path("cache")).into_iter().flatten();
        let mut names = entries.map(|entry| entry.unwrap().file_name());
        names.any(|name| name.to_string_lossy().starts_with("part-"))
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while !part() {
        assert!(Instant::now() < deadline, "nothing is put into the cache");
        thread::sleep(Duration::from_millis(20));
    }
    // Another one waits for it, and takes over.
    let second = begin(&scene, &url, "two");
    assert!(second.runs_after(Duration::from_secs(1)).unwrap());
    first.send(Signal::KILL).unwrap();
    first.end().unwrap();
    File::create(scene.path("web/release")).unwrap();
    second.end().unwrap().succeeded();
    assert_eq!(web.answers(), ["200 held", "200 held"]);
    begin(&scene, &url, "three").end().unwrap().succeeded();
    assert_eq!(web.answers().last().unwrap(), "304 held");
    assert!(!part());
}
