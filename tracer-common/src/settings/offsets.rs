//! Where the running kernel keeps the fields the hooks read; resolved from its BTF.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The offset of a field this kernel does not have, or has in another size.
pub const MISSING: u16 = u16::MAX;

/// One field the hooks read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Structure the path starts in, by its kernel name.
    pub structure: &'static str,
    /// Member names joined by dots; anonymous structures and unions are passed through.
    pub path: &'static str,
    /// Bytes the kernel half reads.
    pub size: u16,
    /// Whether finrst refuses to run without it; else what is lost is said in `lost`.
    pub required: bool,
    /// Whether any other alternative of the same structure and loss does as well.
    pub alternative: bool,
    /// What an ending lacks without the field; empty for a required one.
    pub lost: &'static str,
}

/// Declares [`Offsets`] and, in the same order, [`FIELDS`].
macro_rules! offsets {
    ($($(#[$doc:meta])* $name:ident: $structure:literal . $path:literal [$size:literal] $need:ident $($lost:literal)?;)+) => {
        /// Byte offset of each field in its structure, [`MISSING`] where there is none.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
        #[repr(C)]
        pub struct Offsets {
            $($(#[$doc])* pub $name: u16,)+
        }

        /// The fields behind [`Offsets`], in its order.
        pub const FIELDS: &[Field] = &[
            $(Field {
                structure: $structure,
                path: $path,
                size: $size,
                required: offsets!(@required $need),
                alternative: offsets!(@alternative $need),
                lost: concat!($($lost)?),
            },)+
        ];

        impl Offsets {
            /// Offsets of a kernel that has none of the fields.
            pub const NONE: Self = Self { $($name: MISSING,)+ };
        }
    };
    (@required required) => { true };
    (@required $other:ident) => { false };
    (@alternative alternative) => { true };
    (@alternative $other:ident) => { false };
}

offsets! {
    /// Remote IPv4 address, big endian.
    skc_daddr: "sock_common"."skc_daddr" [4] required;
    /// Local IPv4 address, big endian.
    skc_rcv_saddr: "sock_common"."skc_rcv_saddr" [4] required;
    /// Remote IPv6 address.
    skc_v6_daddr: "sock_common"."skc_v6_daddr" [16] optional "IPv6 addresses";
    /// Local IPv6 address.
    skc_v6_rcv_saddr: "sock_common"."skc_v6_rcv_saddr" [16] optional "IPv6 addresses";
    /// Remote port, big endian.
    skc_dport: "sock_common"."skc_dport" [2] required;
    /// Local port, host byte order; zero once the port was given back.
    skc_num: "sock_common"."skc_num" [2] required;
    /// Address family.
    skc_family: "sock_common"."skc_family" [2] required;
    /// TCP state.
    skc_state: "sock_common"."skc_state" [1] required;
    /// The network namespace, a pointer.
    skc_net: "sock_common"."skc_net.net" [8] optional "network namespaces";
    /// Socket cookie.
    skc_cookie: "sock_common"."skc_cookie" [8] optional "socket cookies (identity by address and time)";
    /// Inode number of a network namespace.
    net_inum: "net"."ns.inum" [4] optional "network namespaces";
    /// Whether a task holds the socket lock.
    sk_lock_owned: "sock"."sk_lock.owned" [4] required;
    /// Socket flags.
    sk_flags: "sock"."__sk_common.skc_flags" [8] optional "linger, orphan and received-FIN evidence";
    /// Linger time in jiffies.
    sk_lingertime: "sock"."sk_lingertime" [8] optional "linger_zero on kernels without reset reasons";
    /// Which directions are shut.
    sk_shutdown: "sock"."sk_shutdown" [1] optional "app_shutdown_write";
    /// Protocol number.
    sk_protocol: "sock"."sk_protocol" [2] optional "telling TCP from MPTCP and SCTP state changes";
    /// Pending error.
    sk_err: "sock"."sk_err" [4] optional "the error a timeout left behind";
    /// Owning user.
    sk_uid: "sock"."sk_uid.val" [4] optional "the uid of sockets in softirq, and -u";
    /// The `struct socket`, a pointer; null for orphans and connections nobody accepted.
    sk_socket: "sock"."sk_socket" [8] optional "telling close from shutdown";
    /// `SOCK_STREAM`, `SOCK_RAW`, ….
    sk_type: "sock"."sk_type" [2] optional "closes that end nothing (held_open)";
    /// The group of listeners on one port, a pointer; null for a listener alone.
    sk_reuseport_cb: "sock"."sk_reuseport_cb" [8] optional "which of a port's listeners a connection was for";
    /// The `struct file` of a socket, a pointer.
    socket_file: "socket"."file" [8] optional "telling close from shutdown";
    /// The `struct sock` of a socket, a pointer.
    socket_sk: "socket"."sk" [8] optional "closes that end nothing (held_open)";
    /// Number of a socket's inode.
    socket_inode: "socket_alloc"."vfs_inode.i_ino" [8] optional "who else holds a socket";
    /// What a file is of, a pointer; of a socket's file its `struct socket`.
    file_private_data: "file"."private_data" [8] optional "closes that end nothing (held_open)";
    /// The inode of a file, a pointer.
    file_inode: "file"."f_inode" [8] optional "closes that end nothing (held_open)";
    /// References to a file, before 6.13.
    file_count: "file"."f_count.counter" [8] alternative "telling close from shutdown";
    /// References to a file, from 6.13 on; one less than there are.
    file_ref: "file"."f_ref.refcnt.counter" [8] alternative "telling close from shutdown";
    /// Type and permissions of an inode.
    inode_mode: "inode"."i_mode" [2] optional "closes that end nothing (held_open)";
    /// Local port, big endian; stays when `skc_num` is given back.
    inet_sport: "inet_sock"."inet_sport" [2] required;
    /// Next sequence number expected.
    rcv_nxt: "tcp_sock"."rcv_nxt" [4] optional "unread bytes";
    /// First sequence number not read.
    copied_seq: "tcp_sock"."copied_seq" [4] optional "unread bytes";
    /// Next sequence number to send.
    snd_nxt: "tcp_sock"."snd_nxt" [4] optional "unsent bytes";
    /// First sequence number not acknowledged.
    snd_una: "tcp_sock"."snd_una" [4] optional "unacknowledged bytes";
    /// Next sequence number to write.
    write_seq: "tcp_sock"."write_seq" [4] optional "unsent bytes and the FIN's sequence number";
    /// Smoothed round trip time.
    srtt_us: "tcp_sock"."srtt_us" [4] optional "round trip times";
    /// Payload bytes acknowledged.
    bytes_acked: "tcp_sock"."bytes_acked" [8] optional "bytes sent";
    /// Payload bytes received.
    bytes_received: "tcp_sock"."bytes_received" [8] optional "bytes received";
    /// Start of a segment's buffer, a pointer.
    skb_head: "sk_buff"."head" [8] required;
    /// The socket a buffer belongs to, a pointer.
    skb_dev: "sk_buff"."dev" [8] optional "the namespace of resets that answer no socket";
    /// Offset of the TCP header from the head.
    skb_transport_header: "sk_buff"."transport_header" [2] required;
    /// Offset of the IP header from the head.
    skb_network_header: "sk_buff"."network_header" [2] required;
    /// The control block, where TCP keeps sequence number and flags.
    skb_cb: "sk_buff"."cb" [48] optional "retransmitted FINs";
    /// First sequence number in the control block.
    cb_seq: "tcp_skb_cb"."seq" [4] optional "retransmitted FINs";
    /// TCP flags in the control block, before 6.17 one byte.
    cb_tcp_flags: "tcp_skb_cb"."tcp_flags" [1] alternative "retransmitted FINs";
    /// TCP flags in the control block, two bytes since 6.17.
    cb_tcp_flags_wide: "tcp_skb_cb"."tcp_flags" [2] alternative "retransmitted FINs";
    /// The namespace of a device, a pointer.
    dev_net: "net_device"."nd_net.net" [8] optional "the namespace of resets that answer no socket";
    /// Task flags.
    task_flags: "task_struct"."flags" [4] required;
    /// Thread group id.
    task_tgid: "task_struct"."tgid" [4] required;
    /// Thread id.
    task_pid: "task_struct"."pid" [4] required;
    /// Exit code.
    task_exit_code: "task_struct"."exit_code" [4] optional "exit status and signal";
    /// The thread group's leader, a pointer.
    task_group_leader: "task_struct"."group_leader" [8] optional "the process's name where a thread has another";
    /// Name.
    task_comm: "task_struct"."comm" [16] optional "the process's name where a thread has another";
    /// Start time since boot; before 5.5 it had another name.
    task_start_boottime: "task_struct"."start_boottime" [8] optional "process identity beyond the pid";
    /// Open files, a pointer.
    task_files: "task_struct"."files" [8] optional "closes that end nothing by the entry of close(2)";
    /// What the threads of a process share, a pointer.
    task_signal: "task_struct"."signal" [8] optional "telling closes of execve(2) from others";
    /// Whether the thread is in a 32-bit system call, x86 only.
    task_compat_status: "task_struct"."thread_info.status" [4] optional "closes that end nothing by the entry of close(2)";
    /// Who holds the lock that execve(2) takes: a task, with flags in the lowest bits.
    signal_exec_lock: "signal_struct"."cred_guard_mutex.owner.counter" [8] optional "telling closes of execve(2) from others";
    /// The table of descriptors, a pointer.
    files_table: "files_struct"."fdt" [8] optional "closes that end nothing by the entry of close(2)";
    /// Descriptors the table has room for.
    table_size: "fdtable"."max_fds" [4] optional "closes that end nothing by the entry of close(2)";
    /// The files by descriptor, a pointer.
    table_files: "fdtable"."fd" [8] optional "closes that end nothing by the entry of close(2)";
    /// The address space, a pointer; null in kernel threads and after a process gave it up.
    task_mm: "task_struct"."mm" [8] optional "telling the stacks of a process from those of the program it executed before";
    /// The lowest address of the kernel stack, a pointer.
    task_stack: "task_struct"."stack" [8] optional "stacks of programs built without frame pointers";
    /// First argument of a system call, x86 only.
    regs_first: "pt_regs"."di" [8] optional "closes that end nothing by the entry of close(2)";
}

const _: () = assert!(size_of::<Offsets>() == 2 * FIELDS.len(), "one u16 a field");
