//! Which events are wanted: the only reader of the filter settings.
#![expect(unsafe_code, reason = "map values are reached through raw pointers")]

use aya_ebpf::{
    bindings::{BPF_ANY, BPF_NOEXIST},
    btf_maps::lpm_trie::Key,
    helpers::{bpf_get_current_comm, bpf_ktime_get_ns},
};
use tracer_common::{
    count,
    event::HeldBack,
    flow::Flow,
    settings::{FilterKey, filter},
    socket::Socket,
};
use zerocopy::FromZeros;

use crate::{
    kernel::{Address, sock, task},
    maps::{self, FILTER, FILTER_COMM, FILTER_NET, VERDICTS},
    settings::filters,
};

/// Prefix of `::ffff:0:0/96`, the addresses that stand for IPv4.
const V4_MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// What a process filter knows of a socket.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Verdict {
    /// One of the constants below.
    decision: u64,
    /// What happened before it was decided.
    held_back: HeldBack,
}

const UNDECIDED: u64 = 0;
const WANTED: u64 = 1;
const UNWANTED: u64 = 2;

/// What an event means to a process filter that has not decided yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The running task is proved to hold the socket: decide, and hand over what was held back.
    Holder,
    /// As `Holder`, in a record without room for what was held back: a later one tells it.
    Caller,
    /// A FIN arrived: remember when.
    FinReceived,
    /// An RST arrived: remember when.
    RstReceived,
    /// A new connection: whatever was known of this address is of another socket.
    Birth,
    /// A new connection or listener made by the running task: forget, then decide.
    Opener,
    /// Nothing to remember.
    Other,
}

/// What the filter says of an event.
///
/// Not an `Option`: copying the payload of a `None` is an uninitialised read to the verifier.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    /// Whether the event is to be sent.
    pub(crate) wanted: bool,
    /// What was held back before the owner was known; nothing unless wanted.
    pub(crate) held_back: HeldBack,
}

impl Answer {
    const NO: Self = Self {
        wanted: false,
        held_back: NOTHING,
    };
    const YES: Self = Self {
        wanted: true,
        held_back: NOTHING,
    };
}

const NOTHING: HeldBack = HeldBack {
    fin_received_ns: 0,
    rst_received_ns: 0,
};

/// Whether an event on a socket is wanted.
#[inline(always)]
pub(crate) fn socket(socket: &Socket, meaning: Meaning) -> Answer {
    if !flow(&socket.flow) || !value(filter::UID, socket.uid) {
        return Answer::NO;
    }
    if filters(filter::PID | filter::COMM) {
        return decide(socket.address, meaning);
    }
    Answer::YES
}

/// As [`socket`], for records that do not carry the socket: it is described only for a filter.
#[inline(always)]
pub(crate) fn undescribed(sk: Address, meaning: Meaning) -> bool {
    if !filters(u32::MAX) {
        return true;
    }
    let mut described = Socket::new_zeroed();
    sock::describe(sk, None, &mut described);
    socket(&described, meaning).wanted
}

/// Whether an event that has a flow but no owner is wanted; a process filter never wants it.
#[inline(always)]
pub(crate) fn ownerless(of: &Flow) -> bool {
    !filters(filter::PID | filter::COMM | filter::UID) && flow(of)
}

/// Whether a segment is wanted: it is, where either end may be the local one of a wanted flow. Whose
/// the ends are is not known here, so a process filter wants them all.
#[inline(always)]
pub(crate) fn segment(of: &Flow) -> bool {
    let ports = |local: u16, remote: u16| {
        value(filter::LOCAL_PORT, u32::from(local)) && value(filter::REMOTE_PORT, u32::from(remote))
    };
    family(of)
        && (ports(of.local_port, of.remote_port) || ports(of.remote_port, of.local_port))
        && value(filter::NETNS, of.netns)
        && (!filters(filter::NET) || network(of.remote) || network(of.local))
}

/// Whether an event of the running task itself is wanted.
#[inline(always)]
pub(crate) fn running_task() -> bool {
    let (tgid, _) = task::ids();
    (!filters(filter::PID) || listed(filter::PID, tgid)) && (!filters(filter::COMM) || named())
}

/// Takes a child of a wanted process into the filter.
#[inline(always)]
pub(crate) fn follow(parent_tgid: u32, child_tgid: u32) {
    if filters(filter::FOLLOW) && parent_tgid != child_tgid && listed(filter::PID, parent_tgid) {
        let key = FilterKey {
            filter: filter::PID,
            value: child_tgid,
        };
        // A full map means the child is not followed; 16,384 processes fit.
        let _ = FILTER.insert(key, 1, 0);
    }
}

/// Forgets a socket that is gone.
#[inline(always)]
pub(crate) fn forget(address: u64) {
    if filters(filter::PID | filter::COMM) && VERDICTS.remove(address).is_ok() {
        account(u64::MAX);
    }
}

/// Counts sockets in the table; all bits set is one less.
#[inline(always)]
fn account(more: u64) {
    if let Some(counts) = maps::counts() {
        maps::add(counts, count::VERDICTS, more);
    }
}

/// Stores a verdict; a socket new to the table is counted, so that one pushed out of it shows.
#[inline(always)]
fn store(address: u64, verdict: &Verdict) {
    if VERDICTS
        .insert(address, *verdict, u64::from(BPF_NOEXIST))
        .is_ok()
    {
        account(1);
    } else {
        // There already, or no memory: a later event decides anew.
        let _ = VERDICTS.insert(address, *verdict, u64::from(BPF_ANY));
    }
}

#[inline(always)]
fn decide(address: u64, meaning: Meaning) -> Answer {
    if meaning == Meaning::Birth {
        forget(address);
        return Answer::NO;
    }
    let mut verdict = Verdict {
        decision: UNDECIDED,
        held_back: NOTHING,
    };
    if let Some(known) = VERDICTS.get_ptr(address) {
        // SAFETY: the pointer came from the map in this run; another CPU may change the value
        // meanwhile, which costs at most a stale verdict.
        verdict = unsafe { core::ptr::read(known) };
    }
    if meaning == Meaning::Opener {
        verdict = Verdict {
            decision: UNDECIDED,
            held_back: NOTHING,
        };
    }
    let holds = matches!(meaning, Meaning::Holder | Meaning::Caller | Meaning::Opener);
    let decides = holds && verdict.decision != WANTED;
    let mut held_back = NOTHING;
    if meaning == Meaning::Holder {
        held_back = verdict.held_back;
        verdict.held_back = NOTHING;
    }
    let tells = held_back.fin_received_ns | held_back.rst_received_ns != 0;
    if decides {
        verdict.decision = if running_task() { WANTED } else { UNWANTED };
    }
    if decides || tells {
        store(address, &verdict);
        return Answer {
            wanted: verdict.decision == WANTED,
            held_back,
        };
    }
    if verdict.decision == UNDECIDED {
        remember(address, &mut verdict, meaning);
    }
    if verdict.decision == WANTED {
        Answer::YES
    } else {
        Answer::NO
    }
}

#[inline(always)]
fn remember(address: u64, verdict: &mut Verdict, meaning: Meaning) {
    // SAFETY: no arguments, no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    match meaning {
        Meaning::FinReceived => verdict.held_back.fin_received_ns = now,
        Meaning::RstReceived => verdict.held_back.rst_received_ns = now,
        Meaning::Holder | Meaning::Caller | Meaning::Opener | Meaning::Birth | Meaning::Other => {
            return;
        }
    }
    store(address, verdict);
}

#[inline(always)]
fn flow(flow: &Flow) -> bool {
    family(flow)
        && value(filter::LOCAL_PORT, u32::from(flow.local_port))
        && value(filter::REMOTE_PORT, u32::from(flow.remote_port))
        && value(filter::NETNS, flow.netns)
        && (!filters(filter::NET) || network(flow.remote) || network(flow.local))
}

#[inline(always)]
fn family(flow: &Flow) -> bool {
    if !filters(filter::IPV4 | filter::IPV6) {
        return true;
    }
    let v4 = flow.local.first_chunk::<12>() == Some(&V4_MAPPED);
    filters(if v4 { filter::IPV4 } else { filter::IPV6 })
}

/// Whether `value` is wanted by `filter`, which wants everything when it is not set.
#[inline(always)]
fn value(filter: u32, value: u32) -> bool {
    !filters(filter) || listed(filter, value)
}

#[inline(always)]
fn listed(filter: u32, value: u32) -> bool {
    FILTER.get_ptr(FilterKey { filter, value }).is_some()
}

#[inline(always)]
fn network(address: [u8; 16]) -> bool {
    FILTER_NET.get(&Key::new(128, address)).is_some()
}

/// Whether the running thread or its process has a wanted name.
#[inline(always)]
fn named() -> bool {
    let wanted = |comm: [u8; 16]| FILTER_COMM.get_ptr(comm).is_some();
    bpf_get_current_comm().is_ok_and(wanted) || wanted(task::current_leader_comm())
}
