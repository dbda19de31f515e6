//! The installation as it was announced: the helper is built on the node, and deploys.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use harness::{Packages, Scene};
use snf_image_testkit::filesystem::FileSystem;
use snf_image_testkit::layout::Layout;
use snf_image_testkit::tree;

/// A directory with all packages that a small Debian stable needs: a mirror without a network.
const MIRROR: &str = r#"
mkdir -p /mnt/apt/lists/partial /mnt/apt/cache /mnt/mirror/pool/partial
cd /mnt/apt
touch status
echo 'deb http://deb.debian.org/debian stable main' > sources
from() {
    apt-get --quiet=2 -o Dir::Etc::SourceList=/mnt/apt/sources -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State=/mnt/apt -o Dir::State::status=/mnt/apt/status -o Dir::Cache=/mnt/apt/cache \
        -o Dir::Cache::archives=/mnt/mirror/pool -o APT::Install-Recommends=false \
        -o APT::Sandbox::User=root "$@" > /mnt/log 2>&1 || { cat /mnt/log; exit 1; }
}
from update
from install --yes --download-only '?essential' '?priority(required)' apt initramfs-tools \
    linux-image-amd64 udev zstd e2fsprogs fdisk kmod btrfs-progs f2fs-tools lvm2 ntfs-3g xfsprogs xorriso
cd /mnt/mirror
mkdir -p dists/stable/main/binary-amd64
dpkg-scanpackages pool > dists/stable/main/binary-amd64/Packages 2> /dev/null
cd dists/stable
index=main/binary-amd64/Packages
printf 'Suite: stable\nCodename: stable\nArchitectures: amd64\nComponents: main\nSHA256:\n %s %s %s\n' \
    "$(sha256sum $index | cut -d ' ' -f 1)" "$(stat -c %s $index)" $index > Release
SETTINGS='HELPER_BUILDER="debootstrap"
HELPER_MIRROR="deb [trusted=yes] file:/mnt/mirror stable main"'
"#;

/// The walk, word for word. In memory, because a Debian's installation flushes every file.
const WALK: &str = r#"
install "$DEBS"/snf-image-host_*.deb
HELPER_DIR=/mnt/helper
mkdir -p $HELPER_DIR /mnt/handy/location
cp "$DEBS"/snf-image-helper_*.deb /mnt/handy/location
mv /mnt/handy/location/snf-image-helper_*.deb $HELPER_DIR/
cat >> /etc/default/snf-image <<CONF
HELPER_DIR="$HELPER_DIR"
HELPER_PKG="$(basename $HELPER_DIR/snf-image-helper_*.deb)"
$SETTINGS
CONF
/usr/bin/snf-image-update-helper > /mnt/log 2>&1 || { cat /mnt/log; exit 1; }
! dpkg-query --status snf-image-helper > /mnt/log 2>&1 || exit 1
rm $HELPER_DIR/snf-image-helper_*.deb
cp $HELPER_DIR/* "$RESULT"
snf-image helper info
"#;

/// Walks, puts the helper that was built into the scene, and gives its directory and what is said
/// of it.
fn walk(scene: &Scene, packages: &Packages, before: &str) -> (PathBuf, String) {
    let helper = scene.path("helper");
    fs::create_dir(&helper).unwrap();
    let script = format!("RESULT='{}'\n{before}\n{WALK}", helper.display());
    let about = packages.aside(&script).unwrap();
    (helper, about)
}

/// Deploys the demo's image with this helper.
fn deploys(scene: &Scene, helper: &Path, seat: &str) {
    let settings = format!(
        "HELPER_DIR=\"{}\"\nHELPER_PARAMETERS=\"{seat}\"\n",
        helper.display()
    );
    scene.configure(&settings).unwrap();
    let name = format!("{seat}.example.org");
    let image = scene.product.demo_image.clone();
    scene
        .deploy(&image, seat, ["--size", "6G", "--hostname", &name])
        .unwrap()
        .succeeded();
    let root = scene.root_of(seat).unwrap();
    assert_eq!(root.text("/etc/hostname").unwrap(), format!("{name}\n"));
    assert_eq!(root.problems().unwrap(), "");
    assert!(root.size().unwrap() > 5 << 30);
}

#[test]
fn the_small_helper_is_built_on_a_node_and_deploys() {
    let Some(scene) = Scene::set() else { return };
    let Some(packages) = Packages::find() else {
        return;
    };
    let (helper, about) = walk(&scene, &packages, "SETTINGS=");
    assert!(about.contains("initramfs"), "{about}");
    deploys(&scene, &helper, "virtio");
}

#[test]
fn a_debian_helper_is_built_and_deploys_with_its_parameters_on_a_disk_and_on_a_floppy() {
    let Some(scene) = Scene::set() else { return };
    let Some(packages) = Packages::find() else {
        return;
    };
    let (helper, about) = walk(&scene, &packages, MIRROR);
    assert!(about.contains("debootstrap"), "{about}");
    let files = fs::read_dir(&helper).unwrap().count();
    assert_eq!(files, 4, "kernel, initrd, root and manifest");
    for seat in ["virtio", "floppy"] {
        deploys(&scene, &helper, seat);
    }

    let image = scene.small_image(tree::debian).unwrap();
    let large = scene.write("large", vec![b'x'; 2_000_000]).unwrap();
    let injection = format!("{}:/opt/large", large.display());
    scene
        .deploy(&image, "refused", ["--inject", &injection])
        .unwrap()
        .ended_with(1)
        .complained_of(&["floppy", "HELPER_PARAMETERS=virtio"]);

    // Its kernel knows f2fs, that of the small one does not.
    let settings = format!("HELPER_DIR=\"{}\"\n", helper.display());
    scene.configure(&settings).unwrap();
    let cell = scene.cell(FileSystem::F2fs).unwrap();
    cell.becomes_a_machine(Layout::Gpt);
}
