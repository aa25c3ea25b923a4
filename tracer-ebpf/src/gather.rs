//! Latencies gathered here, where nothing is to leave the kernel: what each hook adds to what is
//! remembered of its connection. It sends no record.
//!
//! These are functions of their own: beside a record there is no room on the stack. Kernels before 6
//! count what the hook has touched of its stack as well, so hooks call them before anything else.
#![expect(unsafe_code, reason = "map values are reached through raw pointers")]

use aya_ebpf::helpers::bpf_ktime_get_ns;
use tracer_common::{
    event::context,
    gather::{Life, life, mode, phase},
    socket::{Socket, file, sock_flag},
};

use crate::{
    filter,
    kernel::{Address, read, sock, task},
    listener,
    settings::setting,
    transition::{
        self, CLOSE, CLOSE_WAIT, CLOSING, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, LAST_ACK, LISTEN,
        SYN_RECV, SYN_SENT,
    },
};

mod lives;
mod spreads;

use lives::{act, follow, known};

/// Nanoseconds in `CLOSE_WAIT` or `FIN_WAIT2` after which a side that ends otherwise than by its own
/// close was forgotten.
const FORGOTTEN_NS: u64 = 1_000_000_000;

/// `include/uapi/asm-generic/errno.h` and `errno-base.h`.
const EPIPE: u32 = 32;
const ECONNABORTED: u32 = 103;
const ECONNRESET: u32 = 104;
const ECONNREFUSED: u32 = 111;

/// Does this instead of what sends a record, where latencies are gathered; whether it did. To the
/// verifier that is a constant, and the other half is not there.
#[inline(always)]
pub(crate) fn instead(gather: impl FnOnce()) -> bool {
    let on = setting(|settings| &settings.gather) != mode::OFF;
    if on {
        gather();
    }
    on
}

/// close(2) was called.
#[inline(never)]
pub(crate) fn close_called(sk: Address) {
    if !sock::is_tcp(sk) {
        return;
    }
    let life = if transition::connected(sock::state(sk)) {
        follow(sk)
    } else {
        known(sk)
    };
    let Some(life) = life else { return };
    act(life);
    if life.flags & life::CALLED == 0 {
        life.flags |= life::CALLED;
        life.close_ns = now();
    }
}

/// A transition, before it is written.
#[inline(never)]
pub(crate) fn changed(sk: Address, from: u32, to: u32) {
    if matches!(to, SYN_SENT | SYN_RECV) {
        return lives::born(sk);
    }
    if to == ESTABLISHED || to == LISTEN || from == CLOSE || !sock::is_tcp(sk) {
        return;
    }
    let owned = sock::owned(sk);
    if from == LISTEN {
        if owned {
            listener::closed();
        }
        return;
    }
    let Some(life) = follow(sk) else { return };
    let at = now();
    left(sk, life, (from, to), (at, owned));
    if matches!(to, FIN_WAIT1 | LAST_ACK) && life.flags & life::FIN_SENT == 0 {
        fin_queued(sk, life, at, owned);
    }
    if matches!(to, CLOSE_WAIT | CLOSING) {
        life.flags |= life::FIN_RECEIVED;
        life.write_seq = read(sk, |offsets| &offsets.write_seq);
    }
    if to == CLOSE {
        closed(sk, life, from, (at, owned));
    }
    (life.before, life.state, life.entered_ns) = (from, to, at);
}

/// The socket leaves a state: how long it was in it, and what that means.
#[inline(always)]
fn left(sk: Address, life: &mut Life, (from, to): (u32, u32), (at, owned): (u64, bool)) {
    let entered = if life.state == from {
        life.entered_ns
    } else {
        0
    };
    match from {
        FIN_WAIT2 => took(life, phase::FIN_WAIT2, entered, at),
        LAST_ACK => took(life, phase::LAST_ACK, entered, at),
        CLOSE_WAIT => {
            took(life, phase::CLOSE_WAIT, entered, at);
            let written: u32 = read(sk, |offsets| &offsets.write_seq);
            let long = entered != 0 && at.wrapping_sub(entered) >= FORGOTTEN_NS;
            let exits = owned && task::flags() & context::EXITING != 0;
            if long && exits && written == life.write_seq {
                life.flags |= life::LEAKED;
            }
        }
        _ => {}
    }
    let acknowledged = matches!(
        (from, to),
        (FIN_WAIT1, FIN_WAIT2 | CLOSE) | (CLOSING | LAST_ACK, CLOSE)
    );
    if acknowledged {
        took(life, phase::FIN_TO_ACK, life.fin_ns, at);
        if life.flags & life::LINGERS != 0 {
            took(life, phase::CLOSE_BLOCKED, life.fin_ns, at);
        }
    }
}

/// Our FIN is about to be queued, by a close or a shutdown.
#[inline(always)]
fn fin_queued(sk: Address, life: &mut Life, at: u64, owned: bool) {
    life.flags |= life::FIN_SENT;
    life.fin_ns = at;
    if !owned {
        return;
    }
    act(life);
    if life.flags & life::CALLED != 0 {
        took(life, phase::CLOSE_TO_FIN, life.close_ns, at);
    } else if sock::file(sk) == file::HELD {
        life.flags |= life::SHUTDOWN;
        return;
    } else {
        life.close_ns = at;
    }
    // An exiting process never waits (`inet_release`, `net/ipv4/af_inet.c`).
    if sock::lingers(sk) && task::flags_at_release() == 0 {
        life.flags |= life::LINGERS;
    }
}

/// The socket goes to `CLOSE`, in order or not.
#[inline(always)]
fn closed(sk: Address, life: &mut Life, from: u32, (at, owned): (u64, bool)) {
    life.closed_ns = at;
    let flags: u64 = read(sk, |offsets| &offsets.sk_flags);
    // A stand-in takes over in `FIN_WAIT2`, too: with its FIN, or without.
    if from == FIN_WAIT2 && flags & u64::from(sock_flag::DONE) != 0 {
        life.flags |= life::FIN_RECEIVED;
    }
    let err: u32 = read(sk, |offsets| &offsets.sk_err);
    life.flags |= match err {
        0 | ECONNABORTED => 0,
        ECONNRESET | EPIPE => life::RESET | life::CUT_OFF,
        ECONNREFUSED if from == SYN_SENT => life::RESET | life::CUT_OFF,
        _ => life::CUT_OFF,
    };
    // The second of two sockets of one handshake never was a connection.
    if matches!(from, SYN_SENT | ESTABLISHED | CLOSE_WAIT) || (from == SYN_RECV && owned) {
        life.flags |= life::CLOSED;
    }
    if owned {
        act(life);
        if life.close_ns == 0 {
            let released = sock::file(sk);
            let orphan = from == FIN_WAIT2 && released == file::NONE;
            if released == file::RELEASED || orphan {
                life.close_ns = at;
            }
        }
    } else if err == 0 && flags & u64::from(sock_flag::DEAD) == 0 && sock::is_unaccepted(sk) {
        // A listener that closes ends its children under their spin lock only.
        if listener::is_closing() {
            act(life);
        }
    }
}

/// An RST was sent from a call or a timer; a call had gone to `CLOSE` before.
#[inline(never)]
pub(crate) fn reset_sent(sk: Address) {
    let Some(life) = follow(sk) else { return };
    let owned = sock::owned(sk);
    if owned {
        act(life);
    }
    life.flags |= life::RESET | life::CUT_OFF;
    let decided = if life.closed_ns == 0 {
        now()
    } else {
        life.closed_ns
    };
    if life.flags & life::CALLED != 0 {
        took(life, phase::CLOSE_TO_RST, life.close_ns, decided);
    }
    let state = sock::state(sk);
    let before = if state == CLOSE { life.before } else { state };
    if before == FIN_WAIT2 && sock::is_dead(sk) && (!owned || sock::never_waits(sk)) {
        life.flags |= life::LEAKED;
    }
}

/// An RST came, or a segment that aborts the connection.
#[inline(never)]
pub(crate) fn reset_received(sk: Address) {
    if sock::is_tcp(sk)
        && let Some(life) = follow(sk)
    {
        life.flags |= life::RESET | life::CUT_OFF;
    }
}

/// An RST answered a segment: of a connection, or of none. The kernel may have given its socket up
/// right before.
#[inline(never)]
pub(crate) fn answered(sk: Address, socket: &Socket) {
    if !transition::answers_for_itself(socket.state) {
        if filter::ownerless(&socket.flow) {
            spreads::reset_of_nobody();
        }
        return;
    }
    let Some(life) = follow(sk) else { return };
    life.flags |= life::RESET | life::CUT_OFF;
    let at = now();
    if life.flags & life::CALLED != 0 {
        took(life, phase::CLOSE_TO_RST, life.close_ns, at);
    }
    if life.flags & life::GONE != 0 {
        lasted(life, at);
    }
    let waited = matches!(life.before, FIN_WAIT1 | FIN_WAIT2);
    if waited && sock::is_dead(sk) && sock::never_waits(sk) {
        life.flags |= life::LEAKED;
    }
}

/// The kernel gives a socket up.
#[inline(never)]
pub(crate) fn destroyed(sk: Address) {
    let Some(life) = known(sk) else { return };
    if sock::owned(sk) {
        act(life);
    }
    life.flags |= life::GONE;
    lasted(life, now());
    let half = life.flags & (life::SHUTDOWN | life::FIN_RECEIVED) == life::SHUTDOWN;
    let [_, _, _, waited, ..] = life.phases;
    if half && waited >= FORGOTTEN_NS {
        life.flags |= life::LEAKED;
    }
    lives::gone(sk);
}

/// Notes how long a phase took, the first time: never zero, which stands for none.
#[inline(always)]
fn took(life: &mut Life, phase: u16, from: u64, to: u64) {
    if let Some(slot) = life.phases.get_mut(usize::from(phase))
        && *slot == 0
        && from != 0
        && to >= from
    {
        *slot = (to - from) | u64::from(to == from);
    }
}

/// Notes how long it took from the close until now.
#[inline(always)]
fn lasted(life: &mut Life, at: u64) {
    let [.., total] = &mut life.phases;
    if life.close_ns != 0 {
        *total = at.wrapping_sub(life.close_ns);
    }
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: no arguments, no preconditions.
    unsafe { bpf_ktime_get_ns() }
}
