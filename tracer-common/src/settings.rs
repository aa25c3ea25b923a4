//! What user space sets before the kernel half is loaded; frozen afterwards.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::layout::assert_layout;

mod offsets;

pub use offsets::{FIELDS, Field, MISSING, Offsets};

/// How the kernel half runs; global `SETTINGS` of the object.
///
/// The map is frozen before programs load, so the verifier drops every branch a setting rules out.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Settings {
    /// Bits of [`Kind::bit`](crate::event::Kind::bit): the records wanted.
    pub kinds: u32,
    /// Bits of [`filter`]: the filters that are set.
    pub filters: u32,
    /// One of [`transport`].
    pub transport: u32,
    /// Bytes waiting in a CPU's ring buffer at which, and at whose multiples, the reader is woken; a
    /// power of two. The perf buffers keep their own.
    pub wakeup_bytes: u32,
    /// Microseconds of a jiffy; zero where the kernel has no helper that tells jiffies.
    pub tick_us: u32,
    /// One where the kernel has the helper that finds a task's registers, else zero.
    pub has_task_pt_regs: u32,
    /// Index of the one device segments are wanted of; zero for all.
    pub device: u32,
    /// Inode number of the network namespace finrst runs in, and with it `device`; zero when it is
    /// not known.
    pub netns: u32,
    /// Bits of [`stacks`]: of which acts stacks are taken.
    pub stacks: u32,
    /// One of [`mode`](crate::gather::mode): whether latencies are gathered instead of records sent.
    pub gather: u32,
    /// How many of `network` are wanted; zero where there are more than fit: then the `FILTER_NET`
    /// trie has them.
    pub networks: u32,
    /// One where the kernel has the helper that gives the running task as what the verifier knows, else
    /// zero.
    pub has_task_btf: u32,
    /// The networks wanted.
    pub network: [Network; NETWORKS],
}

/// How many networks fit into [`Settings`]: comparing so many costs less than one look into a map.
pub const NETWORKS: usize = 4;

/// A network: an address is in it if what the mask leaves of it is the prefix.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Network {
    /// Two halves of 8 bytes, in the order of memory as addresses are.
    pub mask: [u64; 2],
    /// Likewise.
    pub prefix: [u64; 2],
}

assert_layout!(Network, size = 32, { mask: 0, prefix: 16 });

assert_layout!(Settings, size = 176, {
    kinds: 0, filters: 4, transport: 8, wakeup_bytes: 12, tick_us: 16, has_task_pt_regs: 20,
    device: 24, netns: 28, stacks: 32, gather: 36, networks: 40, has_task_btf: 44, network: 48,
});

/// Bits of [`Settings::stacks`].
pub mod stacks {
    /// The kernel's stack, of RSTs sent.
    pub const RESET_KERNEL: u32 = 1;
    /// The calling task's stack, of RSTs sent.
    pub const RESET_USER: u32 = 1 << 1;
    /// The kernel's stack, of every other act that closes.
    pub const OTHER_KERNEL: u32 = 1 << 2;
    /// The calling task's stack, of every other act that closes.
    pub const OTHER_USER: u32 = 1 << 3;
    /// The calling task's stack, where a task gets a connection, shuts it down, or closes a
    /// descriptor of it while another one is open: it goes on, held.
    pub const KEEPING_USER: u32 = 1 << 4;
    /// The calling task's stack of the last call that sent or received, kept in the map `TOUCHES`.
    pub const TOUCH_USER: u32 = 1 << 5;
}

/// Bits of [`Settings::filters`].
pub mod filter {
    /// Only processes whose tgid is in the `FILTER` map.
    pub const PID: u32 = 1;
    /// A child of a wanted process is wanted too.
    pub const FOLLOW: u32 = 1 << 1;
    /// Only threads or leaders whose name is in the `FILTER_COMM` map.
    pub const COMM: u32 = 1 << 2;
    /// Only sockets whose user id is in the `FILTER` map.
    pub const UID: u32 = 1 << 3;
    /// Only network namespaces whose inode is in the `FILTER` map.
    pub const NETNS: u32 = 1 << 4;
    /// Only local ports in the `FILTER` map.
    pub const LOCAL_PORT: u32 = 1 << 5;
    /// Only remote ports in the `FILTER` map.
    pub const REMOTE_PORT: u32 = 1 << 6;
    /// Only flows one of whose addresses is in a wanted network.
    pub const NET: u32 = 1 << 7;
    /// Only IPv4 flows, v4-mapped sockets included.
    pub const IPV4: u32 = 1 << 8;
    /// Only IPv6 flows, v4-mapped sockets excluded.
    pub const IPV6: u32 = 1 << 9;
}

/// Values of [`Settings::transport`].
pub mod transport {
    /// Per-CPU perf ring buffers, maps `PERF_ENDINGS` and `PERF_STATES`.
    pub const PERF: u32 = 0;
    /// BPF ring buffers, maps [`RING_ENDINGS`] and [`RING_STATES`].
    pub const RINGBUF: u32 = 1;

    /// How many ring buffers a lane has; a CPU writes to the one of its number, modulo these.
    pub const RINGS: u32 = 8;
    /// The maps of endings' ring buffers.
    pub const RING_ENDINGS: [&str; 8] = [
        "RING_ENDINGS_0",
        "RING_ENDINGS_1",
        "RING_ENDINGS_2",
        "RING_ENDINGS_3",
        "RING_ENDINGS_4",
        "RING_ENDINGS_5",
        "RING_ENDINGS_6",
        "RING_ENDINGS_7",
    ];
    /// The maps of states' ring buffers.
    pub const RING_STATES: [&str; 8] = [
        "RING_STATES_0",
        "RING_STATES_1",
        "RING_STATES_2",
        "RING_STATES_3",
        "RING_STATES_4",
        "RING_STATES_5",
        "RING_STATES_6",
        "RING_STATES_7",
    ];
}

/// A key of the `FILTER` map: one wanted value of one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct FilterKey {
    /// The bit of [`filter`] this value belongs to.
    pub filter: u32,
    /// A tgid, uid, inode number or port in host byte order.
    pub value: u32,
}

assert_layout!(FilterKey, size = 8, { filter: 0, value: 4 });
