//! File systems that only the running machine has, such as encrypted ones: their mount points stay shut.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use rustix::mount::{MountFlags, mount_bind, mount_remount};

use crate::disk::probe::Kind;
use crate::disk::resolve::Volumes;
use crate::error::{Doing, Error, Result};
use crate::guest::crypttab::{self, Entry};
use crate::guest::root::{FILE_LIMIT, Root, shown};
use crate::run::context::Shut;
use crate::tasks::mount_image::{directory, held};

/// Why one that is encrypted is not mounted.
pub(super) const REASON: &str = "encrypted: only the running machine has the key";

/// Where tasks work that nobody asked for, and what they look for: an image with one of these shut
/// would become a machine that is not its own.
const NEEDED: [&str; 5] = ["/etc", "/usr", "/var", "/var/lib", "/var/lib/dbus"];

/// The encrypted volumes that the image knows, and the mount points of what only the running machine
/// has.
#[derive(Debug, Default)]
pub(super) struct Encrypted {
    volumes: Vec<Entry>,
    /// The mount points that were shut.
    pub(super) points: Vec<Shut>,
}

impl Encrypted {
    /// Reads the image's table of them.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(super) fn read(root: &Root) -> Result<Self> {
        let table = root.read(crypttab::FILE, FILE_LIMIT)?.unwrap_or_default();
        Ok(Encrypted {
            volumes: crypttab::parse(&table),
            points: Vec::new(),
        })
    }

    /// Whether what an entry of fstab(5) names lies in a volume that is on the disks, encrypted.
    pub(super) fn hides(&self, spec: &str, volumes: &mut Volumes<'_>) -> bool {
        let mut called = self.volumes.iter().filter(|own| own.is_called(spec));
        called.any(|own| {
            let mut kind = || volumes.find(&own.device).map(|volume| volume.kind);
            own.is_unmarked() || matches!(kind(), Some(Kind::Luks | Kind::BitLocker))
        })
    }

    /// Whether a mount point lies below one that is shut.
    pub(super) fn covers(&self, point: &Path) -> bool {
        self.points
            .iter()
            .any(|shut| point.starts_with(&shut.point))
    }

    /// Shuts a mount point for a reason: what would be written there could not be seen in the
    /// machine.
    ///
    /// # Errors
    /// When it does not exist, tasks have to work there, or the kernel refuses.
    pub(super) fn shut(&mut self, root: &Root, point: &Path, reason: &'static str) -> Result<()> {
        if NEEDED.map(Path::new).contains(&point) {
            return Err(Error::image(format!(
                "{} is seen in the running machine alone ({reason}): deploy the image with the \
                 property EXCLUDE_MOUNTED_TASKS=yes and let it configure itself",
                shown(point)
            )));
        }
        let doing = || format!("shutting {}", shown(point));
        let directory = directory(root, point)?;
        mount_bind(held(&directory), held(&directory)).doing(doing)?;
        self.points.push(Shut {
            point: point.into(),
            reason,
        });
        // What is opened from here on is the directory as it lies over itself.
        let directory = self::directory(root, point)?;
        let flags = MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
        let flags = flags | MountFlags::BIND | MountFlags::RDONLY;
        mount_remount(held(&directory), flags, c"").doing(doing)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::mount::unmount_all;
    use crate::guest::testing::Image;
    use crate::run::testing::apart;

    #[test]
    fn nothing_can_be_written_below_a_mount_point_that_is_shut() {
        let image = tempfile::tempdir().unwrap();
        for name in ["home", "etc"] {
            fs::create_dir(image.path().join(name)).unwrap();
        }
        apart(|| {
            mount_bind(image.path(), image.path()).unwrap();
            let root = Root::open(image.path()).unwrap();
            let mut encrypted = Encrypted::default();
            encrypted.shut(&root, Path::new("/home"), REASON).unwrap();
            assert!(!root.is_writable("/home").unwrap());
            assert!(root.is_writable("/etc").unwrap());
            assert!(encrypted.covers(Path::new("/home/data")));
            assert!(!encrypted.covers(Path::new("/homes")));
            let missing = encrypted
                .shut(&root, Path::new("/srv"), REASON)
                .unwrap_err();
            assert!(
                missing
                    .to_string()
                    .contains("/srv of the image does not exist")
            );
            drop(root);
            unmount_all(image.path()).unwrap();
        });
        fs::write(image.path().join("home/file"), "").unwrap();
    }

    #[test]
    fn an_image_whose_own_state_is_encrypted_is_refused() {
        let image = Image::debian();
        let error = image.confined(|root| {
            let shut = Encrypted::default().shut(&root, Path::new("/var"), REASON);
            shut.unwrap_err().to_string()
        });
        assert!(
            error.starts_with("/var of the image is seen") && error.contains("encrypted"),
            "{error}"
        );
    }

    #[test]
    fn only_what_is_on_the_disks_is_hidden_in_it() {
        let disk = tempfile::NamedTempFile::new().unwrap();
        let mut head = vec![0; 1 << 20];
        head[..6].copy_from_slice(b"LUKS\xba\xbe");
        head[168..172].copy_from_slice(b"0a1b");
        fs::write(disk.path(), head).unwrap();
        let table = b"home UUID=0a1b none luks\ndata UUID=ffff none luks\n\
            tmp PARTUUID=ffff /dev/urandom tmp\n";
        let encrypted = Encrypted {
            volumes: crypttab::parse(table),
            points: Vec::new(),
        };
        let disks = [disk.path().to_path_buf()];
        let mut lvm = None;
        let mut volumes = Volumes::new(&disks, None, &mut lvm);
        for (spec, is_hidden) in [
            ("/dev/mapper/home", true),
            ("/dev/disk/by-id/dm-name-home", true),
            ("/dev/mapper/tmp", true),
            ("/dev/mapper/data", false),
            ("/dev/mapper/other", false),
            ("UUID=0a1b", false),
        ] {
            assert_eq!(encrypted.hides(spec, &mut volumes), is_hidden, "{spec}");
        }
        assert!(volumes.has_encrypted());
    }
}
