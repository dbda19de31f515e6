//! Starts a disk image in QEMU, as its owner would, and connects to its serial console.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::console::Console;
use crate::tool::Tool;

/// How long QEMU may take to connect to the console.
const CONNECT: Duration = Duration::from_secs(30);

/// How long a machine may take to switch itself off.
const OFF: Duration = Duration::from_secs(120);

/// A network of the machine that leads nowhere but to a port of this host.
#[derive(Debug)]
pub struct UserNetwork {
    mac: String,
    range: String,
    guest: String,
    port: u16,
}

impl UserNetwork {
    /// One with an interface of this MAC address, a range of addresses in which QEMU plays router
    /// and DHCP server, and the address of the guest, whose SSH server is reached by a port of
    /// the loopback interface.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn new(mac: &str, range: &str, guest: &str) -> Result<Self> {
        // QEMU takes a number, so the port is free for a moment.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(UserNetwork {
            mac: mac.to_owned(),
            range: range.to_owned(),
            guest: guest.to_owned(),
            port: listener.local_addr()?.port(),
        })
    }

    /// The port of the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What a command prints that a user of the guest runs, who is let in by this private key.
    ///
    /// # Errors
    /// When the guest cannot be reached, does not let the user in, or the command fails.
    pub fn ssh(&self, user: &str, key: &Path, command: &str) -> Result<String> {
        Tool::new("ssh")
            .args(["-F", "none", "-o", "BatchMode=yes"])
            .args(["-o", "ConnectTimeout=60", "-o", "LogLevel=ERROR"])
            .args(["-o", "StrictHostKeyChecking=no"])
            .args(["-o", "UserKnownHostsFile=/dev/null", "-i"])
            .arg(key)
            .args(["-p", &self.port.to_string()])
            .arg(format!("{user}@127.0.0.1"))
            .arg(command)
            .run()
    }

    fn arguments(&self, number: usize) -> [String; 4] {
        [
            "-netdev".into(),
            format!(
                "user,id=net{number},restrict=on,ipv6=off,net={},hostfwd=tcp:127.0.0.1:{}-{}:22",
                self.range, self.port, self.guest
            ),
            "-device".into(),
            format!("virtio-net-pci,netdev=net{number},mac={}", self.mac),
        ]
    }
}

/// What a boot loader would load.
#[derive(Debug)]
pub struct Kernel {
    /// The kernel.
    pub image: PathBuf,
    /// Its initial RAM disk.
    pub initrd: PathBuf,
    /// Its command line.
    pub command_line: String,
}

impl Kernel {
    fn arguments(&self) -> [OsString; 6] {
        [
            "-kernel".into(),
            self.image.clone().into(),
            "-initrd".into(),
            self.initrd.clone().into(),
            "-append".into(),
            self.command_line.clone().into(),
        ]
    }
}

/// A running machine. It is switched off hard when this is dropped.
#[derive(Debug)]
pub struct Machine {
    /// Its first serial port.
    pub console: Console,
    qemu: Child,
}

impl Machine {
    /// Boots the disk with the firmware of an ordinary PC. It may write to the disk.
    ///
    /// # Errors
    /// When QEMU does not start.
    pub fn boot(disk: &Path) -> Result<Self> {
        Self::boot_in(disk, &[])
    }

    /// Boots the disk likewise, with an interface in each of these networks.
    ///
    /// # Errors
    /// When QEMU does not start.
    pub fn boot_in(disk: &Path, networks: &[UserNetwork]) -> Result<Self> {
        Self::start(disk, networks, &[])
    }

    /// Boots the disk likewise by a kernel that lies beside it, for one without a boot loader.
    ///
    /// # Errors
    /// When QEMU does not start.
    pub fn boot_by(kernel: &Kernel, disk: &Path, networks: &[UserNetwork]) -> Result<Self> {
        Self::start(disk, networks, &kernel.arguments())
    }

    fn start(disk: &Path, networks: &[UserNetwork], more: &[OsString]) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let socket = directory.path().join("console");
        let listener = UnixListener::bind(&socket)?;
        let accelerator = accelerator();
        let interfaces = networks.iter().enumerate();
        let interfaces = interfaces.flat_map(|(number, network)| network.arguments(number));
        // setpriv has it ended by the kernel should this process die without a word.
        let mut qemu = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "qemu-system-x86_64"])
            .args(["-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-machine", "q35", "-accel", accelerator, "-m", "512"])
            .args(["-cpu", if accelerator == "kvm" { "host" } else { "max" }])
            .arg("-blockdev")
            .arg(format!(
                "driver=raw,node-name=disk,file.driver=file,file.filename={},discard=unmap",
                escaped(disk)?
            ))
            // A kernel that is given takes the first place.
            .args(["-device", "virtio-blk-pci,drive=disk,bootindex=1"])
            .args(["-object", "rng-random,id=entropy,filename=/dev/urandom"])
            .args(["-device", "virtio-rng-pci,rng=entropy"])
            .arg("-chardev")
            .arg(format!("socket,id=console,path={}", escaped(&socket)?))
            .args(["-serial", "chardev:console"])
            .args(interfaces)
            .args(more)
            .stdin(Stdio::null())
            .spawn()
            .context("starting qemu-system-x86_64")?;
        match accept(&listener) {
            Ok(console) => Ok(Machine { console, qemu }),
            Err(error) => {
                let _ = qemu.kill();
                let _ = qemu.wait();
                Err(error)
            }
        }
    }

    /// Waits until the machine has switched itself off.
    ///
    /// # Errors
    /// When it does not within two minutes.
    pub fn wait_for_power_off(&mut self) -> Result<ExitStatus> {
        self.console.wait_for_end(OFF)?;
        self.qemu.wait().context("waiting for QEMU")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

fn accept(listener: &UnixListener) -> Result<Console> {
    let deadline = Instant::now() + CONNECT;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).context("a time limit")?;
        let mut fds = [PollFd::new(listener, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("waiting for QEMU"),
            Ok(0) => bail!("QEMU did not connect to the console within {CONNECT:?}"),
            Ok(_) => return Ok(Console::new(listener.accept()?.0)),
        }
    }
}

/// Hardware virtualisation where the processor has it; `/dev/kvm` alone may be an emulation
/// that is slower than QEMU's own.
fn accelerator() -> &'static str {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = processor.lines().find(|line| line.starts_with("flags"));
    let able = flags.is_some_and(|flags| {
        flags
            .split_whitespace()
            .any(|flag| flag == "vmx" || flag == "svm")
    });
    if able
        && fs::File::options()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_ok()
    {
        "kvm"
    } else {
        "tcg"
    }
}

/// A path as the value of one of QEMU's options, where commas are doubled.
fn escaped(path: &Path) -> Result<String> {
    let path = path.to_str().context("a path that is not UTF-8")?;
    Ok(path.replace(',', ",,"))
}
