//! Barrier: only the system calls that a job needs. See seccomp(2).
//!
//! A program puts this one up itself, once it needs no others any more: what its start takes
//! (execve, opening libraries) is already behind it then.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BackendError, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use crate::error::ConfineError;

/// What a program of ours goes on needing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// Memory, threads, and the descriptors it holds: nothing is opened, nothing connected.
    Data,
    /// The same, opening files that the other barriers leave to it, and IP sockets.
    Network,
}

/// Memory, threads, time, and the end.
const RUN: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
];

/// Work on descriptors that are open already.
const DESCRIPTORS: &[libc::c_long] = &[
    libc::SYS_close,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_eventfd2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_lseek,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_shutdown,
    libc::SYS_statx,
    libc::SYS_write,
    libc::SYS_writev,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
];

/// Names of files, and sockets; which sockets is said apart.
const NETWORK: &[libc::c_long] = &[
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_getuid,
    libc::SYS_ioctl,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_prlimit64,
    libc::SYS_readlinkat,
    libc::SYS_recvmmsg,
    libc::SYS_sendmmsg,
    libc::SYS_setsockopt,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
];

/// FICLONE and FICLONERANGE of ioctl_ficlonerange(2).
const CLONE_FILE: [u64; 2] = [0x4004_9409, 0x4020_940d];

/// Takes all other system calls away from this process, for good. To be called while it has
/// one thread. What is taken away answers ENOSYS, as on a kernel that never had it, so that
/// the C library falls back to what an older kernel has.
///
/// # Errors
/// When the kernel has no seccomp filters.
pub fn restrict_system_calls(calls: Calls) -> Result<(), ConfineError> {
    let failed = |error: &dyn std::fmt::Display| {
        ConfineError::Reported(format!("restricting system calls: {error}"))
    };
    let filter = filter(calls).map_err(|error| failed(&error))?;
    seccompiler::apply_filter(&filter).map_err(|error| failed(&error))
}

fn filter(calls: Calls) -> Result<seccompiler::BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let mut plain = [RUN, DESCRIPTORS].concat();
    if calls == Calls::Network {
        plain.extend(NETWORK);
    }
    rules.extend(plain.into_iter().map(|call| (call, Vec::new())));
    // A thread, never a process and never a namespace.
    rules.insert(libc::SYS_clone, vec![flag(0, libc::CLONE_THREAD, true)?]);
    // Of prctl(2) the name of a thread, and that of a mapping, which malloc gives.
    let names = [libc::PR_SET_NAME, libc::PR_SET_VMA];
    rules.insert(libc::SYS_prctl, any_of(0, names.map(from_int))?);
    match calls {
        Calls::Data => {
            // Nothing that was written can be executed, and nothing else either.
            for call in [libc::SYS_mmap, libc::SYS_mprotect] {
                rules.insert(call, vec![flag(2, libc::PROT_EXEC, false)?]);
            }
            rules.insert(libc::SYS_ioctl, any_of(1, CLONE_FILE)?);
        }
        Calls::Network => {
            // The C library loads its resolver when the first name is looked up.
            for call in [libc::SYS_mmap, libc::SYS_mprotect] {
                rules.insert(call, Vec::new());
            }
            let families = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
            rules.insert(libc::SYS_socket, any_of(0, families.map(from_int))?);
        }
    }
    let refused = SeccompAction::Errno(u32::try_from(libc::ENOSYS).unwrap_or(38));
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?.try_into()
}

/// An argument of which one bit is set, or is not.
fn flag(argument: u8, bit: libc::c_int, set: bool) -> Result<SeccompRule, BackendError> {
    let bit = from_int(bit);
    let equal = SeccompCmpOp::MaskedEq(bit);
    condition(
        argument,
        SeccompCmpArgLen::Qword,
        equal,
        if set { bit } else { 0 },
    )
}

/// An argument that is one of some numbers.
fn any_of<const N: usize>(
    argument: u8,
    values: [u64; N],
) -> Result<Vec<SeccompRule>, BackendError> {
    let equal = |value| condition(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value);
    values.into_iter().map(equal).collect()
}

fn condition(
    argument: u8,
    length: SeccompCmpArgLen,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(
        argument, length, operator, value,
    )?])
}

fn from_int(value: libc::c_int) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
