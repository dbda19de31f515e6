//! NTFS: whether it may be written to, how it lies in its device, and growing it.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use crate::disk::bytes::{u16_at, u64_at};
use crate::disk::device;
use crate::disk::fit::Fit;
use crate::disk::layout::ALIGNMENT;
use crate::error::{Doing, Error, Result};
use crate::run::program::{self, Output};

pub(crate) mod driver;
mod volume;

pub use volume::is_marked;

/// What ntfs-3g.probe(8) says by its exit code.
const SOUND: i32 = 0;
const DAMAGED: i32 = 13;
const HIBERNATED: i32 = 14;
const UNCLEAN: i32 = 15;
/// How it tells, beside [`HIBERNATED`], a volume whose journal is one that Windows 8 and later
/// write while they have the volume open (version 2.0 of it).
const OPEN: &str = "Metadata kept in Windows cache";

/// How long the tool for the journal may take, which holds at most some tens of MiB. There are
/// journals in which it goes round and round.
const RECOVERY: Duration = Duration::from_secs(60);

/// Fields of the boot sector (Microsoft, NTFS.com "NTFS Partition Boot Sector"): bytes in a
/// sector, sectors in a cluster, sectors of the file system without the copy of the boot sector.
const SECTOR: usize = 11;
const CLUSTER: usize = 13;
const SECTORS: usize = 40;

/// Sees to it that a file system may be written to: what its journal holds is applied first.
///
/// # Errors
/// When Windows lies hibernated in it or had it open, or when it is damaged beyond what the journal
/// tells.
pub fn check(device: &Path, name: &str) -> Result<()> {
    let mut state = probe(device)?;
    if state.code() == Some(UNCLEAN) {
        recover(device, RECOVERY)?;
        // Only the look afterwards counts: it may leave undone what it cannot do safely.
        state = probe(device)?;
    }
    let is_open = || state.stderr().iter().any(|line| line.contains(OPEN));
    let why = match state.code() {
        Some(SOUND) => return Ok(()),
        Some(HIBERNATED) if is_open() => {
            "was open in Windows when the image was taken, or the machine was shut down with fast \
             startup: shut it down with: shutdown /s /t 0"
        }
        Some(HIBERNATED) => {
            "holds a Windows that is hibernated, or was shut down with fast startup: shut it down \
             with: shutdown /s /t 0"
        }
        Some(UNCLEAN) => {
            "was not unmounted, and what its journal holds cannot be applied: start Windows and \
             shut it down"
        }
        Some(DAMAGED) => "is damaged: run chkdsk /f in Windows and shut it down",
        _ => "cannot be written to: run chkdsk /f in Windows and shut it down",
    };
    Err(Error::image(format!("the NTFS of {name} {why}")))
}

/// Applies what the journal holds, as far as that ends within a time.
fn recover(device: &Path, limit: Duration) -> Result<()> {
    let mut tool = program::background("ntfsrecover", &[device.as_os_str()])?;
    let doing = || format!("applying the journal of {}", device.display());
    let deadline = Instant::now() + limit;
    while !tool.has_ended().doing(doing)? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            // Here it is killed.
            break;
        }
        driver::wait(&mut [PollFd::new(tool.handle(), PollFlags::IN)], left).doing(doing)?;
    }
    Ok(())
}

fn probe(device: &Path) -> Result<Output> {
    program::tool("ntfs-3g.probe", &["--readwrite"], device, &[])
}

/// How it lies in its device.
///
/// # Errors
/// When the device cannot be read or holds none.
pub fn read_fit(device: &Path) -> Result<Fit> {
    let head = device::head(device, 512)?;
    let size = device::size(device)?;
    fit(&head, size).ok_or_else(|| Error::image(format!("{} holds no NTFS", device.display())))
}

/// What is left behind it may be less than a cluster, and is no reason to grow it.
fn fit(head: &[u8], device_size: u64) -> Option<Fit> {
    let sector = u64::from(u16_at(head, SECTOR)?);
    // The copy of the boot sector comes behind the last one.
    let sectors = u64_at(head, SECTORS)?.checked_add(1)?;
    let taken = sectors.checked_mul(sector)?;
    let slack = ALIGNMENT.max(cluster(head, sector)?.saturating_mul(2));
    Some(match Fit::of(taken, device_size) {
        Fit::Grows if device_size - taken < slack => Fit::Fills,
        fit => fit,
    })
}

/// The bytes of a cluster. More than 128 sectors are written as a negative power of two.
fn cluster(head: &[u8], sector: u64) -> Option<u64> {
    let sectors = *head.get(CLUSTER)?;
    match sectors {
        0..=128 => sector.checked_mul(sectors.into()),
        _ => sector.checked_shl(u32::from(sectors.wrapping_neg())),
    }
}

/// Grows it to the size of its device. Windows checks it when it starts.
///
/// # Errors
/// When it may not be written to, Windows has marked it for a check, or `ntfsresize` fails.
pub fn grow(device: &Path, name: &str) -> Result<()> {
    check(device, name)?;
    // With its option --force it would also work on one that is marked.
    let output = program::tool("ntfsresize", &["--no-progress-bar"], device, b"y\n")?;
    let is_marked = |line: &String| line.contains("scheduled for check");
    if output.code() != Some(0) && output.stderr().iter().any(is_marked) {
        return Err(Error::image(format!(
            "the NTFS of {name} is marked for a check: let Windows check it, shut it down, and \
             deploy it again, or leave its growth to Windows: property OFFLINE_NTFSRESIZE=no"
        )));
    }
    output.success()?;
    match read_fit(device)? {
        Fit::Fills => Ok(()),
        Fit::Grows | Fit::Exceeds => Err(Error::image(format!(
            "ntfsresize did not grow the NTFS of {name}"
        ))),
    }
}

/// Takes back the mark by which Windows checks it when it starts.
///
/// # Errors
/// When `ntfsfix` fails.
pub fn clear_mark(device: &Path) -> Result<()> {
    program::succeed("ntfsfix", &["--clear-dirty"], device)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::run::testing::{resize, tool};
    use snf_image_testkit::ntfs::{self as testkit, journal, journal::Journal};

    fn volume(mib: u64) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        resize(file.path(), mib << 20);
        tool("mkntfs", &["--quiet", "--fast", "--force"], file.path());
        file
    }

    /// Whether Windows will check it, as ntfsinfo(8) says, which refuses such a one unless it is
    /// forced.
    fn is_marked(path: &Path) -> bool {
        let said = tool("ntfsinfo", &["--force", "--mft"], path);
        let flags = said
            .lines()
            .find_map(|line| line.split_once("Volume Flags: "));
        let is_marked = flags.unwrap().1.contains("DIRTY");
        assert_eq!(super::is_marked(path).unwrap(), is_marked);
        is_marked
    }

    #[test]
    fn it_grows_to_the_end_of_its_device_and_windows_is_told_to_check_it() {
        let file = volume(32);
        let path = file.path();
        assert_eq!(read_fit(path).unwrap(), Fit::Fills);
        resize(path, (100 << 20) + 512);
        assert_eq!(read_fit(path).unwrap(), Fit::Grows);
        grow(path, "it").unwrap();
        assert_eq!(read_fit(path).unwrap(), Fit::Fills);
        assert!(is_marked(path));
        tool("ntfsfix", &["--no-action"], path);

        resize(path, 150 << 20);
        let refused = grow(path, "it").unwrap_err().to_string();
        assert!(refused.contains("marked for a check"), "{refused}");
        clear_mark(path).unwrap();
        assert!(!is_marked(path));
        grow(path, "it").unwrap();
        check(path, "it").unwrap();
        resize(path, 100 << 20);
        assert_eq!(read_fit(path).unwrap(), Fit::Exceeds);
    }

    #[test]
    fn one_that_is_damaged_is_refused_by_its_name() {
        let file = volume(8);
        // The first record of the master file table and its copy.
        let mut bytes = std::fs::read(file.path()).unwrap();
        let records: Vec<_> = (0..bytes.len() - 4)
            .step_by(512)
            .filter(|at| bytes[*at..].starts_with(b"FILE"))
            .collect();
        records.iter().for_each(|at| bytes[*at..*at + 4].fill(0));
        std::fs::write(file.path(), bytes).unwrap();
        let refused = check(file.path(), "partition 2").unwrap_err().to_string();
        assert!(
            refused.contains("the NTFS of partition 2 is damaged"),
            "{refused}"
        );
    }

    /// An NTFS in a directory.
    struct Volume {
        path: PathBuf,
        _directory: TempDir,
    }

    /// One with a file that says what was before, and with such a journal.
    fn volume_with(journal: Journal) -> Volume {
        let volume = volume_of("file", b"before the crash");
        let new = b"after the replay";
        journal::leave(&volume.path, journal, b"before the crash", new).unwrap();
        volume
    }

    fn volume_of(file: &str, content: &[u8]) -> Volume {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(tree.join(file), content).unwrap();
        let path = directory.path().join("volume");
        testkit::make(&path, 32, &tree).unwrap();
        Volume {
            path,
            _directory: directory,
        }
    }

    /// What comes of a look at its state, and what its file says then.
    fn left(journal: Journal) -> (Result<()>, Vec<u8>) {
        let Volume { path, _directory } = volume_with(journal);
        let checked = check(&path, "it");
        if checked.is_ok() {
            assert_eq!(testkit::problems(&path).unwrap(), "");
        }
        (checked, testkit::read(&path, "file").unwrap())
    }

    #[test]
    fn what_the_journal_has_of_committed_changes_is_done_and_nothing_else() {
        for (journal, content) in [
            (Journal::Clean, "before the crash"),
            (Journal::Committed, "after the replay"),
            (Journal::Begun, "before the crash"),
        ] {
            let (checked, found) = left(journal);
            checked.unwrap();
            assert_eq!(found, content.as_bytes(), "{journal:?}");
        }
    }

    #[test]
    fn a_journal_that_cannot_be_applied_is_refused_and_stays() {
        for (journal, words) in [
            (Journal::Torn, "cannot be applied"),
            (
                Journal::Cached,
                "was open in Windows when the image was taken",
            ),
        ] {
            let (checked, found) = left(journal);
            let refused = checked.unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
            assert_eq!(found, b"before the crash", "{journal:?}");
        }
    }

    #[test]
    fn a_journal_without_end_is_left_after_a_time() {
        let volume = volume_with(Journal::Endless);
        let begin = Instant::now();
        recover(&volume.path, Duration::from_millis(300)).unwrap();
        assert!(begin.elapsed() < Duration::from_secs(30));
        assert_eq!(probe(&volume.path).unwrap().code(), Some(UNCLEAN));
    }

    #[test]
    fn hibernation_is_known_by_its_file() {
        for (sign, is_refused) in [
            ("hibr", true),
            ("HIBR", true),
            ("wake", false),
            ("\0\0\0\0", false),
        ] {
            let mut content = sign.as_bytes().to_vec();
            content.resize(8192, 0);
            let Volume { path, _directory } = volume_of("hiberfil.sys", &content);
            let refused = check(&path, "it").err().map(|error| error.to_string());
            assert_eq!(refused.is_some(), is_refused, "{sign}");
            assert!(refused.is_none_or(|text| text.contains("is hibernated")));
        }
    }

    proptest! {
        #[test]
        fn no_boot_sector_makes_it_panic(head: Vec<u8>, size: u64) {
            let _ = fit(&head, size);
        }
    }
}
