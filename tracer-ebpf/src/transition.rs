//! What a state transition means: whether it ends something, whose doing it is, what a filter
//! learns from it. Numbers are those of `include/net/tcp_states.h`.

use tracer_common::{
    event::context,
    socket::{Condition, file, known},
};

use crate::{
    emit::Lane,
    filter::Meaning,
    kernel::{Structure, sock, task, timers::timers},
    listener,
};

pub(crate) const ESTABLISHED: u32 = 1;
pub(crate) const SYN_SENT: u32 = 2;
pub(crate) const SYN_RECV: u32 = 3;
pub(crate) const FIN_WAIT1: u32 = 4;
pub(crate) const FIN_WAIT2: u32 = 5;
const TIME_WAIT: u32 = 6;
pub(crate) const CLOSE: u32 = 7;
pub(crate) const CLOSE_WAIT: u32 = 8;
pub(crate) const LAST_ACK: u32 = 9;
pub(crate) const LISTEN: u32 = 10;
pub(crate) const CLOSING: u32 = 11;
const NEW_SYN_RECV: u32 = 12;

/// Whether a transition into this state ends a direction or the connection.
#[inline(always)]
fn ends(to: u32) -> bool {
    matches!(to, FIN_WAIT1 | LAST_ACK | CLOSE_WAIT | CLOSING | CLOSE)
}

/// Whether a transition is, or may be, an act of this side: a FIN it queues, or an end without one.
#[inline(always)]
pub(crate) fn acts(from: u32, to: u32) -> bool {
    let orderly = matches!(from, FIN_WAIT1 | FIN_WAIT2 | TIME_WAIT | LAST_ACK | CLOSING);
    matches!(to, FIN_WAIT1 | LAST_ACK) || (to == CLOSE && from != LISTEN && !orderly)
}

/// Whether a transition is the call of a task that connects.
#[inline(always)]
pub(crate) fn opens(to: u32, by: u16) -> bool {
    to == SYN_SENT && by & context::TASK != 0
}

/// Whether a socket in this state is a connection, or is becoming one.
#[inline(always)]
pub(crate) fn connected(state: u32) -> bool {
    state != CLOSE && state != LISTEN
}

/// Whether a socket in this state answers segments for a connection of its own.
#[inline(always)]
pub(crate) fn answers_for_itself(state: u32) -> bool {
    !matches!(
        state,
        0 | SYN_SENT | SYN_RECV | NEW_SYN_RECV | LISTEN | TIME_WAIT
    )
}

/// Who makes the socket change, a bit of [`context`]. A task that holds the lock may also be working off
/// segments that arrived meanwhile, so only transitions that calls make are a task's.
#[inline(always)]
pub(crate) fn actor(sk: impl Structure, from: u32, to: u32, condition: &Condition) -> u16 {
    let by_call = matches!(to, SYN_SENT | LISTEN | FIN_WAIT1 | LAST_ACK)
        || (to == CLOSE && from != LAST_ACK && from != CLOSING);
    if by_call && sock::owned(sk) {
        return context::TASK;
    }
    if to != CLOSE || !sock::unaccepted(condition) {
        context::SOFTIRQ
    } else if listener::takes_along(condition) {
        context::TASK
    } else {
        0
    }
}

/// The same with what else is to be said of the task: asked only where somebody wants to know.
#[inline(always)]
pub(crate) fn described(by: u16, condition: &Condition) -> u16 {
    if by & context::TASK == 0 {
        by
    } else if sock::is_released(condition) {
        by | task::flags_at_release()
    } else {
        by | task::flags()
    }
}

/// Whether a transition is the end of a connection that failed: its timers tell why.
///
/// Whatever gives a connection up leaves its error before (`tcp_write_err`, `tcp_abort`,
/// `tcp_reset`); an orderly end leaves none, and costs nothing more.
#[inline(always)]
fn fails(to: u32, condition: &Condition) -> bool {
    to == CLOSE && condition.known & known::ERR != 0 && condition.err != 0
}

/// Whether the condition of a socket is to be told with a transition into this state.
#[inline(always)]
pub(crate) fn tells(to: u32) -> bool {
    ends(to) || to == LISTEN
}

/// Reads what is left of the condition, which `sock::holding` began to.
#[inline(always)]
pub(crate) fn complete(sk: impl Structure, to: u32, condition: &mut Condition) {
    if tells(to) {
        sock::moving(sk, condition);
    }
    if fails(to, condition) {
        timers(sk, condition);
    }
}

/// The buffer a transition into this state travels in.
#[inline(always)]
pub(crate) fn lane(to: u32) -> Lane {
    if ends(to) {
        Lane::Endings
    } else {
        Lane::States
    }
}

/// Whether a transition is the end of a listener, by the running task.
#[inline(always)]
pub(crate) fn ends_listener(from: u32, to: u32, by: u16) -> bool {
    from == LISTEN && to == CLOSE && by & context::TASK != 0
}

/// What a process filter learns from it.
#[inline(always)]
pub(crate) fn meaning(to: u32, by: u16, condition: &Condition) -> Meaning {
    let released = condition.known & known::FILE == 0 || condition.file != file::HELD;
    match to {
        SYN_RECV => Meaning::Birth,
        // A close that resets, not `ss -K` or connect(AF_UNSPEC): those leave the file held.
        CLOSE if by & context::TASK != 0 && released => Meaning::Holder,
        SYN_SENT | LISTEN if by & context::TASK != 0 => Meaning::Opener,
        FIN_WAIT1 | LAST_ACK if by & context::TASK != 0 => Meaning::Holder,
        CLOSE_WAIT | CLOSING => Meaning::FinReceived,
        _ => Meaning::Other,
    }
}
