//! The system calls that stay, and how they may be made.

use super::Needs;

/// How a call may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// In any way.
    Always,
    /// With one of these values in the low half of the argument of this number.
    OneOf(u8, Vec<u64>),
    /// With this value in the masked bits of the argument of this number.
    Masked(u8, u64, u64),
}

/// Commands of bpf(2) (`enum bpf_cmd`) on maps that are there, on what is attached, and questions:
/// elements, detaching, information, batches of elements.
const OF_MAPS: [u64; 13] = [1, 2, 3, 4, 9, 15, 16, 21, 24, 25, 26, 27, 34];

/// What is done with memory, threads, time, signals and waiting.
const OF_ANY_PROGRAM: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_membarrier,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_getpriority,
    libc::SYS_setpriority,
    libc::SYS_getrusage,
    libc::SYS_prlimit64,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_eventfd2,
    libc::SYS_pipe2,
    // Whether it does anything is for the filter of `clone3` to say.
    libc::SYS_clone3,
    libc::SYS_openat2,
    // The command: its end, and its being killed.
    libc::SYS_kill,
    libc::SYS_pidfd_send_signal,
    libc::SYS_wait4,
    libc::SYS_waitid,
];

/// What is done with files and sockets that are open, and reading.
const OF_FILES: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_ioctl,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fadvise64,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_fstatfs,
    libc::SYS_statfs,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_shutdown,
    libc::SYS_socketpair,
];

/// The same as older names of them do, which only this processor has.
#[cfg(target_arch = "x86_64")]
const OLDER_NAMES: &[libc::c_long] = &[
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_dup2,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_wait,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER_NAMES: &[libc::c_long] = &[];

/// Making files and directories.
const OF_WRITING: &[libc::c_long] = &[
    libc::SYS_mkdirat,
    libc::SYS_fchmod,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
];

/// Every call that stays.
pub(super) fn allowed(needs: Needs) -> Vec<(libc::c_long, Allowed)> {
    let always = [OF_ANY_PROGRAM, OF_FILES, OLDER_NAMES].concat();
    let mut allowed: Vec<_> = always.into_iter().map(|it| (it, Allowed::Always)).collect();
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let network = u64::from(libc::CLONE_NEWNET.unsigned_abs());
    let families = [libc::AF_NETLINK, libc::AF_PACKET, libc::AF_UNIX];
    let names = [libc::PR_SET_NAME, libc::PR_GET_NAME, PR_SET_VMA];
    allowed.extend([
        // A thread, and no process.
        (libc::SYS_clone, Allowed::Masked(0, thread, thread)),
        (libc::SYS_setns, Allowed::OneOf(1, vec![network])),
        (libc::SYS_socket, Allowed::OneOf(0, words(&families))),
        (libc::SYS_prctl, Allowed::OneOf(0, words(&names))),
    ]);
    let reading = Allowed::Masked(2, writing(), 0);
    if needs.files {
        allowed.push((libc::SYS_openat, Allowed::Always));
        allowed.extend(OF_WRITING.iter().map(|&it| (it, Allowed::Always)));
    } else {
        allowed.push((libc::SYS_openat, reading));
        #[cfg(target_arch = "x86_64")]
        allowed.push((libc::SYS_open, Allowed::Masked(1, writing(), 0)));
    }
    if needs.hooks {
        allowed.push((libc::SYS_bpf, Allowed::Always));
        allowed.push((libc::SYS_perf_event_open, Allowed::Always));
    } else {
        allowed.push((libc::SYS_bpf, Allowed::OneOf(0, OF_MAPS.to_vec())));
    }
    allowed
}

/// Names memory, which the C library does for threads (`include/uapi/linux/prctl.h`).
const PR_SET_VMA: libc::c_int = 0x5356_4d41;

/// The bits of open(2) that let anything be written, made or cut short.
fn writing() -> u64 {
    let bits = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;
    u64::from(bits.unsigned_abs())
}

fn words(values: &[libc::c_int]) -> Vec<u64> {
    values
        .iter()
        .map(|it| u64::from(it.unsigned_abs()))
        .collect()
}
