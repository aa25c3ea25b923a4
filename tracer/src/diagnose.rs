//! Says why: ordered rules over an ending, and the words for what they found.
//!
//! Pure: every rule sees one ending and one of its acts, and remembers nothing. The first rule
//! that speaks decides.

mod address;
mod close;
mod crossing;
mod delay;
mod destroyed;
mod disconnect;
mod evidence;
mod exec;
mod exit;
mod exit_unread;
mod handshake;
mod held_open;
mod late;
mod linger;
mod listener;
mod multipath;
mod netfilter;
mod orphan;
mod overflow;
mod page;
mod peer;
mod reaction;
mod received;
mod refused;
mod reset;
mod shutdown;
mod silent;
mod stray;
mod timeout;
mod timers;
mod told;
mod unknown;
mod unread;
mod words;

pub use self::{
    page::{Page, Step},
    told::page,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending},
    explained::{Evidence, Explanation},
    process::Confidence,
};

/// One rule: the cause of an act and how sure it is, or silence.
type Rule = fn(&Ending, &Act) -> Option<(Cause, Confidence)>;

/// Every rule, the more special before the more general.
const RULES: [Rule; 32] = [
    held_open::rule,
    exec::rule,
    multipath::rule,
    exit_unread::rule,
    unread::rule,
    linger::rule,
    disconnect::rule,
    listener::rule,
    destroyed::rule,
    destroyed::repair,
    timers::rule,
    orphan::timeout,
    orphan::pressure,
    refused::rule,
    late::syn,
    late::data,
    handshake::rule,
    overflow::rule,
    stray::rule,
    netfilter::rule,
    reaction::rule,
    peer::closed,
    received::rule,
    peer::reset,
    timeout::rule,
    exit::rule,
    crossing::rule,
    delay::linger,
    delay::unsent,
    orphan::stuck,
    shutdown::rule,
    close::rule,
];

/// Gives every act of an ending its cause.
pub fn diagnose(ending: &mut Ending) {
    let verdicts: Vec<_> = ending.acts.iter().map(|act| judge(ending, act)).collect();
    for (act, (cause, confidence)) in ending.acts.iter_mut().zip(verdicts) {
        act.cause = cause;
        act.confidence = confidence;
    }
}

fn judge(ending: &Ending, act: &Act) -> (Cause, Confidence) {
    RULES
        .iter()
        .find_map(|rule| rule(ending, act))
        .unwrap_or((Cause::Unknown, Confidence::Unknown))
}

/// Puts a diagnosed ending into words; its decisive act tells the cause.
#[must_use]
pub fn explain(ending: &Ending) -> Explanation {
    let Some(act) = ending.decisive() else {
        return Explanation {
            text: String::from("Nothing ended this connection yet."),
            advice: "",
            evidence: Evidence::default(),
        };
    };
    Explanation {
        text: told::text(ending, act) + &words::took_over(ending),
        advice: told::advice(ending, act),
        evidence: evidence::of(ending, act),
    }
}
