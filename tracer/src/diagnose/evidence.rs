//! The facts behind a verdict, as `name=value`; a fact that was not read is not listed.

use super::{
    delay, netfilter, overflow,
    words::{Signal, error},
};
use crate::model::{
    ending::{Act, Call, Ending, How},
    explained::Evidence,
    observation::Segment,
    process::{Actor, Exit},
    socket::{FileRefs, Timers, Tries},
    state::TcpState,
};

/// The facts of an ending that support what is said of `act`.
pub(super) fn of(ending: &Ending, act: &Act) -> Evidence {
    let mut facts = Evidence::with_room();
    called(&mut facts, ending, act);
    condition(&mut facts, act);
    if let Some(former) = ending.former {
        facts.add("former_ended_ns", act.at.since(former.at));
    }
    if let Some(ns) = overflow::gave_way_ns(ending, act) {
        facts.add("gave_way_ns", ns);
    }
    let let_go = ending.let_go.filter(|it| it.at < act.at);
    if let Some(let_go) = let_go.filter(|_| act.call.is_some()) {
        facts.add("held_open_ns", act.at.since(let_go.at));
    }
    if let Some(ns) = peer_fin(ending, act) {
        facts.add("peer_fin_waited_ns", ns);
    }
    if let Some(read) = fin_read(ending, act) {
        facts.add("fin_read", read);
    }
    if let Some(ns) = own_fin(ending, act) {
        facts.add("after_own_fin_ns", ns);
    }
    delay::evidence(ending, act, &mut facts);
    if ending.fin_retransmits > 0 {
        facts.add("fin_retransmits", ending.fin_retransmits);
    }
    netfilter::evidence(ending, &mut facts);
    timers(&mut facts, &since_data(act));
    facts
}

/// Who called what.
fn called(facts: &mut Evidence, ending: &Ending, act: &Act) {
    if let Some(state) = act.state {
        facts.add("state", state.name());
    }
    if let Actor::Task(task) = act.actor {
        match task.exit {
            Some(Exit::Status(status)) => {
                facts.add("process_exit", format_args!("status {status}"));
            }
            Some(Exit::Signal(signal)) => facts.add("process_exit", Signal(signal)),
            None => {}
        }
        if let Some(goroutine) = task.goroutine {
            facts.add("goroutine", goroutine);
        }
    }
    if let Some(goroutine) = ending.asked.and_then(|asked| asked.task.goroutine) {
        facts.add("asked_by_goroutine", goroutine);
    }
    if let Some(call) = act.call {
        facts.add("call", call_name(call, ending, act));
    }
}

/// What the socket was like.
fn condition(facts: &mut Evidence, act: &Act) {
    let condition = &act.condition;
    let resets = matches!(act.how, How::RstSent | How::RstReceived);
    let received = act.how == How::FinReceived;
    if let Some(refs) = condition.file {
        facts.add("file", file(refs));
    }
    for (name, value, told) in [
        ("unread_bytes", condition.unread, !received),
        ("unsent_bytes", condition.unsent, !received),
        ("unacked_bytes", condition.unacked, resets),
    ] {
        if let Some(value) = value.filter(|_| told) {
            facts.add(name, value);
        }
    }
    match condition.linger {
        Some(None) if resets => facts.add("linger", "off"),
        Some(Some(0)) => facts.add("linger", "on,0"),
        Some(Some(jiffies)) => facts.add("linger", format_args!("on,{jiffies} jiffies")),
        Some(None) | None => {}
    }
    if let Some(err) = condition.err.filter(|&err| err != 0) {
        facts.add("error", error(err));
    }
    if let Some(reason) = &act.reason {
        match &reason.name {
            Some(name) => facts.add("kernel_reason", name),
            None => facts.add("kernel_reason", reason.code),
        }
    }
    if let Some(Segment { seq, ack, flags }) = act.provoked_by {
        facts.add("provoked_by", format_args!("{flags} seq={seq} ack={ack}"));
    }
    if let Some((waiting, most)) = condition.backlog {
        facts.add("accept_queue", format_args!("{waiting}/{most}"));
    }
    let shut = condition.shutdown.filter(|_| resets);
    if let Some(shut) = shut.and_then(shut_name) {
        facts.add("shutdown", shut);
    }
}

/// Nanoseconds from the peer's FIN to its RST.
fn peer_fin(ending: &Ending, act: &Act) -> Option<u64> {
    let came = act.how == How::RstReceived;
    since(ending, act, How::FinReceived).filter(|_| came)
}

/// Nanoseconds from our FIN to an RST that answered a segment.
fn own_fin(ending: &Ending, act: &Act) -> Option<u64> {
    let answers = act.how == How::RstSent && act.provoked_by.is_some();
    since(ending, act, How::FinSent).filter(|_| answers)
}

fn since(ending: &Ending, act: &Act, fin: How) -> Option<u64> {
    let earlier = |it: &&Act| it.how == fin && it.at <= act.at;
    let fin = ending.acts.iter().find(earlier)?;
    Some(act.at.since(fin.at))
}

/// Whether a read had met the peer's FIN before its RST came.
fn fin_read(ending: &Ending, act: &Act) -> Option<&'static str> {
    peer_fin(ending, act)?;
    act.condition
        .fin_read
        .map(|read| if read { "yes" } else { "no" })
}

/// The timers; an attempt to connect has sent no data yet, and the stamp of it is that of the boot.
fn since_data(act: &Act) -> Timers {
    let idle_ms = act.condition.timers.idle_ms;
    Timers {
        idle_ms: idle_ms.filter(|_| act.state != Some(TcpState::SynSent)),
        ..act.condition.timers
    }
}

/// What the timers say, where there is something to say.
fn timers(facts: &mut Evidence, timers: &Timers) {
    let count = |of: fn(&Tries) -> u8| timers.tries.map(|it| u32::from(of(&it)));
    let above_zero = |value: Option<u32>| value.filter(|&value| value > 0);
    for (name, value) in [
        ("idle_ms", timers.idle_ms),
        ("unacked_age_us", above_zero(timers.unacked_age_us)),
        ("user_timeout_ms", above_zero(timers.user_timeout_ms)),
        ("peer_window", timers.window),
        ("retransmits", above_zero(count(|it| it.retransmits))),
        ("probes", above_zero(count(|it| it.probes))),
        ("probes_allowed", above_zero(count(|it| it.probes_allowed))),
    ] {
        if let Some(value) = value {
            facts.add(name, value);
        }
    }
    if let Some(keepalive) = timers.keepalive.flatten() {
        facts.add("keepalive", "on");
        for (name, value) in [
            ("keepalive_time_s", keepalive.time_s),
            ("keepalive_interval_s", keepalive.interval_s),
        ] {
            if value > 0 {
                facts.add(name, value);
            }
        }
    }
    if timers.memory_pressure == Some(true) {
        facts.add("memory_pressure", "yes");
    }
    if let Some(jiffies) = timers.linger2.filter(|&it| it != 0) {
        facts.add("linger2", format_args!("{jiffies} jiffies"));
    }
    if timers.signed == Some(true) {
        facts.add("signed", "yes");
    }
}

/// The directions that are shut; `None` where neither is.
const fn shut_name(shut: (bool, bool)) -> Option<&'static str> {
    match shut {
        (true, true) => Some("both"),
        (true, false) => Some("receive"),
        (false, true) => Some("send"),
        (false, false) => None,
    }
}

fn call_name(call: Call, ending: &Ending, act: &Act) -> &'static str {
    let executing = matches!(act.actor, Actor::Task(task) if task.executing);
    let implied = ending.close_called.is_none_or(|close| !close.seen);
    match (call, executing, implied) {
        (Call::Close, true, true) => "execve (implied)",
        (Call::Close, true, false) => "execve",
        (Call::Close, false, true) => "close (implied)",
        (Call::Close, false, false) => "close",
        (Call::Shutdown, ..) => "shutdown",
    }
}

const fn file(refs: FileRefs) -> &'static str {
    match refs {
        FileRefs::None => "none",
        FileRefs::Held => "held",
        FileRefs::Released => "released",
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        strategy::{Strategy as _, ValueTree as _},
        test_runner::TestRunner,
    };

    use super::*;
    use crate::tests::arbitrary;

    #[test]
    fn an_attempt_to_connect_was_never_idle() {
        let mut runner = TestRunner::deterministic();
        let ending = arbitrary::ending().new_tree(&mut runner).unwrap().current();
        let mut act = ending.acts[0].clone();
        act.condition.timers.idle_ms = Some(7);
        act.state = Some(TcpState::SynSent);
        let idle = |act: &Act| of(&ending, act).iter().any(|fact| fact == "idle_ms=7");
        assert!(!idle(&act));
        act.state = Some(TcpState::Established);
        assert!(idle(&act));
    }
}
