//! What a process filter decided about a socket, and what happened before it could.
#![expect(unsafe_code, reason = "map values are reached through raw pointers")]

use aya_ebpf::{
    bindings::{BPF_ANY, BPF_NOEXIST},
    helpers::bpf_ktime_get_ns,
};
use tracer_common::{count, event::HeldBack, settings::filter};

use super::{Answer, Meaning, NOTHING, running_task};
use crate::{
    kernel::{Structure, sock},
    maps::{self, HELD, VERDICTS},
    settings::filters,
};

/// What a process filter knows of a socket.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Verdict {
    /// One once a wanted process was seen to hold it, else zero: until then nobody is ruled out, for
    /// sockets are handed over.
    wanted: u64,
    /// What happened before.
    held_back: HeldBack,
}

const UNDECIDED: Verdict = Verdict {
    wanted: 0,
    held_back: NOTHING,
};

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

/// Whether an event on a socket is wanted. Of the socket only its address is needed, and its cookie as
/// long as nothing is decided: most sockets are others', and are not to be described.
#[inline(always)]
pub(super) fn decide(sk: impl Structure, meaning: Meaning) -> Answer {
    let address = sk.address();
    let mut verdict = UNDECIDED;
    if matches!(meaning, Meaning::Birth | Meaning::Opener) {
        forget(address);
        // Of some kernels a child has its listener's cookie for a moment.
        if meaning == Meaning::Birth {
            return Answer::NO;
        }
    } else if let Some(known) = VERDICTS.get_ptr(address) {
        // SAFETY: the pointer came from the map in this run; another CPU may change the value
        // meanwhile, which costs at most a stale verdict.
        verdict = unsafe { core::ptr::read(known) };
    }
    let holds = matches!(meaning, Meaning::Holder | Meaning::Caller | Meaning::Opener);
    let decides = holds && verdict.wanted == 0 && running_task();
    if !decides && verdict.wanted == 0 && !was_held(sock::cookie(sk)) {
        remember(address, &mut verdict, meaning);
        return Answer::NO;
    }
    let mut held_back = NOTHING;
    if meaning == Meaning::Holder {
        held_back = verdict.held_back;
        verdict.held_back = NOTHING;
    }
    let tells = held_back.fin_received_ns | held_back.rst_received_ns != 0;
    if decides || tells {
        verdict.wanted = 1;
        store(address, &verdict);
    }
    Answer {
        wanted: true,
        held_back,
    }
}

/// Whether a wanted process held the socket when user space looked, after the attach.
#[inline(always)]
fn was_held(cookie: u64) -> bool {
    cookie != 0 && HELD.get_ptr(cookie).is_some()
}

#[inline(always)]
fn remember(address: u64, verdict: &mut Verdict, meaning: Meaning) {
    // SAFETY: no arguments, no preconditions.
    let now = || unsafe { bpf_ktime_get_ns() };
    match meaning {
        Meaning::FinReceived => verdict.held_back.fin_received_ns = now(),
        Meaning::RstReceived => verdict.held_back.rst_received_ns = now(),
        Meaning::Holder | Meaning::Caller | Meaning::Opener | Meaning::Birth | Meaning::Other => {
            return;
        }
    }
    store(address, verdict);
}
