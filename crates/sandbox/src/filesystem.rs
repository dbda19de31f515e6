//! Barrier: Landlock, so that only named paths can be opened. See landlock(7).
// SPDX-License-Identifier: BSD-2-Clause

use landlock::{
    ABI, Access, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};

use crate::error::ConfineError;
use crate::spec::Spec;

/// The rights that are taken away where no rule gives them back: those of ABI 3 (Linux 6.2),
/// that is, all about the content and names of files. Older kernels take away what they know.
const HANDLED: ABI = ABI::V3;

/// Gathers the rules while every path can still be opened.
pub(crate) fn prepare(spec: &Spec, has_own_places: bool) -> Result<RulesetCreated, ConfineError> {
    rules(spec, has_own_places)
        .map_err(|error| ConfineError::Reported(format!("preparing Landlock: {error}")))
}

fn rules(spec: &Spec, has_own_places: bool) -> Result<RulesetCreated, RulesetError> {
    let read = AccessFs::from_read(HANDLED);
    let write = AccessFs::ReadFile | AccessFs::WriteFile;
    let allowed = |paths: &[std::path::PathBuf], access| {
        paths
            .iter()
            .filter_map(|path| Some((PathFd::new(path).ok()?, path.is_dir())))
            .map(move |(parent, is_directory)| {
                // A right that only directories have would make a rule for a file count as
                // one that the kernel understands in part.
                let access = if is_directory {
                    access
                } else {
                    access & AccessFs::from_file(HANDLED)
                };
                Ok(PathBeneath::new(parent, access))
            })
            .collect::<Vec<Result<_, RulesetError>>>()
    };
    let (tasks, temporary) = if has_own_places {
        (vec!["/proc/self/task".into()], vec!["/tmp".into()])
    } else {
        (Vec::new(), Vec::new())
    };
    let make = write | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Truncate;
    Ruleset::default()
        .handle_access(AccessFs::from_all(HANDLED))?
        .create()?
        .add_rules(allowed(&spec.readable, read))?
        .add_rules(allowed(&spec.writable, write))?
        .add_rules(allowed(&tasks, write))?
        .add_rules(allowed(&temporary, make))
}

/// Takes away all that no rule allows. Gives a note where the kernel cannot.
pub(crate) fn restrict(rules: RulesetCreated) -> Result<Option<String>, ConfineError> {
    let status = rules
        .restrict_self()
        .map_err(|error| ConfineError::Reported(format!("enforcing Landlock: {error}")))?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => None,
        RulesetStatus::PartiallyEnforced => {
            Some("this kernel's Landlock knows only a part of the rules for files".into())
        }
        RulesetStatus::NotEnforced => {
            Some("this kernel has no Landlock: files are guarded by their modes alone".into())
        }
    })
}
