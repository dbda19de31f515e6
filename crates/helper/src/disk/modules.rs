//! Kernel modules: disk drivers and file systems, loaded when they are first needed.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::system::finit_module;

use crate::error::{Doing, Error, Result};
use crate::run::{packed, program};

/// Where the builder of the helper system lays the modules, unpacked.
const DIRECTORY: &str = "/usr/lib/snf-image-helper/modules";
/// The list in it: `alias: first.ko second.ko`, what a module needs before itself. An alias
/// without a line is built into the kernel.
const LIST: &str = "modules.list";

/// Loads what an alias stands for, if it is not there already. A helper system without a
/// list of modules is asked through `modprobe`.
///
/// # Errors
/// When the kernel refuses a module.
pub fn load(alias: &str) -> Result<()> {
    let directory = Path::new(DIRECTORY);
    match fs::read_to_string(directory.join(LIST)) {
        Ok(list) => files(&list, alias)
            .iter()
            .try_for_each(|file| insert(&directory.join(file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            program::succeed("modprobe", &["--"], Path::new(alias))
        }
        Err(error) => Err(error).doing(|| format!("reading {DIRECTORY}/{LIST}")),
    }
}

/// The files that an alias stands for, in the order of their insertion.
fn files<'list>(list: &'list str, alias: &str) -> Vec<&'list str> {
    list.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == alias)
        .map(|(_, files)| files.split_whitespace().collect())
        .unwrap_or_default()
}

fn insert(path: &Path) -> Result<()> {
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .replace('-', "_");
    if Path::new("/sys/module").join(name).exists() {
        return Ok(());
    }
    let doing = || format!("loading the kernel module {}", path.display());
    packed::unpack(path)?;
    let file = File::open(path).doing(doing)?;
    match finit_module(&file, c"", 0) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        // Another version, or a symbol that no module before it has brought.
        Err(Errno::NOEXEC | Errno::NOENT) => Err(Error::image(format!(
            "{} does not fit the running kernel: build the helper again with: snf-image helper \
             build",
            path.display()
        ))),
        Err(errno) => Err(errno).doing(doing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_stands_for_its_files_in_their_order() {
        let list = "virtio_blk: virtio_blk.ko\nxfs: libcrc32c.ko  xfs.ko\n\n";
        assert_eq!(files(list, "xfs"), ["libcrc32c.ko", "xfs.ko"]);
        assert_eq!(files(list, "virtio_blk"), ["virtio_blk.ko"]);
    }

    #[test]
    fn an_alias_without_a_line_is_built_in() {
        assert!(files("xfs: xfs.ko\n", "ext4").is_empty());
        assert!(files("", "xfs").is_empty());
    }
}
