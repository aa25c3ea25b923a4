//! One expected ending against the one told of the same socket, fact by fact.

use super::super::{
    kernel::Kernel,
    score::{self, Mark},
    told::{Act, Actor, Ending},
};
use crate::scene::truth::Expected;

/// Facts told otherwise than they were, a line each.
#[derive(Debug, Default)]
struct Wrong(Vec<String>);

impl Wrong {
    /// Notes a fact that does not hold.
    fn check(&mut self, what: &str, expected: &str, told: &str, holds: bool) {
        if !holds {
            let line = format!("{what}: expected {expected}, got {told}");
            self.0.push(line);
        }
    }

    /// Notes a text that is another.
    fn same(&mut self, what: &str, expected: &str, told: Option<&str>) {
        self.check(
            what,
            expected,
            told.unwrap_or("nothing"),
            told == Some(expected),
        );
    }
}

/// What need not be told.
#[derive(Clone, Copy, Debug)]
pub(in crate::lab) struct Lenience {
    /// The owner, because it cannot be known.
    pub(in crate::lab) owner: bool,
    /// The holders, because the machine is slow: finrst looks for them only while it has time.
    pub(in crate::lab) holders: bool,
    /// That nothing took long, because on a slow machine it did.
    pub(in crate::lab) times: bool,
}

/// What is told otherwise than it was; empty when the ending is told right.
pub(in crate::lab) fn differences(
    kernel: Kernel,
    lenience: Lenience,
    expected: &Expected,
    told: &Ending,
) -> Vec<String> {
    let mut wrong = Wrong::default();
    acts(&mut wrong, lenience, expected, told);
    if let Some(initiator) = expected.initiator.as_deref() {
        wrong.same("initiator", initiator, told.initiator.as_deref());
    }
    let reasons = kernel.gives_reason(expected);
    if let Some(reason) = expected.reason.as_deref().filter(|_| reasons) {
        wrong.same("kernel_reason", reason, told.kernel_reason.as_deref());
    }
    for fact in &expected.evidence {
        let proved = told.evidence.contains(fact);
        wrong.check("evidence", fact, &told.evidence.join(" "), proved);
    }
    if told.owner.is_some() || !lenience.owner {
        owner(&mut wrong, expected, told);
    }
    if told.holders.is_some() || !lenience.holders {
        holders(&mut wrong, expected, told);
    }
    let ports = [told.connection.local.port, told.connection.remote.port];
    let known = !ports.contains(&0);
    wrong.check("ports", "two ports", &format!("{ports:?}"), known);
    let waited = close_wait(&told.acts) / 1_000_000;
    let least = expected.close_wait_ms;
    wrong.check(
        "close_wait",
        &format!("{least} ms"),
        &format!("{waited} ms"),
        waited >= least,
    );
    wrong.0
}

/// The acts, each with its actor, and the decisive one, which the ending repeats.
fn acts(wrong: &mut Wrong, lenience: Lenience, expected: &Expected, told: &Ending) {
    let cause = |how: &str, cause: &str| {
        let exact = format!("{how}/{cause}");
        let is_exact = |it: &String| it.trim_end_matches('?') == exact;
        let lenient = lenience.times && !expected.acts.iter().any(is_exact);
        let other = if lenient { untimed(cause) } else { None };
        other.unwrap_or(cause).to_owned()
    };
    let acts = told.acts.iter();
    let acts: Vec<_> = acts
        .map(|act| format!("{}/{}", act.how, cause(&act.how, &act.cause)))
        .collect();
    let holds = acts_match(&expected.acts, &acts);
    wrong.check("acts", &expected.acts.join(" "), &acts.join(" "), holds);
    if let Some((how, wanted)) = expected.decisive() {
        wrong.same("how", how, Some(&told.how));
        let holds = cause_matches(wanted, &cause(&told.how, &told.cause));
        wrong.check("cause", wanted, &told.cause, holds);
        actor(wrong, expected, how, &told.actor);
    }
    for act in &told.acts {
        actor(wrong, expected, &act.how, &act.actor);
    }
}

/// Who must have acted: the peer's acts are the kernel's, ours somebody's, if a call made them.
fn actor(wrong: &mut Wrong, expected: &Expected, how: &str, told: &Actor) {
    let what = format!("actor of {how}");
    let acted = format!("{} {}", told.context, name(told.pid, told.comm.as_deref()));
    let holds = score::actor(expected, how, told) == Mark::Right;
    let own = score::is_ours(how) && !(expected.answered && how == "rst_sent");
    match expected.actor.as_ref().filter(|_| own) {
        Some(process) => wrong.check(&what, &format!("task {}", process.pid), &acted, holds),
        None => wrong.check(&what, "no task", &acted, holds),
    }
}

/// Who held the socket.
fn owner(wrong: &mut Wrong, expected: &Expected, told: &Ending) {
    let owner = told.owner.as_ref();
    let pid = owner.and_then(|owner| owner.pid);
    let comm = owner.and_then(|owner| owner.comm.as_deref());
    let named = name(pid, comm);
    let Some(held) = &expected.owner else {
        return wrong.check("owner", "nobody", &named, pid.is_none());
    };
    let same = pid == Some(held.pid) && comm == Some(held.comm.as_str());
    wrong.check(
        "owner",
        &name(Some(held.pid), Some(&held.comm)),
        &named,
        same,
    );
    let Some(owner) = owner else {
        return;
    };
    if let (Some(told), Some(ticks)) = (owner.start_ns, held.start_ticks) {
        let told_start = format!("{told} ns");
        let holds = score::starts(told, ticks);
        wrong.check(
            "owner.start_ns",
            &format!("{ticks} ticks"),
            &told_start,
            holds,
        );
    }
    let confidence = owner.confidence.as_str();
    let sure = if expected.late {
        "likely"
    } else {
        "exact or likely"
    };
    let holds = confidence == "likely" || (confidence == "exact" && !expected.late);
    wrong.check("owner.confidence", sure, confidence, holds);
    if let Some(exit) = expected.exit {
        let told = format!("{:?}", owner.exit);
        let holds = owner.exit == Some(exit);
        wrong.check("owner.exit", &format!("{exit:?}"), &told, holds);
    }
}

/// Who goes on referring to the socket.
fn holders(wrong: &mut Wrong, expected: &Expected, told: &Ending) {
    let Some(expected) = &expected.holders else {
        return;
    };
    let descriptor = |pid: Option<u32>, fd: Option<u32>| {
        let word = |number: Option<u32>| number.map_or_else(|| "?".to_owned(), |it| it.to_string());
        format!("{} fd {}", word(pid), word(fd))
    };
    // Not by name: a look may meet a child that has not given itself one yet.
    let held = expected.iter();
    let mut held: Vec<_> = held
        .map(|it| descriptor(Some(it.process.pid), Some(it.fd)))
        .collect();
    let Some(holders) = &told.holders else {
        return wrong.check("holders", &held.join(", "), "nothing", false);
    };
    let mut named: Vec<_> = holders.iter().map(|it| descriptor(it.pid, it.fd)).collect();
    held.sort();
    named.sort();
    wrong.check(
        "holders",
        &held.join(", "),
        &named.join(", "),
        held == named,
    );
}

/// A process in words.
fn name(pid: Option<u32>, comm: Option<&str>) -> String {
    let pid = pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    format!("{}({pid})", comm.unwrap_or("?"))
}

/// Whether the acts told are the acts expected; those marked `?` may be missing.
pub(in crate::lab) fn acts_match(expected: &[String], told: &[String]) -> bool {
    let mut told = told.iter().peekable();
    for act in expected {
        let bare = act.trim_end_matches('?');
        let (how, cause) = bare.split_once('/').unwrap_or((bare, ""));
        let met = told.next_if(|told| {
            told.split_once('/')
                .is_some_and(|it| it.0 == how && cause_matches(cause, it.1))
        });
        if met.is_none() && !act.ends_with('?') {
            return false;
        }
    }
    told.next().is_none()
}

/// What a cause is called where nothing took long; `None` where that does not matter.
pub(super) fn untimed(cause: &str) -> Option<&'static str> {
    match cause {
        "linger_wait" | "fin_delayed_by_unsent_data" | "fin_wait2_stuck" => Some("app_close"),
        "slow_reaction" | "close_wait_leak" => Some("peer_closed"),
        "reset_while_idle" => Some("peer_reset"),
        "stray_segment" => Some("time_wait_overflow"),
        _ => None,
    }
}

/// Whether a cause told is the one expected; `!cause` is any but that one.
fn cause_matches(expected: &str, told: &str) -> bool {
    match expected.strip_prefix('!') {
        Some(forbidden) => told != forbidden,
        None => told == expected,
    }
}

/// Nanoseconds from the peer's FIN to ours; zero when there are not both.
fn close_wait(acts: &[Act]) -> u64 {
    let at = |how: &str| {
        acts.iter()
            .find(|act| act.how == how)
            .map(|act| act.mono_ns)
    };
    at("fin_sent")
        .zip(at("fin_received"))
        .map_or(0, |(sent, received)| sent.saturating_sub(received))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::truth::{Holder, Process};

    fn owned(acts: &[&str]) -> Vec<String> {
        acts.iter().map(|&act| act.to_owned()).collect()
    }

    #[test]
    fn an_optional_act_may_be_missing_and_no_other() {
        let expected = owned(&["fin_sent/app_close", "fin_received/peer_closed?"]);
        assert!(acts_match(&expected, &owned(&["fin_sent/app_close"])));
        assert!(acts_match(
            &expected,
            &owned(&["fin_sent/app_close", "fin_received/peer_closed"])
        ));
        assert!(!acts_match(
            &expected,
            &owned(&["fin_received/peer_closed"])
        ));
        assert!(!acts_match(
            &expected,
            &owned(&["fin_sent/app_close", "rst_sent/unknown"])
        ));
    }

    const KERNEL: Kernel = Kernel {
        answering_reasons: true,
        calling_reasons: true,
        traces_lengths: false,
    };

    const STRICT: Lenience = Lenience {
        owner: false,
        holders: false,
        times: false,
    };

    const LENIENT: Lenience = Lenience {
        owner: true,
        holders: true,
        times: true,
    };

    fn expected() -> Expected {
        let server = Process {
            pid: 7,
            comm: "fr-server".into(),
            start_ticks: Some(123),
        };
        let (local, remote) = ("127.0.0.1:80", "127.0.0.1:81");
        Expected::of(local.parse().unwrap(), remote.parse().unwrap(), &server)
            .began(&["rst_sent/linger_zero"])
            .because("TCP_STATE")
            .exited(3)
    }

    const TOLD: &str = r#"{
        "connection": {"netns": 1,
            "local": {"addr": "127.0.0.1", "port": 80},
            "remote": {"addr": "127.0.0.1", "port": 81}},
        "owner": {"pid": 7, "comm": "fr-server", "confidence": "exact",
            "start_ns": 1239999999, "exit": {"status": 3, "signal": null}},
        "actor": {"context": "task", "pid": 7, "comm": "fr-server"},
        "initiator": "local", "how": "rst_sent", "cause": "linger_zero",
        "kernel_reason": "TCP_STATE", "explanation": "It was closed.",
        "acts": [{"mono_ns": 1, "how": "rst_sent", "cause": "linger_zero",
            "actor": {"context": "task", "pid": 7, "comm": "fr-server"}}]
    }"#;

    #[test]
    fn an_ending_told_as_it_was_differs_in_nothing() {
        let told: Ending = serde_json::from_str(TOLD).unwrap();
        assert_eq!(
            differences(KERNEL, STRICT, &expected(), &told),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_fact_told_wrong_is_a_difference() {
        for (right, wrong) in [
            (r#""port": 81"#, r#""port": 0"#),
            (r#""owner": {"pid": 7"#, r#""owner": {"pid": 8"#),
            (
                r#""actor": {"context": "task""#,
                r#""actor": {"context": "softirq""#,
            ),
            (
                r#""comm": "fr-server", "confidence""#,
                r#""comm": "bash", "confidence""#,
            ),
            (r#""status": 3"#, r#""status": 4"#),
            (r#""confidence": "exact""#, r#""confidence": "unknown""#),
            (r#""start_ns": 1239999999"#, r#""start_ns": 1240000000"#),
            (r#""initiator": "local""#, r#""initiator": null"#),
            (r#""how": "rst_sent""#, r#""how": "fin_sent""#),
            (r#""cause": "linger_zero""#, r#""cause": "unknown""#),
            (
                r#""kernel_reason": "TCP_STATE""#,
                r#""kernel_reason": null"#,
            ),
        ] {
            assert!(TOLD.contains(right), "{right}");
            let told: Ending = serde_json::from_str(&TOLD.replacen(right, wrong, 1)).unwrap();
            assert_ne!(
                differences(KERNEL, STRICT, &expected(), &told),
                Vec::<String>::new(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn an_owner_that_may_be_unknown_may_not_be_another() {
        let nobody = TOLD.replacen(r#""owner": {"#, r#""owner": null, "was": {"#, 1);
        let told: Ending = serde_json::from_str(&nobody).unwrap();
        assert_eq!(differences(KERNEL, LENIENT, &expected(), &told).len(), 0);
        assert_eq!(differences(KERNEL, STRICT, &expected(), &told).len(), 1);
        let other = TOLD.replacen(r#""pid": 7"#, r#""pid": 8"#, 1);
        let told: Ending = serde_json::from_str(&other).unwrap();
        assert_ne!(differences(KERNEL, LENIENT, &expected(), &told).len(), 0);
    }

    #[test]
    fn a_cause_of_waiting_is_forgiven_on_a_slow_machine_alone() {
        let mut expected = expected();
        expected.acts = owned(&["rst_sent/app_close"]);
        for (told, strict, lenient) in [
            ("app_close", 0, 0),
            ("linger_wait", 2, 0),
            ("slow_reaction", 2, 2),
            ("unknown", 2, 2),
        ] {
            let said = TOLD.replace("linger_zero", told);
            let told: Ending = serde_json::from_str(&said).unwrap();
            let count = |lenience| differences(KERNEL, lenience, &expected, &told).len();
            assert_eq!((count(STRICT), count(LENIENT)), (strict, lenient), "{said}");
        }
    }

    #[test]
    fn holders_are_told_all_and_no_others() {
        let heir = Process {
            pid: 9,
            comm: "fr-heir".into(),
            start_ticks: None,
        };
        let mut expected = expected().held_by(&[Holder {
            process: heir,
            fd: 5,
        }]);
        expected.initiator = None;
        let act = r#""rst_sent", "cause": "linger_zero""#;
        let held = TOLD.replace(act, r#""held_open", "cause": "close_other_holders""#);
        for (holders, differing) in [
            (r#"[{"pid": 9, "fd": 5, "comm": "fr-heir"}]"#, 0),
            (r#"[{"pid": 9, "fd": 6, "comm": "fr-heir"}]"#, 1),
            ("[]", 1),
            ("null", 1),
        ] {
            let said = held.replacen(
                r#""actor""#,
                &format!(r#""holders": {holders}, "actor""#),
                1,
            );
            let said = said.replace(
                r#""cause": "linger_zero""#,
                r#""cause": "close_other_holders""#,
            );
            let said = said.replace(r#""how": "rst_sent""#, r#""how": "held_open""#);
            let told: Ending = serde_json::from_str(&said).unwrap();
            let wrong = differences(KERNEL, STRICT, &expected, &told);
            assert_eq!(wrong.len(), differing, "{holders}: {wrong:?}");
            let wrong = differences(KERNEL, LENIENT, &expected, &told);
            let differing = if holders == "null" { 0 } else { differing };
            assert_eq!(wrong.len(), differing, "{holders}: {wrong:?}");
        }
    }

    #[test]
    fn a_forbidden_cause_is_any_but_that_one() {
        assert!(cause_matches("!no_listener", "unknown"));
        assert!(!cause_matches("!no_listener", "no_listener"));
    }
}
