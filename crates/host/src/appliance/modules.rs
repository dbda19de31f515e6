//! Chooses the kernel's modules that the helper needs and the order in which to insert them.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::decompress::decompress;
use super::elf::Elf;
use super::error::{ApplianceError, Doing};

/// The driver of a floppy, on which parameters may travel.
const FLOPPY: &str = "floppy";

/// What the helper asks for by name, how much it needs it, and what has to be there
/// before it although no dependency says so (the character sets of FAT).
const WANTED: [(&str, Need, &[&str]); 11] = [
    ("virtio_pci", Need::Always, &[]),
    ("virtio_blk", Need::Always, &[]),
    ("ext4", Need::Always, &[]),
    (
        "vfat",
        Need::Often,
        &["nls_cp437", "nls_ascii", "nls_iso8859_1", "nls_utf8"],
    ),
    (FLOPPY, Need::Often, &[]),
    ("xfs", Need::Rarely, &[]),
    ("btrfs", Need::Rarely, &[]),
    ("f2fs", Need::Rarely, &[]),
    ("dm_mod", Need::Rarely, &[]),
    ("fuse", Need::Rarely, &[]),
    ("isofs", Need::Rarely, &["nls_utf8"]),
];

/// How much the helper needs a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// It cannot do without.
    Always,
    /// Some images need it; a kernel may lack it.
    Often,
    /// Few images need it, so it lies packed; a kernel may lack it.
    Rarely,
}

/// How the aliases of ciphers and checksums begin (Linux, include/linux/crypto.h,
/// `MODULE_ALIAS_CRYPTO`), as a name of a module.
const CRYPTO_ALIAS: &str = "crypto_";

/// The largest module, unpacked, in bytes.
const MAX_MODULE: usize = 64 * 1024 * 1024;

/// How deep directories and dependencies may be nested.
const MAX_DEPTH: usize = 32;

/// The chosen modules.
#[derive(Debug, Default)]
pub(super) struct Modules {
    /// Unpacked modules by file name (`ext4.ko`).
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// The lines of `modules.list`: `ext4: mbcache.ko jbd2.ko ext4.ko`.
    pub(super) list: String,
    /// The file names of those that few images need.
    pub(super) rare: BTreeSet<String>,
    /// Whether the driver of a floppy is among them, or built in.
    pub(super) has_floppy: bool,
}

/// Collects the modules below `directory` (`/lib/modules/RELEASE`) for the kernel `release`.
///
/// # Errors
/// When one that the helper cannot do without is neither there nor built in, or one is
/// broken or made for another kernel.
pub(super) fn collect(directory: &Path, release: &str) -> Result<Modules, ApplianceError> {
    let mut paths = BTreeMap::new();
    index(&directory.join("kernel"), 0, &mut paths)?;
    let mut collector = Collector {
        directory,
        release,
        paths,
        built_in: built_in(directory)?,
        modules: Modules::default(),
    };
    for (alias, need, before) in WANTED {
        collector.alias(alias, need, before)?;
    }
    let mut modules = collector.modules;
    modules.has_floppy =
        collector.built_in.contains(FLOPPY) || modules.files.contains_key(&format!("{FLOPPY}.ko"));
    Ok(modules)
}

struct Collector<'build> {
    directory: &'build Path,
    release: &'build str,
    paths: BTreeMap<String, PathBuf>,
    built_in: BTreeSet<String>,
    modules: Modules,
}

impl Collector<'_> {
    fn alias(&mut self, alias: &str, need: Need, before: &[&str]) -> Result<(), ApplianceError> {
        if self.built_in.contains(alias) {
            return Ok(());
        }
        if !self.paths.contains_key(alias) {
            return if need == Need::Always {
                Err(self.error(format!(
                    "there is no {alias}, and it is not built in either"
                )))
            } else {
                tracing::debug!("the kernel has no {alias}");
                Ok(())
            };
        }
        let known: BTreeSet<_> = self.modules.files.keys().cloned().collect();
        let mut order = Vec::new();
        for name in before.iter().chain([&alias]) {
            self.insert(name, 0, &mut order)?;
        }
        if need == Need::Rarely {
            let new = order.iter().filter(|file| !known.contains(*file));
            self.modules.rare.extend(new.cloned());
        }
        self.modules
            .list
            .push_str(&format!("{alias}: {}\n", order.join(" ")));
        Ok(())
    }

    /// Appends the module to the order, after everything that it depends on.
    fn insert(
        &mut self,
        name: &str,
        depth: usize,
        order: &mut Vec<String>,
    ) -> Result<(), ApplianceError> {
        let Some(path) = self.paths.get(name).cloned() else {
            return Ok(());
        };
        let file = format!("{name}.ko");
        if order.contains(&file) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(self.error(format!("the dependencies of {name} go in circles")));
        }
        let content = self.load(&path)?;
        let info = Info::parse(&content)
            .ok_or_else(|| self.error(format!("{} is no module", path.display())))?;
        if info.release != self.release {
            return Err(self.error(format!(
                "{name} is for Linux {}, the kernel is {}",
                info.release, self.release
            )));
        }
        for needed in &info.depends {
            if !self.paths.contains_key(needed) && !self.built_in.contains(needed) {
                return Err(self.error(format!("{name} needs {needed}, which is not there")));
            }
            self.insert(needed, depth + 1, order)?;
        }
        for wished in &info.soft {
            // A cipher or checksum is wished for by its name alone or by the alias that the kernel
            // has for it; the driver that runs on every CPU has this suffix.
            let wished = wished.strip_prefix(CRYPTO_ALIAS).unwrap_or(wished);
            self.insert(wished, depth + 1, order)?;
            self.insert(&format!("{wished}_generic"), depth + 1, order)?;
        }
        self.modules.files.insert(file.clone(), content);
        order.push(file);
        Ok(())
    }

    fn load(&self, path: &Path) -> Result<Vec<u8>, ApplianceError> {
        let packed = fs::read(path).doing(|| format!("reading {}", path.display()))?;
        decompress(&packed, MAX_MODULE)
            .map(std::borrow::Cow::into_owned)
            .doing(|| format!("unpacking {}", path.display()))
    }

    fn error(&self, why: String) -> ApplianceError {
        ApplianceError::Modules {
            path: self.directory.to_owned(),
            why,
        }
    }
}

/// What a module says about itself in its section `.modinfo`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Info {
    release: String,
    depends: Vec<String>,
    soft: Vec<String>,
}

impl Info {
    fn parse(module: &[u8]) -> Option<Self> {
        Some(Self::parse_section(
            Elf::parse(module)?.section(".modinfo")?,
        ))
    }

    /// The section is `key=value` strings, each ended by a zero byte.
    fn parse_section(section: &[u8]) -> Self {
        let mut info = Info::default();
        for line in section.split(|byte| *byte == 0) {
            let line = String::from_utf8_lossy(line);
            match line.split_once('=') {
                Some(("vermagic", value)) => {
                    info.release = value.split(' ').next().unwrap_or_default().to_owned();
                }
                Some(("depends", value)) => info.depends = names(value.split(',')),
                Some(("softdep", value)) => info.soft.extend(before(value)),
                _ => {}
            }
        }
        info
    }
}

/// The modules between `pre:` and `post:` (modprobe.d(5)).
fn before(softdep: &str) -> Vec<String> {
    names(
        softdep
            .split_whitespace()
            .skip_while(|word| *word != "pre:")
            .skip(1)
            .take_while(|word| *word != "post:"),
    )
}

fn names<'text>(words: impl Iterator<Item = &'text str>) -> Vec<String> {
    words.filter(|word| !word.is_empty()).map(name).collect()
}

/// Modules go by names with underscores although their files may have dashes.
fn name(stem: &str) -> String {
    stem.replace('-', "_")
}

/// Fills in where each module below a directory lies.
fn index(
    directory: &Path,
    depth: usize,
    paths: &mut BTreeMap<String, PathBuf>,
) -> Result<(), ApplianceError> {
    let doing = || format!("looking for modules in {}", directory.display());
    for entry in fs::read_dir(directory).doing(doing)? {
        let entry = entry.doing(doing)?;
        let file_name = entry.file_name();
        if entry.file_type().doing(doing)?.is_dir() {
            if depth < MAX_DEPTH {
                index(&entry.path(), depth + 1, paths)?;
            }
        } else if let Some((stem, _)) = file_name.to_str().and_then(|text| text.split_once(".ko")) {
            paths.insert(name(stem), entry.path());
        }
    }
    Ok(())
}

fn built_in(directory: &Path) -> Result<BTreeSet<String>, ApplianceError> {
    let path = directory.join("modules.builtin");
    let text = fs::read_to_string(&path).doing(|| format!("reading {}", path.display()))?;
    Ok(text
        .lines()
        .filter_map(|line| line.rsplit('/').next()?.strip_suffix(".ko"))
        .map(name)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_says_what_it_needs() {
        let section = b"license=GPL\0softdep=pre: crc32c post: later\0softdep=post: last\0\
            depends=libcrc32c,xor\0vermagic=6.1.0-56-cloud-amd64 SMP preempt\0";
        let info = Info::parse_section(section);
        assert_eq!(info.release, "6.1.0-56-cloud-amd64");
        assert_eq!(info.depends, ["libcrc32c", "xor"]);
        assert_eq!(info.soft, ["crc32c"]);
        assert!(Info::parse_section(b"depends=\0").depends.is_empty());
    }

    #[test]
    fn a_directory_without_the_disk_driver_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let error = collect(directory.path(), "6.1").unwrap_err().to_string();
        assert!(error.starts_with("looking for modules in "), "{error}");
        fs::create_dir(directory.path().join("kernel")).unwrap();
        fs::write(
            directory.path().join("modules.builtin"),
            "kernel/fs/ext4/ext4.ko\n",
        )
        .unwrap();
        let error = collect(directory.path(), "6.1").unwrap_err().to_string();
        assert!(error.contains("no virtio_pci"), "{error}");
    }
}
