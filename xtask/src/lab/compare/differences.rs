//! One expected ending against the one told of the same socket, fact by fact.

use super::super::{
    kernel::Kernel,
    told::{Act, Actor, Ending},
};
use crate::scene::truth::{Expected, Process};

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

/// What is told otherwise than it was; empty when the ending is told right.
pub(super) fn differences(kernel: Kernel, expected: &Expected, told: &Ending) -> Vec<String> {
    let mut wrong = Wrong::default();
    acts(&mut wrong, expected, told);
    if let Some(initiator) = expected.initiator.as_deref() {
        wrong.same("initiator", initiator, told.initiator.as_deref());
    }
    let reasons = kernel.gives_reason(expected);
    if let Some(reason) = expected.reason.as_deref().filter(|_| reasons) {
        wrong.same("kernel_reason", reason, told.kernel_reason.as_deref());
    }
    owner(&mut wrong, expected, told);
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
fn acts(wrong: &mut Wrong, expected: &Expected, told: &Ending) {
    let acts: Vec<_> = told
        .acts
        .iter()
        .map(|act| format!("{}/{}", act.how, act.cause))
        .collect();
    let holds = acts_match(&expected.acts, &acts);
    wrong.check("acts", &expected.acts.join(" "), &acts.join(" "), holds);
    if let Some((how, cause)) = expected.decisive() {
        wrong.same("how", how, Some(&told.how));
        wrong.check(
            "cause",
            cause,
            &told.cause,
            cause_matches(cause, &told.cause),
        );
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
    let ours = how.ends_with("_sent");
    match expected.actor.as_ref().filter(|_| ours) {
        Some(process) => {
            let same = told.context == "task" && told.pid == Some(process.pid);
            wrong.check(&what, &format!("task {}", process.pid), &acted, same);
        }
        None => wrong.check(&what, "no task", &acted, told.context != "task"),
    }
}

/// Who held the socket.
fn owner(wrong: &mut Wrong, expected: &Expected, told: &Ending) {
    let owner = told.owner.as_ref();
    let pid = owner.and_then(|owner| owner.pid);
    let comm = owner.and_then(|owner| owner.comm.as_deref());
    let named = name(pid, comm);
    match &expected.owner {
        Some(Process {
            pid: held,
            comm: by,
        }) => {
            let same = pid == Some(*held) && comm == Some(by.as_str());
            wrong.check("owner", &name(Some(*held), Some(by)), &named, same);
        }
        None => wrong.check("owner", "nobody", &named, pid.is_none()),
    }
}

/// A process in words.
fn name(pid: Option<u32>, comm: Option<&str>) -> String {
    let pid = pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    format!("{}({pid})", comm.unwrap_or("?"))
}

/// Whether the acts told are the acts expected; those marked `?` may be missing.
fn acts_match(expected: &[String], told: &[String]) -> bool {
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
    };

    fn expected() -> Expected {
        let server = Process {
            pid: 7,
            comm: "fr-server".into(),
        };
        let (local, remote) = ("127.0.0.1:80", "127.0.0.1:81");
        Expected::of(local.parse().unwrap(), remote.parse().unwrap(), &server)
            .began(&["rst_sent/linger_zero"])
            .because("TCP_STATE")
    }

    const TOLD: &str = r#"{
        "connection": {"netns": 1,
            "local": {"addr": "127.0.0.1", "port": 80},
            "remote": {"addr": "127.0.0.1", "port": 81}},
        "owner": {"pid": 7, "comm": "fr-server", "confidence": "exact"},
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
            differences(KERNEL, &expected(), &told),
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
                differences(KERNEL, &expected(), &told),
                Vec::<String>::new(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_forbidden_cause_is_any_but_that_one() {
        assert!(cause_matches("!no_listener", "unknown"));
        assert!(!cause_matches("!no_listener", "no_listener"));
    }
}
