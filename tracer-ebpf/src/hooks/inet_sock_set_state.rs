//! Tracepoint `sock:inet_sock_set_state`: a transition, before it is written.
//!
//! It runs in the closer's context right before the FIN or RST, with the condition still as it was.

use aya_ebpf::{
    EbpfContext,
    helpers::bpf_get_socket_cookie,
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use tracer_common::event::{Kind, StateChanged, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter,
    kernel::{Address, sock, task, timers::timers},
    listener, stack, transition,
};

/// Typed arguments: the kernel makes up a cookie for the socket when asked.
#[btf_tracepoint(function = "inet_sock_set_state")]
#[expect(unsafe_code, reason = "helpers are foreign functions")]
fn inet_sock_set_state_typed(program: BtfTracePointContext) -> i32 {
    let sk: *mut core::ffi::c_void = program.arg(0);
    // SAFETY: the verifier checked that the argument is a socket.
    let cookie = unsafe { bpf_get_socket_cookie(sk) };
    let (from, to) = (program.arg(1), program.arg(2));
    changed(&program, program.arg(0), from, to, Some(cookie))
}

#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
fn inet_sock_set_state_raw(program: RawTracePointContext) -> i32 {
    let (from, to) = (program.arg(1), program.arg(2));
    changed(&program, program.arg(0), from, to, None)
}

#[inline(always)]
fn changed(
    program: &impl EbpfContext,
    sk: Address,
    from: u32,
    to: u32,
    cookie: Option<u64>,
) -> i32 {
    if !wanted(Kind::StateChanged) || !sock::is_tcp(sk) {
        return 0;
    }
    let mut record = StateChanged::new_zeroed();
    sock::describe(sk, cookie, &mut record.socket);
    let ends = transition::ends(to);
    if ends || transition::begins_listener(to) {
        sock::condition(sk, &mut record.condition);
    }
    if transition::fails(to, &record.condition) {
        timers(sk, &mut record.condition);
    }
    let by = transition::actor(sk, from, to, &record.condition);
    if transition::ends_listener(from, to, by) {
        listener::closed();
    }
    let meaning = transition::meaning(to, by, &record.condition);
    let answer = filter::socket(&record.socket, meaning);
    if !answer.wanted {
        return 0;
    }
    record.header = header::<StateChanged>(by);
    if by & context::TASK != 0 {
        task::describe(&mut record.task);
    }
    record.held_back = answer.held_back;
    (record.from, record.to) = (from, to);
    let lane = if ends { Lane::Endings } else { Lane::States };
    emit(program, lane, &mut record);
    if transition::acts(from, to) {
        stack::of_other(program, &record.header, &record.socket);
    }
    0
}
