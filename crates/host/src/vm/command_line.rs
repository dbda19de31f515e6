//! QEMU's arguments and the kernel's command line, as pure functions.
// SPDX-License-Identifier: BSD-2-Clause

use super::accel::Kind;
use crate::config::ParametersSeat;
use crate::exporter::EXPORT;

/// The serial number of the disk that holds the helper's root file system.
pub(crate) const ROOT_SERIAL: &str = "snf-helper";

/// Everything that the arguments depend on. Numbers are descriptors of the confined QEMU.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    pub(super) accelerator: Kind,
    pub(super) memory_mib: u32,
    pub(super) kernel: i32,
    pub(super) initrd: i32,
    pub(super) kernel_command_line: &'a str,
    pub(super) disks: Vec<DiskShape>,
    pub(super) parameters: Option<(i32, ParametersSeat)>,
    /// The helper's own root file system.
    pub(super) root: Option<i32>,
    /// Console, result, events: the first three serial ports.
    pub(super) ports: [i32; 3],
}

#[derive(Debug)]
pub(super) struct DiskShape {
    pub(super) descriptor: i32,
    pub(super) medium: Medium,
    pub(super) is_read_only: bool,
    /// Bytes.
    pub(super) sector: u32,
}

/// What the descriptor of a disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    /// A regular file.
    File { is_direct: bool },
    /// A block device.
    Device { is_direct: bool },
    /// A socket on which it is exported by NBD.
    Export,
}

impl Medium {
    /// The options of the node that the bytes come from, in a set of descriptors of this number;
    /// and the mode of its cache.
    fn options(self, descriptor: i32, set: usize) -> (String, &'static str) {
        let (driver, is_direct) = match self {
            Medium::File { is_direct } => ("file", is_direct),
            Medium::Device { is_direct } => ("host_device", is_direct),
            Medium::Export => {
                return (
                    format!("driver=nbd,server.type=fd,server.str={descriptor},export={EXPORT}"),
                    "off",
                );
            }
        };
        let direct = if is_direct { "on" } else { "off" };
        // Locks of the host's: QEMU's own would need the file's name.
        (
            format!(
                "driver={driver},filename=/dev/fdset/{set},locking=off,cache.direct={direct},aio=threads"
            ),
            direct,
        )
    }
}

/// What every QEMU of ours gets, whatever it runs: nothing that is not asked for, and
/// QEMU's own system call filter with all its groups closed.
pub(super) fn base(accelerator: Kind, memory_mib: u32) -> Vec<String> {
    let memory = memory_mib.to_string();
    [
        ["-nodefaults", "-no-user-config"].as_slice(),
        &["-display", "none"],
        &["-monitor", "none"],
        // The smallest q35: no AHCI, SMBus, PS/2, HPET, VMware port; with ACPI.
        &["-M", "q35,sata=off,smbus=off,i8042=off,hpet=off,vmport=off"],
        &["-accel", accelerator.name()],
        &["-smp", "1"],
        &["-m", &memory],
        &["-no-reboot"],
        &[
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        ],
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect()
}

/// A serial port on a connected socket; the first one given is the guest's first.
pub(super) fn serial(name: &str, descriptor: i32) -> [String; 4] {
    [
        "-chardev".into(),
        format!("socket,id={name},fd={descriptor}"),
        "-serial".into(),
        format!("chardev:{name}"),
    ]
}

/// All arguments for a helper VM.
pub(super) fn arguments(shape: &Shape<'_>) -> Vec<String> {
    let mut arguments = base(shape.accelerator, shape.memory_mib);
    let mut add = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
    add("-kernel", format!("/proc/self/fd/{}", shape.kernel));
    add("-initrd", format!("/proc/self/fd/{}", shape.initrd));
    add(
        "-append",
        kernel_line(shape.accelerator, shape.kernel_command_line),
    );
    for (index, disk) in shape.disks.iter().enumerate() {
        let access = if disk.is_read_only {
            "read-only=on"
        } else {
            "discard=unmap"
        };
        let set = index + 1;
        let (options, direct) = disk.medium.options(disk.descriptor, set);
        if disk.medium != Medium::Export {
            add("-add-fd", format!("fd={},set={set}", disk.descriptor));
        }
        add(
            "-blockdev",
            format!("node-name=file{index},{options},{access}"),
        );
        // Never guessed: what a guest wrote to its disk's start means nothing here.
        add(
            "-blockdev",
            format!(
                "driver=raw,node-name=disk{index},file=file{index},{access},cache.direct={direct}"
            ),
        );
        // QEMU alone would stop the machine, in the hope of room, when there is none to write to.
        let mut device = format!("virtio-blk-pci,drive=disk{index},werror=report");
        if disk.sector > 512 {
            let sector = disk.sector;
            device += &format!(",logical_block_size={sector},physical_block_size={sector}");
        }
        add("-device", device);
    }
    let mut add_read_only = |name: &str, descriptor: i32, set: usize| {
        add("-add-fd", format!("fd={descriptor},set={set}"));
        add(
            "-blockdev",
            format!(
                "driver=file,node-name={name}-file,filename=/dev/fdset/{set},locking=off,read-only=on"
            ),
        );
        add(
            "-blockdev",
            format!("driver=raw,node-name={name},file={name}-file,read-only=on"),
        );
    };
    let set = shape.disks.len() + 1;
    if let Some((descriptor, _)) = shape.parameters {
        add_read_only("params", descriptor, set);
    }
    if let Some(descriptor) = shape.root {
        add_read_only("root", descriptor, set + 1);
    }
    if let Some((_, seat)) = shape.parameters {
        match seat {
            ParametersSeat::Virtio => add("-device", "virtio-blk-pci,drive=params".into()),
            ParametersSeat::Floppy => {
                add("-device", "isa-fdc,id=fdc".into());
                add("-device", "floppy,bus=fdc.0,drive=params".into());
            }
        }
    }
    if shape.root.is_some() {
        // By this number the helper's kernel line names it: no content of another disk can.
        add(
            "-device",
            format!("virtio-blk-pci,drive=root,serial={ROOT_SERIAL}"),
        );
    }
    for (name, descriptor) in ["console", "result", "events"].iter().zip(shape.ports) {
        arguments.extend(serial(name, descriptor));
    }
    arguments
}

/// The kernel's command line. An oops ends the VM at once (`-no-reboot`), and a VM that ended
/// without a result is a failure. What is left out is of no use to a machine that lives for
/// seconds and has one tenant: self-tests of ciphers, mitigations between its own processes,
/// and, where time itself is emulated, checks of the clocks against each other.
fn kernel_line(accelerator: Kind, extra: &str) -> String {
    let clocks = match accelerator {
        Kind::Kvm => "",
        Kind::Tcg => "tsc=reliable no_timer_check",
    };
    [
        "quiet console=ttyS0 panic=-1 oops=panic cryptomgr.notests=1 mitigations=off",
        clocks,
        extra,
    ]
    .into_iter()
    .filter(|part| !part.is_empty())
    .collect::<Vec<_>>()
    .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(parameters: ParametersSeat) -> Shape<'static> {
        Shape {
            accelerator: Kind::Tcg,
            memory_mib: 512,
            kernel: 100,
            initrd: 101,
            kernel_command_line: "initcall_blacklist=a,b",
            disks: vec![
                DiskShape {
                    descriptor: 102,
                    medium: Medium::Device { is_direct: true },
                    is_read_only: false,
                    sector: 512,
                },
                DiskShape {
                    descriptor: 103,
                    medium: Medium::File { is_direct: false },
                    is_read_only: false,
                    sector: 512,
                },
            ],
            parameters: Some((104, parameters)),
            root: None,
            ports: [105, 106, 107],
        }
    }

    /// One option with its value a line.
    fn lines(arguments: &[String]) -> String {
        arguments.join(" ").replace(" -", "\n-")
    }

    #[test]
    fn the_machine_is_disks_and_ports_and_nothing_else() {
        insta::assert_snapshot!(lines(&arguments(&shape(ParametersSeat::Virtio))), @r"
        -nodefaults
        -no-user-config
        -display none
        -monitor none
        -M q35,sata=off,smbus=off,i8042=off,hpet=off,vmport=off
        -accel tcg
        -smp 1
        -m 512
        -no-reboot
        -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
        -kernel /proc/self/fd/100
        -initrd /proc/self/fd/101
        -append quiet console=ttyS0 panic=-1 oops=panic cryptomgr.notests=1 mitigations=off tsc=reliable no_timer_check initcall_blacklist=a,b
        -add-fd fd=102,set=1
        -blockdev node-name=file0,driver=host_device,filename=/dev/fdset/1,locking=off,cache.direct=on,aio=threads,discard=unmap
        -blockdev driver=raw,node-name=disk0,file=file0,discard=unmap,cache.direct=on
        -device virtio-blk-pci,drive=disk0,werror=report
        -add-fd fd=103,set=2
        -blockdev node-name=file1,driver=file,filename=/dev/fdset/2,locking=off,cache.direct=off,aio=threads,discard=unmap
        -blockdev driver=raw,node-name=disk1,file=file1,discard=unmap,cache.direct=off
        -device virtio-blk-pci,drive=disk1,werror=report
        -add-fd fd=104,set=3
        -blockdev driver=file,node-name=params-file,filename=/dev/fdset/3,locking=off,read-only=on
        -blockdev driver=raw,node-name=params,file=params-file,read-only=on
        -device virtio-blk-pci,drive=params
        -chardev socket,id=console,fd=105
        -serial chardev:console
        -chardev socket,id=result,fd=106
        -serial chardev:result
        -chardev socket,id=events,fd=107
        -serial chardev:events
        ");
    }

    #[test]
    fn an_exported_disk_is_a_socket_and_keeps_its_sectors() {
        let mut shape = shape(ParametersSeat::Virtio);
        shape.disks = vec![DiskShape {
            descriptor: 109,
            medium: Medium::Export,
            is_read_only: false,
            sector: 4096,
        }];
        let with = lines(&arguments(&shape));
        for line in [
            "-blockdev node-name=file0,driver=nbd,server.type=fd,server.str=109,export=disk,discard=unmap\n",
            "-blockdev driver=raw,node-name=disk0,file=file0,discard=unmap,cache.direct=off\n",
            "-device virtio-blk-pci,drive=disk0,werror=report,logical_block_size=4096,physical_block_size=4096\n",
        ] {
            assert!(with.contains(line), "{with}");
        }
        assert!(!with.contains("fd=109,set"), "{with}");
    }

    #[test]
    fn a_floppy_controller_is_there_only_when_asked_for() {
        let with = lines(&arguments(&shape(ParametersSeat::Floppy)));
        assert!(with.contains("-device isa-fdc,id=fdc\n-device floppy,bus=fdc.0,drive=params"));
        assert!(!with.contains("drive=params\n-device virtio"));
        let without = lines(&arguments(&shape(ParametersSeat::Virtio)));
        assert!(!without.contains("fdc"));
    }

    #[test]
    fn the_helpers_own_root_is_the_last_disk_and_read_only() {
        let mut shape = shape(ParametersSeat::Virtio);
        shape.root = Some(108);
        let with = lines(&arguments(&shape));
        assert!(with.contains("-add-fd fd=108,set=4\n"), "{with}");
        assert!(
            with.contains("node-name=root,file=root-file,read-only=on\n"),
            "{with}"
        );
        let last = with.lines().rfind(|line| line.contains("virtio-blk-pci"));
        assert_eq!(
            last,
            Some("-device virtio-blk-pci,drive=root,serial=snf-helper")
        );
    }

    #[test]
    fn the_kernel_is_told_of_an_emulated_clock_only_where_it_is_one() {
        assert!(kernel_line(Kind::Tcg, "").ends_with("tsc=reliable no_timer_check"));
        assert!(!kernel_line(Kind::Kvm, "x=y").contains("tsc"));
        assert!(kernel_line(Kind::Kvm, "x=y").ends_with("mitigations=off x=y"));
    }
}
