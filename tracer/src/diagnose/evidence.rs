//! The facts behind a verdict, as `name=value`; a fact that was not read is not listed.

use super::words::{Signal, error};
use crate::model::{
    ending::{Act, Call, Ending, How},
    process::{Actor, Exit},
    socket::{FileRefs, Timers, Tries},
    state::TcpState,
};

/// The facts of an ending that support what is said of `act`.
pub(super) fn of(ending: &Ending, act: &Act) -> Vec<String> {
    let condition = act.condition;
    let number = |name: &str, value: Option<u32>| value.map(|value| format!("{name}={value}"));
    let resets = matches!(act.how, How::RstSent | How::RstReceived);
    [
        act.state.map(|state| format!("state={}", state.name())),
        exit(act),
        goroutine(act),
        asked(ending),
        call(ending, act),
        condition.file.map(file),
        number("unread_bytes", condition.unread).filter(|_| act.how != How::FinReceived),
        number("unsent_bytes", condition.unsent).filter(|_| act.how != How::FinReceived),
        number("unacked_bytes", condition.unacked).filter(|_| resets),
        condition
            .linger
            .filter(|linger| resets || linger.is_some())
            .map(linger),
        condition
            .err
            .filter(|&err| err != 0)
            .map(|err| format!("error={}", error(err))),
        reason(act),
        provoked_by(act),
        condition
            .backlog
            .map(|(waiting, most)| format!("accept_queue={waiting}/{most}")),
        condition
            .shutdown
            .filter(|&(receive, send)| resets && (receive || send))
            .map(shut),
        ending
            .former
            .map(|former| format!("former_ended_ns={}", act.at.since(former.at))),
        ending
            .let_go
            .filter(|it| it.at < act.at && act.call.is_some())
            .map(|it| format!("held_open_ns={}", act.at.since(it.at))),
        (ending.fin_retransmits > 0).then(|| format!("fin_retransmits={}", ending.fin_retransmits)),
    ]
    .into_iter()
    .chain(timers(&since_data(act)))
    .flatten()
    .collect()
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
fn timers(timers: &Timers) -> [Option<String>; 9] {
    let above_zero = |name: &str, value: Option<u32>| {
        let value = value.filter(|&value| value > 0);
        value.map(|value| format!("{name}={value}"))
    };
    let tries = timers.tries;
    let count = |of: fn(&Tries) -> u8| tries.map(|it| u32::from(of(&it)));
    [
        timers.idle_ms.map(|ms| format!("idle_ms={ms}")),
        above_zero("unacked_age_us", timers.unacked_age_us),
        above_zero("user_timeout_ms", timers.user_timeout_ms),
        timers.window.map(|bytes| format!("peer_window={bytes}")),
        above_zero("retransmits", count(|it| it.retransmits)),
        above_zero("probes", count(|it| it.probes)),
        above_zero("probes_allowed", count(|it| it.probes_allowed)),
        timers
            .linger2
            .filter(|&it| it != 0)
            .map(|jiffies| format!("linger2={jiffies} jiffies")),
        timers
            .signed
            .filter(|&it| it)
            .map(|_| String::from("signed=yes")),
    ]
}

fn shut((receive, send): (bool, bool)) -> String {
    let which = match (receive, send) {
        (true, true) => "both",
        (true, false) => "receive",
        (false, _) => "send",
    };
    format!("shutdown={which}")
}

fn executing(act: &Act) -> bool {
    matches!(act.actor, Actor::Task(task) if task.executing)
}

fn exit(act: &Act) -> Option<String> {
    let Actor::Task(task) = act.actor else {
        return None;
    };
    Some(match task.exit? {
        Exit::Status(status) => format!("process_exit=status {status}"),
        Exit::Signal(signal) => format!("process_exit={}", Signal(signal)),
    })
}

fn goroutine(act: &Act) -> Option<String> {
    let Actor::Task(task) = act.actor else {
        return None;
    };
    Some(format!("goroutine={}", task.goroutine?))
}

fn asked(ending: &Ending) -> Option<String> {
    let goroutine = ending.asked?.task.goroutine?;
    Some(format!("asked_by_goroutine={goroutine}"))
}

fn call(ending: &Ending, act: &Act) -> Option<String> {
    let name = match act.call? {
        Call::Close if executing(act) => "execve",
        Call::Close => "close",
        Call::Shutdown => "shutdown",
    };
    let implied =
        act.call == Some(Call::Close) && ending.close_called.is_none_or(|close| !close.seen);
    Some(format!(
        "call={name}{}",
        if implied { " (implied)" } else { "" }
    ))
}

fn file(refs: FileRefs) -> String {
    let refs = match refs {
        FileRefs::None => "none",
        FileRefs::Held => "held",
        FileRefs::Released => "released",
    };
    format!("file={refs}")
}

fn linger(linger: Option<u32>) -> String {
    linger.map_or_else(
        || String::from("linger=off"),
        |jiffies| match jiffies {
            0 => String::from("linger=on,0"),
            jiffies => format!("linger=on,{jiffies} jiffies"),
        },
    )
}

fn reason(act: &Act) -> Option<String> {
    let reason = act.reason.as_ref()?;
    Some(match &reason.name {
        Some(name) => format!("kernel_reason={name}"),
        None => format!("kernel_reason={}", reason.code),
    })
}

fn provoked_by(act: &Act) -> Option<String> {
    let segment = act.provoked_by?;
    Some(format!(
        "provoked_by={} seq={} ack={}",
        segment.flags, segment.seq, segment.ack
    ))
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
        let idle = |act: &Act| of(&ending, act).contains(&String::from("idle_ms=7"));
        assert!(!idle(&act));
        act.state = Some(TcpState::Established);
        assert!(idle(&act));
    }
}
