//! SELinuxAutorelabel: where a label is not known, the system labels its files at its next start.
// SPDX-License-Identifier: BSD-2-Clause

use crate::error::Result;
use crate::guest::root::Attributes;
use crate::run::context::{Context, Done};

/// Its presence has the system label everything, which takes minutes (selinux-autorelabel of
/// policycoreutils).
const MARK: &str = "/.autorelabel";

/// Runs behind everything that makes files. Those that the helper makes have the labels of the
/// image's own policy; those of other tasks have none.
///
/// # Errors
/// When the mark cannot be made.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let root = context.root()?;
    if root.policy().is_none() {
        return Ok(Done::Skipped("the image does not use SELinux".into()));
    }
    let unlabelled = root.unlabelled();
    if unlabelled.is_empty() {
        return Ok(Done::Skipped(
            "every file that was made has the label of the image's policy".into(),
        ));
    }
    root.install(MARK, b"", Attributes::of_root(0o600))?;
    let notice = format!(
        "the machine labels all its files for SELinux when it starts: no label is known here for {}",
        unlabelled.join(", ").escape_debug()
    );
    context.reporter.notice(&notice);
    Ok(Done::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::{Image, nothing};

    const CONTEXTS: &str = "/etc/selinux/targeted/contexts/files/file_contexts";

    fn made(context: &mut Context<'_>) -> Result<Done> {
        let root = context.root()?;
        root.rewrite("/etc/hostname", b"vm\n", Attributes::of_root(0o644))?;
        run(context)
    }

    fn selinux(config: &str) -> Image {
        let image = Image::empty();
        image
            .file("/etc/selinux/config", config)
            .file("/etc/hosts", "");
        image
    }

    #[test]
    fn only_an_unknown_label_has_everything_labelled() {
        let image = selinux("SELINUX=enforcing\nSELINUXTYPE=targeted\n");
        let (done, notices) = image.run(made, &nothing());
        assert_eq!(done.unwrap(), Done::Yes);
        assert!(notices[0].contains("/etc/hostname"), "{notices:?}");
        assert!(image.path(MARK).exists());

        let image = selinux("SELINUX=permissive\n");
        image.file(CONTEXTS, "/etc(/.*)? system_u:object_r:etc_t:s0\n");
        assert!(matches!(
            image.run(made, &nothing()).0.unwrap(),
            Done::Skipped(_)
        ));
        assert!(!image.path(MARK).exists());
    }

    #[test]
    fn without_selinux_nothing_is_labelled() {
        for image in [selinux("SELINUX=disabled\n"), Image::debian()] {
            assert!(matches!(
                image.run(made, &nothing()).0.unwrap(),
                Done::Skipped(_)
            ));
            assert!(!image.path(MARK).exists());
        }
    }
}
