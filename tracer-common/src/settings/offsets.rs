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
    /// The protocol, a pointer.
    skc_prot: "sock_common"."skc_prot" [8] optional "memory pressure";
    /// Whether the protocol's sockets take too much memory, a pointer to a number that is not zero then.
    memory_pressure: "proto"."memory_pressure" [8] optional "memory pressure";
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
    /// Connections of a listener that wait to be accepted.
    sk_ack_backlog: "sock"."sk_ack_backlog" [4] optional "accept_queue_overflow on kernels without reset reasons";
    /// How many may wait.
    sk_max_ack_backlog: "sock"."sk_max_ack_backlog" [4] optional "accept_queue_overflow on kernels without reset reasons";
    /// Segments sent and not acknowledged, the root of a tree: a `struct sk_buff`.
    tcp_rtx_queue: "sock"."tcp_rtx_queue.rb_node" [8] optional "when data was sent that a reset answered";
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
    /// Timeouts of the oldest segment in a row.
    icsk_retransmits: "inet_connection_sock"."icsk_retransmits" [1] optional "counts of retransmissions";
    /// Probes without an answer.
    icsk_probes_out: "inet_connection_sock"."icsk_probes_out" [1] optional "keepalive_timeout and zero_window_timeout";
    /// `TCP_USER_TIMEOUT` in milliseconds.
    icsk_user_timeout: "inet_connection_sock"."icsk_user_timeout" [4] optional "user_timeout";
    /// When data was last received, in jiffies.
    icsk_lrcvtime: "inet_connection_sock"."icsk_ack.lrcvtime" [4] optional "reset_while_idle";
    /// When data was last sent, in jiffies.
    lsndtime: "tcp_sock"."lsndtime" [4] optional "reset_while_idle";
    /// Room the peer has, in bytes.
    snd_wnd: "tcp_sock"."snd_wnd" [4] optional "zero_window_timeout";
    /// `TCP_LINGER2` in jiffies.
    linger2: "tcp_sock"."linger2" [4] optional "telling fin_wait2_timeout from orphan_pressure";
    /// `TCP_KEEPCNT`.
    keepalive_probes: "tcp_sock"."keepalive_probes" [1] optional "the number of probes allowed";
    /// `TCP_KEEPIDLE` in jiffies.
    keepalive_time: "tcp_sock"."keepalive_time" [4] optional "when keepalive probes begin";
    /// `TCP_KEEPINTVL` in jiffies.
    keepalive_intvl: "tcp_sock"."keepalive_intvl" [4] optional "when keepalive probes are sent again";
    /// Keys of TCP-MD5, a pointer.
    md5sig_info: "tcp_sock"."md5sig_info" [8] alternative "md5_or_ao";
    /// Keys of TCP-AO, a pointer.
    ao_info: "tcp_sock"."ao_info" [8] alternative "md5_or_ao";
    /// Whether it is a subflow of Multipath TCP.
    is_mptcp: "tcp_sock"."is_mptcp" [1] optional "resets of Multipath TCP on kernels without reasons";
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
    /// The device a buffer came in on, a pointer.
    skb_dev: "sk_buff"."dev" [8] optional "the namespace of resets that answer no socket";
    /// When a segment was last sent, nanoseconds of `CLOCK_MONOTONIC`.
    skb_mstamp_ns: "sk_buff"."skb_mstamp_ns" [8] optional "when data was sent that a reset answered";
    /// Offset of the TCP header from the head.
    skb_transport_header: "sk_buff"."transport_header" [2] required;
    /// Offset of the IP header from the head.
    skb_network_header: "sk_buff"."network_header" [2] required;
    /// Start of what a buffer holds, a pointer; on the way in that is the IP header.
    skb_data: "sk_buff"."data" [8] optional "segments by --wire xmit";
    /// Offset from the head of the end of a buffer's linear part.
    skb_tail: "sk_buff"."tail" [4] optional "segments by --wire xmit";
    /// Bytes a buffer holds, in all its parts.
    skb_len: "sk_buff"."len" [4] optional "the payload of segments above 64 KiB";
    /// Ethernet type, big endian.
    skb_protocol: "sk_buff"."protocol" [2] optional "segments by --wire xmit";
    /// Tag protocol and tag of a VLAN, zero without one; before 6.2 they were told otherwise.
    skb_vlan: "sk_buff"."vlan_all" [4] optional "VLANs of segments by --wire xmit";
    /// The socket a buffer was sent by, a pointer.
    skb_sk: "sk_buff"."sk" [8] optional "the sockets of segments by --wire xmit";
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
    /// The index of a device in its namespace.
    dev_index: "net_device"."ifindex" [4] optional "devices of segments by --wire xmit";
    /// The name of a device.
    dev_name: "net_device"."name" [16] optional "devices of segments by --wire xmit";
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
    /// Base of `fs`, where a thread's own memory is; x86-64 only.
    task_fsbase: "task_struct"."thread.fsbase" [8] optional "goroutines";
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
    task_stack: "task_struct"."stack" [8] optional "exec_cloexec before 5.15, and stacks of programs built without frame pointers";
    /// Number of the system call, x86.
    regs_orig_ax: "pt_regs"."orig_ax" [8] alternative "exec_cloexec";
    /// Number of the system call, 64-bit ARM.
    regs_syscallno: "pt_regs"."syscallno" [4] alternative "exec_cloexec";
    /// First argument of a system call, x86 only.
    regs_first: "pt_regs"."di" [8] optional "closes that end nothing by the entry of close(2)";
}

const _: () = assert!(size_of::<Offsets>() == 2 * FIELDS.len(), "one u16 a field");
