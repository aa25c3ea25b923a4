//! Tracepoint `sock:inet_sock_set_state`: a transition, before it is written.
//!
//! It runs in the closer's context right before the FIN or RST, with the condition still as it was.

use aya_ebpf::{
    EbpfContext,
    helpers::bpf_get_socket_cookie,
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use tracer_common::{
    event::{Kind, StateChanged, context},
    socket::{file, known},
};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Address, sock, task},
};

const SYN_SENT: u32 = 2;
const SYN_RECV: u32 = 3;
const FIN_WAIT1: u32 = 4;
const CLOSE: u32 = 7;
const CLOSE_WAIT: u32 = 8;
const LAST_ACK: u32 = 9;
const LISTEN: u32 = 10;
const CLOSING: u32 = 11;

/// Typed arguments: the kernel makes up a cookie for the socket when asked.
#[btf_tracepoint(function = "inet_sock_set_state")]
#[expect(unsafe_code, reason = "helpers are foreign functions")]
fn inet_sock_set_state_typed(program: BtfTracePointContext) -> i32 {
    let sk: *mut core::ffi::c_void = program.arg(0);
    // SAFETY: the verifier checked that the argument is a socket.
    let cookie = unsafe { bpf_get_socket_cookie(sk) };
    changed(
        &program,
        program.arg(0),
        program.arg(1),
        program.arg(2),
        Some(cookie),
    )
}

#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
fn inet_sock_set_state_raw(program: RawTracePointContext) -> i32 {
    changed(
        &program,
        program.arg(0),
        program.arg(1),
        program.arg(2),
        None,
    )
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
    let ends = matches!(to, FIN_WAIT1 | LAST_ACK | CLOSE_WAIT | CLOSING | CLOSE);
    if ends {
        sock::condition(sk, &mut record.condition);
    }
    let by = actor(sk, from, to, &record);
    let answer = filter::socket(&record.socket, meaning(to, by, &record));
    if !answer.wanted {
        return 0;
    }
    record.header = header::<StateChanged>(by);
    if by & context::TASK != 0 {
        task::describe(&mut record.task);
    }
    record.held_back = answer.held_back;
    record.from = from;
    record.to = to;
    let lane = if ends { Lane::Endings } else { Lane::States };
    emit(program, lane, &mut record, |record| &mut record.header);
    0
}

/// Who makes the socket change. A task that holds the lock may also be working off segments that
/// arrived meanwhile, so only transitions that calls make are a task's.
#[inline(always)]
fn actor(sk: Address, from: u32, to: u32, record: &StateChanged) -> u16 {
    let by_call = matches!(to, SYN_SENT | LISTEN | FIN_WAIT1 | LAST_ACK)
        || (to == CLOSE && from != LAST_ACK && from != CLOSING);
    if by_call && sock::owned(sk) {
        return context::TASK | task::flags();
    }
    // As in `tcp_send_active_reset`: a closing listener's children.
    if to == CLOSE && sock::unaccepted(&record.condition) {
        0
    } else {
        context::SOFTIRQ
    }
}

#[inline(always)]
fn meaning(to: u32, by: u16, record: &StateChanged) -> Meaning {
    let released = record.condition.known & known::FILE == 0 || record.condition.file != file::HELD;
    match to {
        SYN_RECV => Meaning::Birth,
        // A close that resets, not `ss -K` or connect(AF_UNSPEC): those leave the file held.
        CLOSE if by & context::TASK != 0 && released => Meaning::Holder,
        SYN_SENT | FIN_WAIT1 | LAST_ACK if by & context::TASK != 0 => Meaning::Holder,
        CLOSE_WAIT | CLOSING => Meaning::FinReceived,
        _ => Meaning::Other,
    }
}
