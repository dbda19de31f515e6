//! Everything that a confined process might try.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Pid, Uid};
use rustix::fs::MemfdFlags;
use rustix::mount::UnmountFlags;
use rustix::net::{AddressFamily, SocketType};
use rustix::process::DumpableBehavior;

type Found = Result<(), String>;

/// Names of what was tried, and what came of it. Without `address` a connection is tried to a port
/// where nobody listens; who has no network cannot even be refused there.
pub(crate) fn all(address: Option<SocketAddr>) -> Vec<(&'static str, Found)> {
    let connect = || {
        let anybody = SocketAddr::from(([127, 0, 0, 1], 9));
        match TcpStream::connect_timeout(&address.unwrap_or(anybody), Duration::from_secs(1)) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            other => other.map(drop),
        }
    };
    vec![
        ("read /etc/passwd", read("/etc/passwd")),
        ("read /etc/shadow", read("/etc/shadow")),
        ("read /etc/hosts", read("/etc/hosts")),
        ("read /proc/1/environ", read("/proc/1/environ")),
        ("read /proc/self/status", read("/proc/self/status")),
        ("read /proc/self/mem", told(crate::opened("/proc/self/mem"))),
        ("list /", told(fs::read_dir("/"))),
        ("list /proc", told(fs::read_dir("/proc"))),
        ("list /etc/ssl/certs", told(fs::read_dir("/etc/ssl/certs"))),
        ("create /tmp/file", create("/tmp/snf-image-probe")),
        ("create /var/tmp/file", create("/var/tmp/snf-image-probe")),
        ("create /dev/shm/file", create("/dev/shm/snf-image-probe")),
        (
            "create a file in memory",
            told(rustix::fs::memfd_create("probe", MemfdFlags::CLOEXEC)),
        ),
        (
            "remove /etc/hostname",
            told(fs::remove_file("/etc/hostname")),
        ),
        (
            "write /dev/null",
            told(File::options().write(true).open("/dev/null")),
        ),
        ("connect over IP", told(connect())),
        (
            "open a datagram socket",
            told(UdpSocket::bind("127.0.0.1:0")),
        ),
        (
            "connect to a UNIX socket",
            told(UnixStream::connect("/run/systemd/notify")),
        ),
        (
            "open a packet socket",
            told(rustix::net::socket(
                AddressFamily::PACKET,
                SocketType::RAW,
                None,
            )),
        ),
        (
            "open a raw socket",
            told(rustix::net::socket(
                AddressFamily::INET,
                SocketType::RAW,
                Some(rustix::net::ipproto::ICMP),
            )),
        ),
        ("start a program", told(Command::new("/bin/true").status())),
        (
            "become a program",
            Err(Command::new("/bin/true").exec().to_string()),
        ),
        (
            "trace a process",
            told(nix::sys::ptrace::attach(Pid::from_raw(1)).and(nix::sys::ptrace::traceme())),
        ),
        (
            "signal a process",
            told(rustix::process::test_kill_process(
                rustix::process::Pid::INIT,
            )),
        ),
        ("become root", told(nix::unistd::setuid(Uid::from_raw(0)))),
        (
            "change groups",
            told(nix::unistd::setgroups(&[Gid::from_raw(0)])),
        ),
        (
            "leave a namespace",
            told(nix::sched::unshare(CloneFlags::CLONE_NEWUSER)),
        ),
        (
            "mount",
            told(rustix::mount::unmount("/proc", UnmountFlags::DETACH)),
        ),
        (
            "change the root directory",
            told(rustix::process::chroot("/tmp")),
        ),
        ("raise a limit", raise()),
        (
            "become readable to others",
            told(rustix::process::set_dumpable_behavior(
                DumpableBehavior::Dumpable,
            )),
        ),
    ]
}

fn told<T, E: ToString>(result: Result<T, E>) -> Found {
    result.map(drop).map_err(|error| error.to_string())
}

fn read(path: &str) -> Found {
    told(File::open(path).and_then(|mut file| file.read(&mut [0])))
}

fn create(path: &str) -> Found {
    told(File::create(path).inspect(|_| drop(fs::remove_file(path))))
}

/// Any of those that are lower than nothing at all.
fn raise() -> Found {
    let limits = [
        Resource::RLIMIT_AS,
        Resource::RLIMIT_DATA,
        Resource::RLIMIT_CPU,
        Resource::RLIMIT_NOFILE,
        Resource::RLIMIT_CORE,
    ];
    let mut found = Err("there is none".to_owned());
    for limit in limits {
        let raised = getrlimit(limit).and_then(|(_, most)| match most {
            RLIM_INFINITY => Err(Errno::ENODATA),
            _ => setrlimit(limit, RLIM_INFINITY, RLIM_INFINITY),
        });
        match raised {
            Ok(()) => return Ok(()),
            Err(Errno::ENODATA) => {}
            Err(error) => found = Err(error.to_string()),
        }
    }
    found
}
