//! Builds the helper: kernel, initramfs and manifest, put in place all at once.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use snf_image_protocol::{Task, VERSION};

use super::debootstrap::Debootstrap;
use super::elf::Elf;
use super::error::{ApplianceError, Doing};
use super::initramfs::Tree;
use super::manifest::{FORMAT, FileEntry, MANIFEST_FILE, Manifest, RELEASE, is_ours};
use super::modules::Modules;
use super::tools::Tools;
use super::{command_line, debian, files, kernel, modules, tools};
use crate::cancel::Cancel;

/// How the directories begin in which a build keeps what is not finished.
const STAGING: &str = ".build-";

/// Which packed files a program needs.
const PACKED_LIST: &str = "usr/lib/snf-image-helper/packed.list";

/// What to build, from what, and where.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Where the helper is kept (HELPER_DIR); made if it is not there.
    pub directory: PathBuf,
    /// How it is made.
    pub builder: Builder,
}

/// How a helper is made.
#[derive(Debug, Clone)]
pub enum Builder {
    /// A kernel and an initramfs with the tools of this node.
    Initramfs {
        /// The statically linked program `snf-image-helper`.
        helper: PathBuf,
        /// Where the kernel comes from.
        kernel: KernelSource,
    },
    /// A whole Debian system.
    Debootstrap(Debootstrap),
}

/// Where the helper's kernel comes from.
#[derive(Debug, Clone)]
pub enum KernelSource {
    /// A package of this Debian release, got with apt.
    Package(String),
    /// Files of this machine.
    Files {
        /// A bzImage, or an ELF kernel with a PVH entry.
        kernel: PathBuf,
        /// The directory of its modules, `/lib/modules/RELEASE`.
        modules: PathBuf,
    },
}

/// Builds the helper. The old one stays in place until the new one is complete, and a
/// failure leaves it as it was.
///
/// # Errors
/// When an ingredient is missing or unusable, another build is at work, or `cancel` was used.
pub fn build(options: &BuildOptions, cancel: &Cancel) -> Result<Manifest, ApplianceError> {
    let directory = options.directory.as_path();
    fs::create_dir_all(directory).doing(|| format!("making {}", directory.display()))?;
    let lock = lock(directory)?;
    tidy(directory, None)?;
    let staging = tempfile::Builder::new()
        .prefix(STAGING)
        .tempdir_in(directory)
        .doing(|| format!("making a directory in {}", directory.display()))?;

    let manifest = match &options.builder {
        Builder::Initramfs { helper, kernel } => {
            let helper = load_helper(helper)?;
            Ingredients::collect(kernel, staging.path(), cancel)?.write(helper, staging.path())?
        }
        Builder::Debootstrap(system) => system.build(directory, staging.path(), cancel)?,
    };
    if cancel.is_cancelled() {
        return Err(ApplianceError::Cancelled);
    }
    commit(directory, staging.path(), &manifest, &lock)
        .doing(|| format!("putting the helper in place in {}", directory.display()))?;
    drop(staging);
    tidy(directory, Some(&manifest))?;
    Ok(manifest)
}

/// Everything but our own program.
struct Ingredients {
    kernel_source: String,
    kernel: Vec<u8>,
    kernel_release: String,
    modules: Modules,
    tools: Tools,
}

impl Ingredients {
    fn collect(
        source: &KernelSource,
        staging: &Path,
        cancel: &Cancel,
    ) -> Result<Self, ApplianceError> {
        let tools = tools::collect(cancel)?;
        let (kernel_source, kernel, modules) = match source {
            KernelSource::Package(name) => {
                let package = debian::kernel_package(name, staging, cancel)?;
                (package.name, package.kernel, package.modules)
            }
            KernelSource::Files { kernel, modules } => (
                kernel.display().to_string(),
                kernel.clone(),
                modules.clone(),
            ),
        };
        tracing::info!("unpacking the kernel");
        let bytes = read_bounded(&kernel)?;
        let parsed =
            kernel::parse(&bytes).map_err(|why| ApplianceError::Kernel { path: kernel, why })?;
        Ok(Ingredients {
            kernel_source,
            modules: modules::collect(&modules, &parsed.release)?,
            kernel_release: parsed.release,
            kernel: parsed.vmlinux.into_owned(),
            tools,
        })
    }

    /// Writes the files, under names of their own, and says what they are.
    fn write(self, helper: Vec<u8>, staging: &Path) -> Result<Manifest, ApplianceError> {
        tracing::info!("writing the kernel and the initramfs");
        let helper_sha256 = files::digest_of(&helper);
        let has_floppy = Some(self.modules.has_floppy);
        let tree = tree(helper, self.modules, &self.tools)?;
        let doing = || format!("writing to {}", staging.display());
        let kernel = files::write(&staging.join("new-kernel"), "kernel", |to| {
            to.write_all(&self.kernel)
        })
        .doing(doing)?;
        let initrd = files::write(&staging.join("new-initrd"), "initrd", |to| tree.write(to))
            .doing(doing)?;
        Ok(Manifest {
            format: FORMAT,
            release: RELEASE.to_owned(),
            protocol: VERSION,
            builder: "initramfs".to_owned(),
            built_at: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
            kernel_command_line: command_line::extra(&self.kernel_release).to_owned(),
            kernel_release: self.kernel_release,
            kernel_source: self.kernel_source,
            helper_sha256,
            tools: self.tools.versions,
            kernel,
            initrd,
            has_floppy,
            root: None,
        })
    }
}

/// The root file system of the helper VM.
fn tree(helper: Vec<u8>, modules: Modules, tools: &Tools) -> Result<Tree, ApplianceError> {
    let mut tree = Tree::new();
    for directory in ["dev", "mnt", "proc", "run", "sys", "tmp"] {
        tree.directory(directory);
    }
    tree.file("usr/bin/snf-image-helper", 0o755, helper);
    tree.link("init", "usr/bin/snf-image-helper");
    for task in Task::ALL {
        let entry = format!("usr/lib/snf-image-helper/tasks/{}", task.entry());
        tree.link(&entry, "../../../bin/snf-image-helper");
    }
    for (name, content) in modules.files {
        if modules.rare.contains(&name) {
            tree.packed(&module_path(&name), &content);
        } else {
            tree.file(&module_path(&name), 0o644, content);
        }
    }
    tree.file(
        &module_path("modules.list"),
        0o644,
        modules.list.into_bytes(),
    );
    for path in &tools.files {
        let (name, content) = read_tool(path)?;
        tree.file(name, 0o755, content);
    }
    // A script's interpreter, which is unpacked when there is one.
    tree.link("usr/bin/sh", "busybox");
    let mut list = String::new();
    for (program, files) in &tools.packed {
        list.push_str(&format!("{program}:"));
        for path in files {
            let (name, content) = read_tool(path)?;
            tree.packed(name, &content);
            list.push_str(&format!(" {name}"));
        }
        list.push('\n');
    }
    tree.file(PACKED_LIST, 0o644, list.into_bytes());
    Ok(tree)
}

fn read_tool(path: &Path) -> Result<(&str, Vec<u8>), ApplianceError> {
    let doing = || format!("reading {}", path.display());
    let name = path
        .to_str()
        .ok_or_else(|| io::Error::other("its name is not UTF-8"))
        .doing(doing)?;
    Ok((name, fs::read(path).doing(doing)?))
}

fn module_path(name: &str) -> String {
    format!("usr/lib/snf-image-helper/modules/{name}")
}

fn load_helper(path: &Path) -> Result<Vec<u8>, ApplianceError> {
    let bytes = read_bounded(path)?;
    let why = match Elf::parse(&bytes) {
        None => "it is no 64-bit x86 program",
        Some(elf) if elf.is_dynamic() => "it must be linked statically",
        Some(_) => return Ok(bytes),
    };
    Err(ApplianceError::Helper {
        path: path.to_owned(),
        why: why.to_owned(),
    })
}

/// Reads a file that is certainly too large above the size of the largest kernel.
pub(super) fn read_bounded(path: &Path) -> Result<Vec<u8>, ApplianceError> {
    let doing = || format!("reading {}", path.display());
    let metadata = fs::metadata(path).doing(doing)?;
    let fits = usize::try_from(metadata.len()).is_ok_and(|size| size <= kernel::MAX_KERNEL);
    if !metadata.is_file() || !fits {
        return Err(io::Error::other("it is no regular file of at most 256 MiB")).doing(doing);
    }
    fs::read(path).doing(doing)
}

/// Holds the directory, against other builds, until it is dropped.
fn lock(directory: &Path) -> Result<File, ApplianceError> {
    let doing = || format!("locking {}", directory.display());
    let handle = File::open(directory).doing(doing)?;
    match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(ApplianceError::Busy(directory.to_owned())),
        other => other.map(|()| handle).doing(doing),
    }
}

/// Moves the files to their names; the manifest, last, makes them the helper.
fn commit(directory: &Path, staging: &Path, manifest: &Manifest, lock: &File) -> io::Result<()> {
    let rename =
        |from: &str, to: &FileEntry| fs::rename(staging.join(from), directory.join(&to.name));
    rename("new-kernel", &manifest.kernel)?;
    rename("new-initrd", &manifest.initrd)?;
    if let Some(root) = &manifest.root {
        rename("new-root", root)?;
    }
    let path = staging.join(MANIFEST_FILE);
    let text = serde_json::to_vec_pretty(manifest)?;
    files::write(&path, "manifest", |to| to.write_all(&text))?;
    lock.sync_all()?;
    fs::rename(&path, directory.join(MANIFEST_FILE))?;
    lock.sync_all()
}

/// Removes what earlier builds left: unfinished ones and, where there is a new manifest,
/// files that it does not name. Whatever else lies in the directory is not ours.
fn tidy(directory: &Path, manifest: Option<&Manifest>) -> Result<(), ApplianceError> {
    let doing = || format!("tidying {}", directory.display());
    for entry in fs::read_dir(directory).doing(doing)? {
        let entry = entry.doing(doing)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let replaced = manifest.is_some_and(|manifest| {
            is_ours(&name) && manifest.files().all(|file| *name != *file.name)
        });
        if replaced {
            fs::remove_file(entry.path()).doing(doing)?;
        } else if name.starts_with(STAGING) && entry.file_type().doing(doing)?.is_dir() {
            fs::remove_dir_all(entry.path()).doing(doing)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(directory: &Path, helper: &str) -> BuildOptions {
        BuildOptions {
            directory: directory.to_owned(),
            builder: Builder::Initramfs {
                helper: PathBuf::from(helper),
                kernel: KernelSource::Files {
                    kernel: PathBuf::from("/proc/self/exe"),
                    modules: PathBuf::from("/nowhere"),
                },
            },
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_helper_that_needs_a_loader_is_refused_and_nothing_stays() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("made/here");
        let error = build(&options(&home, "/proc/self/exe"), &Cancel::new().unwrap()).unwrap_err();
        assert!(error.to_string().ends_with("it must be linked statically"));
        assert!(names(&home).is_empty());
    }

    #[test]
    fn a_second_build_at_the_same_time_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let _lock = lock(directory.path()).unwrap();
        let error = build(&options(directory.path(), "/none"), &Cancel::new().unwrap());
        assert!(matches!(error, Err(ApplianceError::Busy(_))));
    }

    #[test]
    fn what_a_killed_build_left_is_removed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join(".build-abc")).unwrap();
        for name in ["notes.txt", "kernel-00aa", "initrd-11bb", "kernel-of-mine"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        tidy(directory.path(), None).unwrap();
        assert_eq!(names(directory.path()).len(), 4);
        tidy(
            directory.path(),
            Some(&super::super::manifest::tests::example()),
        )
        .unwrap();
        assert_eq!(names(directory.path()), ["kernel-of-mine", "notes.txt"]);
    }
}
