//! Every BPF map, its size and why.
#![expect(unsafe_code, reason = "per-CPU slots are reached through raw pointers")]

use core::intrinsics::{AtomicOrdering, atomic_xadd};

use aya_ebpf::{
    btf_maps::{HashMap, LpmTrie, LruHashMap, PerCpuArray, PerCpuHashMap, PerfEventArray, RingBuf},
    macros::btf_map,
};
use tracer_common::{
    count,
    flow::Flow,
    gather::{Durations, Key, Life, Owner},
    settings::{FilterKey, transport},
    task::Goroutines,
    touch::Touch,
};

use crate::{filter::Verdict, stack::Scratch};

/// Records that tell of endings; user space sizes the buffers behind it.
#[btf_map]
pub(crate) static PERF_ENDINGS: PerfEventArray = PerfEventArray::new();

/// Births, passing states and processes: noise that must not push out an ending.
#[btf_map]
pub(crate) static PERF_STATES: PerfEventArray = PerfEventArray::new();

/// Names ring buffers, and says which is a CPU's: CPUs that wrote to the same one would wait for
/// each other's lock. User space sets their sizes, one page when unused.
macro_rules! rings {
    ($of:ident: $($nth:literal $name:ident),*) => {
        $(#[btf_map] static $name: RingBuf<u64, 4096> = RingBuf::new();)*

        /// The ring buffer of a CPU.
        #[inline(always)]
        pub(crate) fn $of(cpu: u32) -> *mut core::ffi::c_void {
            match cpu % transport::RINGS {
                $($nth => address(&$name),)*
                _ => core::ptr::null_mut(),
            }
        }
    };
}

// As `PERF_ENDINGS`, for `--transport ringbuf`.
rings!(ring_endings: 0 RING_ENDINGS_0, 1 RING_ENDINGS_1, 2 RING_ENDINGS_2, 3 RING_ENDINGS_3,
    4 RING_ENDINGS_4, 5 RING_ENDINGS_5, 6 RING_ENDINGS_6, 7 RING_ENDINGS_7);

// As `PERF_STATES`, for `--transport ringbuf`.
rings!(ring_states: 0 RING_STATES_0, 1 RING_STATES_1, 2 RING_STATES_2, 3 RING_STATES_3,
    4 RING_STATES_4, 5 RING_STATES_5, 6 RING_STATES_6, 7 RING_STATES_7);

/// Per CPU: slot 0 all records tried, then tried and lost per kind (`tracer_common::count`).
#[btf_map]
static COUNTS: PerCpuArray<[u64; SLOTS], 1> = PerCpuArray::new();

/// Per CPU: a period of time, and the SYNs seen in it so far.
#[btf_map]
static OPENINGS: PerCpuArray<[u64; 2], 1> = PerCpuArray::new();

/// The values wanted of each filter that takes values.
#[btf_map]
pub(crate) static FILTER: HashMap<FilterKey, u8, 16384> = HashMap::new();

/// The names wanted.
#[btf_map]
pub(crate) static FILTER_COMM: HashMap<[u8; 16], u8, 64> = HashMap::new();

/// The networks wanted; IPv4 networks are v4-mapped, so their prefix is 96 bits longer.
#[btf_map]
pub(crate) static FILTER_NET: LpmTrie<[u8; 16], u8, 256> = LpmTrie::new();

/// What a process filter decided about a socket, by its address: 65,536 × about 96 bytes = 6 MiB
/// at most, allocated only while a process filter is set (user space shrinks it otherwise).
#[btf_map]
pub(crate) static VERDICTS: LruHashMap<u64, Verdict, 65536> = LruHashMap::new();

/// The cookies of sockets wanted processes held when user space looked, which fills it: 65,536 ×
/// about 64 bytes = 4 MiB, likewise.
#[btf_map]
pub(crate) static HELD: HashMap<u64, u8, 65536> = HashMap::new();

/// When a wanted socket left its flow: 65,536 × about 112 bytes = 7 MiB, likewise.
#[btf_map]
pub(crate) static DEPARTED: LruHashMap<Flow, u64, 65536> = LruHashMap::new();

/// When each thread last closed a listener, by its id: its queue is torn down right after, without
/// the locks that tell whose doing it is.
#[btf_map]
pub(crate) static LISTENER_CLOSED: LruHashMap<u32, u64, 256> = LruHashMap::new();

/// The processes of Go, by tgid: 4,096 × about 64 bytes; user space fills it.
#[btf_map]
pub(crate) static GOROUTINES: HashMap<u32, Goroutines, 4096> = HashMap::new();

/// Connections that end, by their sockets' address, while latencies are gathered here: 65,536 × about
/// 184 bytes = 12 MiB; user space sets the size, and shrinks it to one otherwise.
#[btf_map]
pub(crate) static LIVES: HashMap<u64, Life, 65536> = HashMap::new();

/// How long phases took, likewise: 16,384 × (about 72 bytes and 24 a CPU) = 2 MiB with two CPUs. A
/// phase of a process takes a few dozen.
#[btf_map]
pub(crate) static SPREADS: PerCpuHashMap<Key, Durations, 16384> = PerCpuHashMap::new();

/// The names of processes that acted, likewise.
#[btf_map]
pub(crate) static NAMES: HashMap<Owner, [u8; 16], 4096> = HashMap::new();

/// Per CPU: the address of the socket that was given up last, which is counted when the next one is.
#[btf_map]
pub(crate) static LAST_GONE: PerCpuArray<u64, 1> = PerCpuArray::new();

/// Per CPU: the connection that is being counted.
#[btf_map]
pub(crate) static SETTLED: PerCpuArray<Life, 1> = PerCpuArray::new();

/// Who last sent or received on a socket, by its address: 16,384 × about 2.4 KiB = 39 MiB, one entry
/// while nobody asks for it (user space shrinks it). A socket that is destroyed leaves; who finds no
/// room is not known. None makes room for others: what was left alone for longest is what was leaked.
#[btf_map]
pub(crate) static TOUCHES: HashMap<u64, Touch, 16384> = HashMap::new();

/// Where stacks are put together, per CPU: 3 × about 4 KiB. One for a task's hook, one for that
/// of a softirq that interrupts it, one to spare; a slot in use is passed over.
#[btf_map]
pub(crate) static STACKS: PerCpuArray<Scratch, 3> = PerCpuArray::new();

#[expect(clippy::as_conversions, reason = "a small constant")]
const SLOTS: usize = count::SLOTS as usize;

/// This CPU's counters.
#[inline(always)]
pub(crate) fn counts() -> Option<*mut [u64; SLOTS]> {
    COUNTS.get_ptr_mut(0)
}

/// Adds one to a counter and returns roughly what it was.
///
/// The addition is atomic, so a hook that interrupts another loses no count; the value returned is
/// read before, because kernels before 5.12 have no atomic that returns one.
#[inline(always)]
pub(crate) fn count(counts: *mut [u64; SLOTS], slot: u32) -> u64 {
    add(counts, slot, 1)
}

/// As [`count`], for more than one; all bits set takes one away.
#[inline(always)]
pub(crate) fn add(counts: *mut [u64; SLOTS], slot: u32, more: u64) -> u64 {
    #[expect(clippy::as_conversions, reason = "widening")]
    let slot = slot as usize;
    if slot >= SLOTS {
        return 0;
    }
    let counter = counts.cast::<u64>().wrapping_add(slot);
    // SAFETY: `counter` lies in the slot of the map, which outlives the program.
    let before = unsafe { core::ptr::read_volatile(counter) };
    // SAFETY: as above, aligned to eight bytes, and every writer is atomic.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(counter, more) };
    before
}

/// Counts a SYN of a period on this CPU; returns how many there were in it before.
///
/// A hook that interrupts another between the two may have one SYN more or less counted.
#[inline(always)]
pub(crate) fn opening(period: u64) -> u64 {
    let Some(known) = OPENINGS.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: the pointer came from the map in this run, and only this CPU writes there.
    let known = unsafe { &mut *known };
    let [last, seen] = *known;
    let before = if last == period { seen } else { 0 };
    *known = [period, before + 1];
    before
}

/// A map as helpers take it; the loader replaces the address by the map's descriptor.
#[inline(always)]
pub(crate) fn address<M>(map: &'static M) -> *mut core::ffi::c_void {
    core::ptr::from_ref(map).cast_mut().cast()
}
