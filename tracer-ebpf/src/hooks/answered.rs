//! The body of every hook that sees an RST answer a segment.
//!
//! `sk` may be null, a listener, or a stand-in for a connection in `TIME_WAIT`.

use aya_ebpf::EbpfContext;
use tracer_common::event::{Kind, RstAnswered, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter, gather,
    kernel::{Address, skb, sock, timers},
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
    if sk == 0 {
        record.socket.flow.netns = skb::netns(skb);
    } else {
        (record.socket.flow.netns, record.socket.address) = (sock::netns(sk), sk);
        (record.socket.cookie, record.socket.state) = (sock::cookie(sk), sock::state(sk));
    }
    let gathered = gather::instead(|| gather::answered(sk, &record.socket));
    if gathered || !admitted(&mut record, sk) {
        return 0;
    }
    look(&mut record, sk);
    (record.header, record.reason) = (header::<RstAnswered>(context::SOFTIRQ), reason);
    emit(program, Lane::Endings, &mut record);
    stack::of_reset(program, &record.header, &record.socket);
    0
}

/// Looks at the socket, as far as it is one: of a listener at its queue, and for what it listens.
#[inline(always)]
fn look(record: &mut RstAnswered, sk: Address) {
    match record.socket.state {
        0 | TCP_TIME_WAIT | TCP_NEW_SYN_RECV => {}
        TCP_LISTEN => {
            (record.backlog, record.max_backlog) = sock::backlog(sk);
            record.condition.known = sock::backlog_known();
            timers::multipath(sk, &mut record.condition);
        }
        _ => {
            sock::condition(sk, &mut record.condition);
            timers::timers(sk, &mut record.condition);
        }
    }
}

/// Asks the filter: the owner of the connection or of the listener decides, or who had the flow last.
#[inline(always)]
fn admitted(record: &mut RstAnswered, sk: Address) -> bool {
    match record.socket.state {
        0 | TCP_TIME_WAIT | TCP_NEW_SYN_RECV => filter::ownerless(&record.socket.flow),
        _ => {
            record.socket.uid = sock::uid(sk);
            filter::answered(&record.socket.flow, sk)
        }
    }
}
