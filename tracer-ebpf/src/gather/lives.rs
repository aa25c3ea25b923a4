//! Connections that end, remembered by their sockets' address.
#![expect(unsafe_code, reason = "map values are reached through raw pointers")]

use core::ptr::read_volatile;

use aya_ebpf::bindings::BPF_NOEXIST;
use tracer_common::{
    count,
    event::context,
    gather::{Life, Owner, life, mode},
};

use super::spreads;
use crate::{
    filter,
    kernel::{Address, task},
    maps::{self, LAST_GONE, LIVES, NAMES, SETTLED},
    settings::setting,
};

/// What every life begins as, in the object's own memory: too large for the stack of some hooks.
static BLANK: Life = Life {
    close_ns: 0,
    fin_ns: 0,
    entered_ns: 0,
    closed_ns: 0,
    owner: Owner {
        start_ns: 0,
        tgid: 0,
        reserved: 0,
    },
    state: 0,
    before: 0,
    flags: 0,
    write_seq: 0,
    phases: [0; 8],
};

/// What is remembered of a connection, if anything is.
#[inline(always)]
pub(super) fn known(sk: Address) -> Option<&'static mut Life> {
    let life = LIVES.get_ptr_mut(sk)?;
    // SAFETY: the pointer came from the map in this run. Another CPU that writes there at the same
    // time, which the socket's lock forbids mostly, costs at most a wrong duration.
    Some(unsafe { &mut *life })
}

/// What is remembered of a connection, from now on if nothing was; `None` of one that is not wanted,
/// and where there is no room, which is counted.
#[inline(always)]
#[expect(
    clippy::needless_borrows_for_generic_args,
    reason = "by value it would be copied to the stack"
)]
pub(super) fn follow(sk: Address) -> Option<&'static mut Life> {
    if let Some(life) = known(sk) {
        return Some(life);
    }
    if !filter::connection(sk) {
        return None;
    }
    if LIVES.insert(sk, &BLANK, u64::from(BPF_NOEXIST)).is_err()
        && let Some(counts) = maps::counts()
    {
        maps::count(counts, count::UNFOLLOWED);
    }
    known(sk)
}

/// The running task acts on a connection: it is its owner now.
#[inline(always)]
pub(super) fn act(life: &mut Life) {
    if filter::by_process() && life.flags & life::WANTED == 0 && filter::running_task() {
        life.flags |= life::WANTED;
    }
    if setting(|settings| &settings.gather) != mode::BY_PROCESS {
        return;
    }
    let (tgid, _) = task::ids();
    // A kernel thread acts for a process it does not name.
    if life.owner.tgid == tgid || task::flags() & context::KTHREAD != 0 {
        return;
    }
    (life.owner.start_ns, life.owner.tgid) = (task::start(), tgid);
    // The key is where it is: a copy on the stack finds no room on kernels before 6.
    let owner = &life.owner;
    if NAMES.get_ptr(owner).is_none() {
        // Of processes beyond those that fit the names are not known, the numbers are.
        let _ = NAMES.insert(owner, task::current_leader_comm(), 0);
    }
}

/// A socket begins: what is remembered at its address is of another, or of a connection before.
#[inline(always)]
pub(super) fn born(sk: Address) {
    if let Some(life) = known(sk) {
        settle(sk, life);
    }
}

/// A socket is gone. It is counted when the next one is on this CPU, or a new one has its address:
/// an RST for it may still be on its way out.
#[inline(always)]
pub(super) fn gone(sk: Address) {
    let Some(slot) = LAST_GONE.get_ptr_mut(0) else {
        return;
    };
    // SAFETY: the slot lies in the map, and sockets are given up with softirqs off.
    let before = unsafe { core::ptr::replace(slot, sk) };
    if before == sk || before == 0 {
        return;
    }
    if let Some(life) = known(before)
        && life.flags & life::GONE != 0
    {
        settle(before, life);
    }
}

/// Forgets a connection, and counts it: of two CPUs that are about to, the one that takes it out.
///
/// Its place in the map may be another's from then on, and beside what a hook has on its stack there
/// is no room for it: it is kept in a slot of this CPU's.
#[inline(always)]
fn settle(sk: Address, life: &Life) {
    let Some(kept) = SETTLED.get_ptr_mut(0) else {
        return;
    };
    // SAFETY: the slot lies in the map, and sockets are born and given up with softirqs off, but for
    // those that connect a second time.
    let kept = unsafe { &mut *kept };
    // Volatile, or LLVM calls functions to copy, which have stacks of their own again.
    // SAFETY: a reference is valid for reads.
    kept.owner.start_ns = unsafe { read_volatile(&raw const life.owner.start_ns) };
    // SAFETY: as above.
    kept.owner.tgid = unsafe { read_volatile(&raw const life.owner.tgid) };
    // SAFETY: as above.
    kept.flags = unsafe { read_volatile(&raw const life.flags) };
    for (kept, took) in kept.phases.iter_mut().zip(&life.phases) {
        // SAFETY: as above.
        *kept = unsafe { read_volatile(took) };
    }
    if LIVES.remove(sk).is_ok() {
        spreads::count(kept);
    }
}
