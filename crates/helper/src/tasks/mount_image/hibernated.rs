//! A hibernated Linux: what its memory knows of the file systems is newer than what lies there.
// SPDX-License-Identifier: BSD-2-Clause

use crate::disk::device;
use crate::disk::swap::{Region, State};
use crate::error::{Error, Result};
use crate::run::context::Context;

/// Refuses an image in whose swap space a hibernated system lies. Looked at are the partitions for
/// swap space, and the volumes of LVM once they are visible; not files.
///
/// # Errors
/// When there is one, or its place cannot be read.
pub(super) fn check(context: &Context<'_>) -> Result<()> {
    let disk = context.first_disk()?;
    if let Some(table) = &context.table {
        for entry in table.partitions.iter().filter(|entry| entry.is_swap()) {
            let name = || format!("partition {} of the image", entry.number);
            refuse(&table.region(disk, entry), name)?;
        }
    }
    for volume in context.lvm.iter().flat_map(|lvm| lvm.visible()) {
        let region = Region {
            disk: volume.device.clone(),
            offset: 0,
            length: device::size(&volume.device)?,
        };
        refuse(&region, || format!("volume {} of the image", volume.name))?;
    }
    Ok(())
}

fn refuse(region: &Region, name: impl Fn() -> String) -> Result<()> {
    if region.state()? != State::Hibernated {
        return Ok(());
    }
    Err(Error::image(format!(
        "a hibernated system lies in the swap space of {}: what is changed now would be lost or \
         damaged when it wakes up; start it and shut it down with: shutdown -h now",
        name()
    )))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::disk::table::Table;
    use crate::guest::testing::nothing;
    use crate::run::testing::{Warnings, context, image, tool};

    #[test]
    fn a_system_that_sleeps_in_its_swap_space_is_refused_by_the_number_of_that() {
        let directory = tempfile::tempdir().unwrap();
        let script = "label: gpt\nstart=2048, size=2048\nstart=4096, size=4096, type=swap\n";
        let disk = image(directory.path(), 8, script);
        let made = directory.path().join("made");
        fs::write(&made, vec![0; 2 << 20]).unwrap();
        tool("mkswap", &["--quiet"], &made);
        let mut swap = fs::read(&made).unwrap();
        let check = |swap: &[u8]| {
            let file = fs::OpenOptions::new().write(true).open(&disk).unwrap();
            file.write_all_at(swap, 2 << 20).unwrap();
            let (parameters, mut told) = (nothing(), Warnings::default());
            let mut context = context(&parameters, &mut told);
            context.disks = vec![disk.clone()];
            context.table = Table::read(&disk).unwrap();
            check(&context)
        };
        check(&swap).unwrap();
        swap[4086..4095].copy_from_slice(b"S1SUSPEND");
        let refused = check(&swap).unwrap_err().to_string();
        for words in ["partition 2 of the image", "hibernated", "shutdown -h now"] {
            assert!(refused.contains(words), "{refused}");
        }
    }
}
