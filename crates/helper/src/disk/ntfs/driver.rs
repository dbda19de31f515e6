//! Mounts NTFS with the driver of ntfs-3g, a process that runs as long as it is mounted.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::statfs;
use rustix::io::Errno;

use crate::disk::modules;
use crate::disk::mount::{Access, MOUNTS, is_mounted};
use crate::error::{Doing, Error, Result};
use crate::run::program::{self, Background};

/// The driver that can take names without regard to upper and lower case, as Windows does.
const DRIVER: &str = "lowntfs-3g";
/// How long it may take until it has mounted, or ended: a volume of many TB takes seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// How long it may compute, in seconds: what is asked of it takes one or two. In a directory that
/// leads into itself it goes round and round.
const COMPUTING: u64 = 60;

/// What the driver is told, besides who may write.
///
/// * `ignore_case`, `windows_names`: names are those of Windows.
/// * `norecover`: what the journal holds is never thrown away.
/// * `no_detach`: the driver stays our child.
/// * `permissions`, with [`USERS`], and `inherit`: a new file gets the access list that its directory
///   passes on, as Windows would give it. A mode means nothing.
const OPTIONS: &str =
    "ignore_case,windows_names,norecover,no_detach,permissions,inherit,nodev,nosuid,noexec";

/// The file beside the mount point that tells the driver who root is (ntfs-3g(8), "User mapping").
const USERS_FILE: &str = "ntfs-users";
/// Root is the group Administrators. Nobody else writes here; the driver wants a pattern for
/// them all the same.
const USERS: &str = "0:0:S-1-5-32-544\n::S-1-5-21-1111111111-2222222222-3333333333-10000\n";

/// What a kernel with FUSE has.
const FUSE: &str = "/dev/fuse";

/// The drivers that run, by their mount points.
static RUNNING: Mutex<Vec<(PathBuf, Background)>> = Mutex::new(Vec::new());

/// Mounts it, and comes back when it is mounted.
///
/// # Errors
/// When the driver refuses it or is not there.
pub(crate) fn mount(device: &Path, target: &Path, access: Access) -> Result<()> {
    mount_for(device, target, access, COMPUTING)
}

/// The same, for a driver that computes so many seconds.
fn mount_for(device: &Path, target: &Path, access: Access, computing: u64) -> Result<()> {
    if !Path::new(FUSE).exists() {
        modules::load("fuse")?;
    }
    let users = target.with_file_name(USERS_FILE);
    fs::write(&users, USERS).doing(|| format!("writing {}", users.display()))?;
    let mut options = format!("{OPTIONS},usermapping={}", users.display());
    if access == Access::Read {
        options.push_str(",ro");
    }
    let arguments = [
        OsStr::new("-o"),
        options.as_ref(),
        device.as_os_str(),
        target.as_os_str(),
    ];
    let doing = || format!("mounting the ntfs file system of {}", device.display());
    // Opened before: what changes from here on is seen.
    let mounts = File::open(MOUNTS).doing(doing)?;
    let mut driver = program::background(DRIVER, &arguments)?;
    driver.limit(computing).doing(doing)?;
    let deadline = Instant::now() + LIMIT;
    while !is_mounted(target)? {
        if driver.has_ended().doing(doing)? {
            return Err(driver.failure());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(late("mounted", device));
        }
        let mut events = [
            PollFd::new(&mounts, PollFlags::PRI),
            PollFd::new(driver.handle(), PollFlags::IN),
        ];
        wait(&mut events, left).doing(doing)?;
    }
    running().push((target.into(), driver));
    Ok(())
}

/// Waits for the end of the driver of what was unmounted here, if there was one: only then has
/// it let go of the device.
///
/// # Errors
/// When it does not end, or ends with an error.
pub(crate) fn ended(point: &Path) -> Result<()> {
    let driver = {
        let mut running = running();
        let place = running.iter().rposition(|(at, _)| at == point);
        place.map(|place| running.remove(place).1)
    };
    let Some(mut driver) = driver else {
        return Ok(());
    };
    let doing = || format!("waiting for the driver of {}", point.display());
    let deadline = Instant::now() + LIMIT;
    while !driver.has_ended().doing(doing)? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(late("unmounted", point));
        }
        wait(&mut [PollFd::new(driver.handle(), PollFlags::IN)], left).doing(doing)?;
    }
    driver.success()
}

/// The error of a driver that ended while its volume was mounted. It explains whatever failed
/// there since.
pub(crate) fn fault() -> Option<Error> {
    let mut running = running();
    let place = running.iter_mut().position(|(point, driver)| {
        let is_gone = matches!(statfs(point.as_path()), Err(Errno::NOTCONN));
        // Nothing of this is kept by the kernel. It may not have ended yet.
        let mut end = [PollFd::new(driver.handle(), PollFlags::IN)];
        is_gone && wait(&mut end, LIMIT).is_ok() && driver.has_ended().unwrap_or(false)
    })?;
    let failure = running.remove(place).1.failure();
    Some(Error::image(format!(
        "the driver of NTFS ended while it was in use, as a damaged volume makes it do: run chkdsk /f \
         in Windows and shut it down ({failure})"
    )))
}

fn running() -> std::sync::MutexGuard<'static, Vec<(PathBuf, Background)>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until something happens, or the time is over.
pub(super) fn wait(events: &mut [PollFd<'_>], left: Duration) -> io::Result<()> {
    let left = Timespec::try_from(left).map_err(io::Error::other)?;
    match poll(events, Some(&left)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn late(what: &str, place: &Path) -> Error {
    Error::image(format!(
        "the NTFS of {} is not {what} after {} s",
        place.display(),
        LIMIT.as_secs()
    ))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use snf_image_testkit::ntfs;

    use super::*;
    use crate::disk::mount::unmount_all;
    use crate::guest::root::{Attributes, FILE_LIMIT, Root};
    use crate::run::testing::{apart, resize, tool};

    /// Works on a new NTFS, and gives it back unmounted.
    fn mounted(access: Access, volume: &Path, work: impl FnOnce(&Root) + Send) {
        apart(|| {
            let directory = tempfile::tempdir().unwrap();
            let target = directory.path().join("target");
            fs::create_dir(&target).unwrap();
            mount(volume, &target, access).unwrap();
            work(&Root::of_windows(&target).unwrap());
            unmount_all(&target).unwrap();
            assert!(!is_mounted(&target).unwrap());
        });
    }

    fn volume() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        resize(file.path(), 32 << 20);
        tool("mkntfs", &["--quiet", "--fast", "--force"], file.path());
        file
    }

    fn said(program: &str, arguments: &[&str], volume: &Path, file: &str) -> String {
        let output = Command::new(program)
            .args(arguments)
            .arg(volume)
            .arg(file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{program} {file}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The access list of a file, as ntfssecaudit(8) shows it.
    fn security(volume: &Path, file: &str) -> Vec<String> {
        let text = said("ntfssecaudit", &["-v"], volume, file);
        let lines = text.lines().filter(|line| line.starts_with("        0"));
        lines.map(str::to_owned).collect()
    }

    const ANY: Attributes = Attributes::of_root(0o600);

    #[test]
    fn names_are_those_of_windows_and_new_files_get_what_their_directory_passes_on() {
        let file = volume();
        let volume = file.path();
        mounted(Access::Write, volume, |root| {
            root.make_directories("/Windows/System32", ANY).unwrap();
            root.install("/WINDOWS/system32/A File.txt", b"one", ANY)
                .unwrap();
            let read = |path| root.read(path, FILE_LIMIT).unwrap();
            assert_eq!(read("/windows/SYSTEM32/a file.TXT").unwrap(), b"one");
            assert_eq!(read("/windows/none"), None);
        });
        let name = "Windows/System32/A File.txt";
        let before = security(volume, name);
        let text = before.join("");
        // Owned by Administrators, S-1-5-32-544; SYSTEM, S-1-5-18, has a part in it.
        assert!(
            text.contains("20000000") && text.contains("12000000"),
            "{text}"
        );

        mounted(Access::Write, volume, |root| {
            let again = "/windows/system32/a file.txt";
            root.rewrite(again, b"two lines\r\n", ANY).unwrap();
            root.rewrite(again, b"two", ANY).unwrap();
        });
        assert_eq!(said("ntfscat", &[], volume, name), "two");
        assert_eq!(security(volume, name), before);
        let listed = tool("ntfsls", &["-p", "/Windows/System32"], volume);
        assert!(listed.contains("A File.txt"), "{listed}");
        tool("ntfsfix", &["--no-action"], volume);
    }

    #[test]
    fn what_is_in_a_private_directory_is_for_administrators_and_the_system_alone() {
        let file = volume();
        let volume = file.path();
        mounted(Access::Write, volume, |root| {
            root.make_private_directory("/a/b").unwrap();
            root.install("/a/b/file", b"", ANY).unwrap();
        });
        // Everyone, S-1-1-0, and Users, S-1-5-32-545, have a part in others.
        let names_others = |file: &str| {
            let text = security(volume, file).join(" ");
            text.contains("00000001 00000000") || text.contains("21020000")
        };
        assert!(names_others("a") && !names_others("a/b/file"));
    }

    #[test]
    fn one_that_is_only_looked_at_is_not_changed() {
        let file = volume();
        let before = fs::read(file.path()).unwrap();
        mounted(Access::Read, file.path(), |root| {
            assert!(root.install("/file", b"", ANY).is_err());
        });
        assert!(fs::read(file.path()).unwrap() == before);
    }

    #[test]
    fn a_directory_that_leads_into_itself_ends_the_driver_and_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let (volume, tree) = (
            directory.path().join("volume"),
            directory.path().join("tree"),
        );
        fs::create_dir_all(tree.join("Windows")).unwrap();
        for number in 0..400 {
            fs::write(
                tree.join(format!("Windows/name-number-{number:05}.txt")),
                "",
            )
            .unwrap();
        }
        ntfs::make(&volume, 32, &tree).unwrap();
        ntfs::circle::close(&volume).unwrap();
        apart(|| {
            let target = directory.path().join("target");
            fs::create_dir(&target).unwrap();
            mount_for(&volume, &target, Access::Write, 1).unwrap();
            let root = Root::of_windows(&target).unwrap();
            assert!(root.exists("/windows/NAME-number-00007.txt"));
            assert!(root.read("/Windows/zzz", FILE_LIMIT).is_err());
            let error = fault().unwrap().to_string();
            assert!(
                error.contains("chkdsk /f") && error.contains("signal"),
                "{error}"
            );
            drop(root);
            // What is left of it says that it is not there any more.
            let _ = unmount_all(&target);
            assert!(!is_mounted(&target).unwrap());
        });
    }

    #[test]
    fn what_is_no_ntfs_is_an_error_with_what_the_driver_says() {
        let file = tempfile::NamedTempFile::new().unwrap();
        resize(file.path(), 1 << 20);
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("target");
        fs::create_dir(&target).unwrap();
        let error = mount(file.path(), &target, Access::Write).unwrap_err();
        assert!(
            error.to_string().starts_with("lowntfs-3g failed"),
            "{error}"
        );
    }
}
