//! Tracepoint `sock:inet_sock_set_state`: a transition, before it is written.
//!
//! It runs in the closer's context right before the FIN or RST, with the condition as it was. Its stack
//! has hardly room for more; where `gather` needs its own, the verifier drops all that.

use aya_ebpf::{
    EbpfContext,
    helpers::bpf_get_socket_cookie,
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use tracer_common::event::{Kind, StateChanged};
use zerocopy::FromZeros;

use crate::{
    emit::{emit, header, wanted},
    filter, gather,
    kernel::{Address, Structure, Typed, sock, task},
    listener, stack,
    transition::{self, LISTEN, SYN_RECV},
};

/// Typed arguments: the kernel makes up a cookie for the socket when asked.
#[btf_tracepoint(function = "inet_sock_set_state")]
#[expect(unsafe_code, reason = "helpers are foreign functions")]
fn inet_sock_set_state_typed(program: BtfTracePointContext) -> i32 {
    let (sk, states) = (program.arg(0), (program.arg(1), program.arg(2)));
    // SAFETY: the verifier checked that the argument is a socket.
    let cookie = || unsafe { bpf_get_socket_cookie(sk) };
    Typed::tcp(sk).map_or(0, |sk| changed(&program, sk, states, cookie))
}

#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
fn inet_sock_set_state_raw(program: RawTracePointContext) -> i32 {
    let states = (program.arg(1), program.arg(2));
    changed(&program, program.arg::<Address>(0), states, || 0)
}

#[inline(always)]
fn changed(
    program: &impl EbpfContext,
    sk: impl Structure,
    (from, to): (u32, u32),
    cookie: impl FnOnce() -> u64,
) -> i32 {
    let gathered = gather::instead(|| gather::changed(sk.address(), from, to));
    if gathered || !wanted(Kind::StateChanged) || !sock::is_tcp(sk) {
        return 0;
    }
    let connects = filter::connects(sk);
    if !connects && from != LISTEN {
        return 0;
    }
    let mut record = StateChanged::new_zeroed();
    if transition::tells(to) {
        sock::holding(sk, &mut record.condition);
    }
    let by = transition::actor(sk, from, to, &record.condition);
    if transition::ends_listener(from, to, by) {
        listener::closed();
    }
    let meaning = transition::meaning(to, by, &record.condition);
    let answer = filter::transition(sk, to, meaning, &mut record.socket.flow);
    if !connects || !answer.wanted {
        return 0;
    }
    // What is made up for a child now is overwritten right after (`inet_csk_clone_lock`).
    let cookie = || if to == SYN_RECV { 0 } else { cookie() };
    sock::identify(sk, cookie, &mut record.socket);
    transition::complete(sk, to, &mut record.condition);
    let by = transition::described(by, &record.condition);
    record.header = header::<StateChanged>(by);
    task::describe_actor(by, &mut record.task);
    (record.from, record.to, record.held_back) = (from, to, answer.held_back);
    emit(program, transition::lane(to), &mut record);
    stack::of_change(program, &record);
    0
}
