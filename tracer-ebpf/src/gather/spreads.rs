//! How long phases took, counted in buckets per process and phase.
#![expect(unsafe_code, reason = "map values are reached through raw pointers")]

use core::intrinsics::{AtomicOrdering, atomic_xadd};

use aya_ebpf::bindings::BPF_NOEXIST;
use tracer_common::{
    count,
    gather::{Durations, Key, Life, Owner, bucket, ended, life, phase},
};

use crate::{
    filter,
    maps::{self, SPREADS},
};

/// What every bucket begins as.
static NONE: Durations = Durations {
    count: 0,
    sum: 0,
    max: 0,
};

const NOBODY: Owner = Owner {
    start_ns: 0,
    tgid: 0,
    reserved: 0,
};

/// Counts a connection and its phases, if it ended and is wanted.
#[inline(always)]
pub(super) fn count(life: &Life) {
    let unwanted = filter::by_process() && life.flags & life::WANTED == 0;
    if life.flags & life::ENDED == 0 || unwanted {
        return;
    }
    let cut_off = life.flags & life::CUT_OFF != 0;
    let mut key = Key {
        owner: life.owner,
        phase: 0,
        bucket: 0,
        reserved: 0,
    };
    for (&ns, phase) in life.phases.iter().zip(0_u16..) {
        // What cut it off may look like an acknowledgement.
        let told = !cut_off || !matches!(phase, phase::FIN_TO_ACK | phase::CLOSE_BLOCKED);
        if ns != 0 && told {
            (key.phase, key.bucket) = (phase, bucket(ns));
            add(&key, ns);
        }
    }
    key.phase = phase::ENDINGS;
    key.bucket = 0;
    if life.flags & life::RESET != 0 {
        key.bucket |= ended::RESET;
    }
    if life.flags & life::LEAKED != 0 {
        key.bucket |= ended::LEAKED;
    }
    add(&key, 0);
}

/// Counts an RST that answered for no connection.
#[inline(always)]
pub(super) fn reset_of_nobody() {
    let key = Key {
        owner: NOBODY,
        phase: phase::ENDINGS,
        bucket: ended::RESET,
        reserved: 0,
    };
    add(&key, 0);
}

#[inline(always)]
fn add(key: &Key, ns: u64) {
    let Some(durations) = bucket_of(key) else {
        if let Some(counts) = maps::counts() {
            maps::count(counts, count::UNGATHERED);
        }
        return;
    };
    let fields = durations.cast::<u64>();
    // SAFETY: the pointer came from the map in this run, and every writer is atomic: a hook that
    // interrupts another on this CPU loses nothing.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(fields, 1) };
    // Of an ending there is nothing to add, and LLVM would make another instruction of it, which
    // kernels before 5.12 do not have.
    if ns == 0 {
        return;
    }
    // SAFETY: as above, the second field.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(fields.wrapping_add(1), ns) };
    // SAFETY: as above; of two longest at once on one CPU one may go down, which is rare and small.
    let durations = unsafe { &mut *durations };
    if durations.max < ns {
        durations.max = ns;
    }
}

#[inline(always)]
#[expect(
    clippy::needless_borrows_for_generic_args,
    reason = "by value it would be copied to the stack"
)]
fn bucket_of(key: &Key) -> Option<*mut Durations> {
    if let Some(known) = SPREADS.get_ptr_mut(key) {
        return Some(known);
    }
    // Another CPU may be faster, and a full map has none.
    let _ = SPREADS.insert(key, &NONE, u64::from(BPF_NOEXIST));
    SPREADS.get_ptr_mut(key)
}
