//! Which events are wanted: the only reader of the filter settings.

use aya_ebpf::helpers::bpf_get_current_comm;
use tracer_common::{
    event::HeldBack,
    flow::Flow,
    settings::{FilterKey, filter},
};

use crate::{
    kernel::{Structure, sock, task},
    maps::{FILTER, FILTER_COMM},
    settings::filters,
    transition::CLOSE,
};

mod departed;
mod ends;
mod verdict;

pub(crate) use verdict::{Verdict, forget};

/// Filters that look at processes, and whether children are wanted too.
const PROCESS: u32 = filter::PID | filter::COMM | filter::FOLLOW;
/// Filters that ask a socket's owner, or whose it is.
const OWNER: u32 = filter::PID | filter::COMM | filter::UID;

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

/// Whether what connects a socket's ends may be wanted, whosever it is. Asked before anything else of
/// the socket is read. Not to be asked of a listener that ends: that matters
/// to its children, whose other end is known.
#[inline(always)]
pub(crate) fn connects(sk: impl Structure) -> bool {
    ends::wanted(ends::Of(sk))
}

/// Whether an event on a socket is wanted of its owner. Asked before the socket is described; whether
/// its ends are wanted is asked before.
#[inline(always)]
pub(crate) fn owner(sk: impl Structure, meaning: Meaning) -> Answer {
    if filters(filter::UID) && !listed(filter::UID, sock::uid(sk)) {
        return Answer::NO;
    }
    if filters(filter::PID | filter::COMM) {
        return verdict::decide(sk, meaning);
    }
    Answer::YES
}

/// As [`owner`], of a transition into `to`, of which the last leaves the flow to others: there is room
/// for it.
#[inline(always)]
pub(crate) fn transition(sk: impl Structure, to: u32, meaning: Meaning, room: &mut Flow) -> Answer {
    let answer = owner(sk, meaning);
    if to == CLOSE && filters(OWNER) {
        sock::flow(sk, room);
        departed::departs(room, answer.wanted);
    }
    answer
}

/// As [`owner`], of a socket whose ends may be wanted.
#[inline(always)]
pub(crate) fn socket(sk: impl Structure, meaning: Meaning) -> bool {
    connects(sk) && owner(sk, meaning).wanted
}

/// As [`owner`], of a socket that got a segment for a flow: a listener's own is not that.
#[inline(always)]
pub(crate) fn answered(of: &Flow, sk: impl Structure) -> bool {
    ends::wanted(of) && owner(sk, Meaning::Other).wanted
}

/// Whether a connection is wanted, whoever holds it.
#[inline(always)]
pub(crate) fn connection(sk: impl Structure) -> bool {
    connects(sk) && (!filters(filter::UID) || listed(filter::UID, sock::uid(sk)))
}

/// Whether whose a connection is decides whether it is wanted.
#[inline(always)]
pub(crate) fn by_process() -> bool {
    filters(PROCESS)
}

/// Whether an event that has a flow and no socket is wanted: whose it is, is who had the flow last.
#[inline(always)]
pub(crate) fn ownerless(of: &Flow) -> bool {
    ends::wanted(of) && (!filters(OWNER) || departed::was_wanted(of))
}

/// Whether a segment is wanted: it is, where either end may be the local one of a wanted flow. Whose
/// the ends are is not known here, so a process filter wants them all.
#[inline(always)]
pub(crate) fn segment(of: &Flow) -> bool {
    ends::wanted_either_way(of)
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

/// Whether `value` is wanted by `filter`, which wants everything when it is not set.
#[inline(always)]
fn value(filter: u32, value: u32) -> bool {
    !filters(filter) || listed(filter, value)
}

#[inline(always)]
fn listed(filter: u32, value: u32) -> bool {
    FILTER.get_ptr(FilterKey { filter, value }).is_some()
}

/// Whether the running thread or its process has a wanted name.
#[inline(always)]
fn named() -> bool {
    let wanted = |comm: [u8; 16]| FILTER_COMM.get_ptr(comm).is_some();
    bpf_get_current_comm().is_ok_and(wanted) || wanted(task::current_leader_comm())
}
