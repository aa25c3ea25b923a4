//! The body of every hook that sees an RST answer a segment.
//!
//! `sk` may be null, a listener, or a stand-in for a connection in `TIME_WAIT`.

use aya_ebpf::EbpfContext;
use tracer_common::event::{Kind, RstAnswered, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Address, skb, sock, timers::timers},
    stack,
};

const FLAG_RST: u8 = 4;
const TCP_TIME_WAIT: u32 = 6;
const TCP_LISTEN: u32 = 10;
const TCP_NEW_SYN_RECV: u32 = 12;

/// Reports an answer; `reason` is `enum sk_rst_reason` or [`RstAnswered::NO_REASON`].
#[inline(always)]
pub(super) fn answered(program: &impl EbpfContext, sk: Address, skb: Address, reason: u32) -> u32 {
    if !wanted(Kind::RstAnswered) {
        return 0;
    }
    let mut record = RstAnswered::new_zeroed();
    skb::received(skb, &mut record.socket.flow, &mut record.provoked_by);
    // The functions return early for an incoming RST: it is never answered.
    if record.provoked_by.flags & FLAG_RST != 0 {
        return 0;
    }
    record.socket.uid = u32::MAX;
    record.socket.flow.netns = if sk == 0 {
        skb::netns(skb)
    } else {
        sock::netns(sk)
    };
    if sk != 0 {
        record.socket.address = sk;
        (record.socket.cookie, record.socket.state) = (sock::cookie(sk), sock::state(sk));
    }
    if !admitted(&mut record, sk) {
        return 0;
    }
    look(&mut record, sk);
    (record.header, record.reason) = (header::<RstAnswered>(context::SOFTIRQ), reason);
    emit(program, Lane::Endings, &mut record);
    stack::of_reset(program, &record.header, &record.socket);
    0
}

/// Looks at the socket, as far as it is one: of a listener at its queue alone.
#[inline(always)]
fn look(record: &mut RstAnswered, sk: Address) {
    match record.socket.state {
        0 | TCP_TIME_WAIT | TCP_NEW_SYN_RECV => {}
        TCP_LISTEN => {
            (record.backlog, record.max_backlog) = sock::backlog(sk);
            record.condition.known = sock::backlog_known();
        }
        _ => {
            sock::condition(sk, &mut record.condition);
            timers(sk, &mut record.condition);
        }
    }
}

/// Asks the filter: a connection's owner decides, an answer for no connection has none.
#[inline(always)]
fn admitted(record: &mut RstAnswered, sk: Address) -> bool {
    match record.socket.state {
        0 | TCP_TIME_WAIT | TCP_LISTEN | TCP_NEW_SYN_RECV => filter::ownerless(&record.socket.flow),
        _ => {
            record.socket.uid = sock::uid(sk);
            filter::socket(&record.socket, Meaning::Other).wanted
        }
    }
}
