//! Says why: ordered rules over an ending, and the words for what they found.
//!
//! Pure: every rule sees one ending and one of its acts, and remembers nothing. The first rule
//! that speaks decides.

mod close;
mod evidence;
mod exit;
mod held_open;
mod linger;
mod page;
mod peer;
mod refused;
mod reset;
mod shutdown;
mod unknown;
mod unread;
mod words;

pub use self::page::{Page, Step};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending},
    explained::Explanation,
    process::Confidence,
};

/// One rule: the cause of an act and how sure it is, or silence.
type Rule = fn(&Ending, &Act) -> Option<(Cause, Confidence)>;

/// Every rule, the more special before the more general.
const RULES: [Rule; 9] = [
    held_open::rule,
    unread::rule,
    linger::rule,
    refused::rule,
    peer::closed,
    peer::reset,
    exit::rule,
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
            evidence: Vec::new(),
        };
    };
    let text = match act.cause {
        Cause::AppClose => close::text(ending, act),
        Cause::AppShutdownWrite => shutdown::text(ending, act),
        Cause::CloseOtherHolders => held_open::text(ending, act),
        Cause::ProcessExit => exit::text(ending, act),
        Cause::ClosedWithUnreadData => unread::text(ending, act),
        Cause::LingerZero => linger::text(ending, act),
        Cause::NoListener => refused::text(ending, act),
        Cause::PeerClosed => peer::closed_text(ending, act),
        Cause::PeerReset => peer::reset_text(ending, act),
        Cause::Unknown => unknown::text(ending, act),
    };
    Explanation {
        text,
        advice: advice(ending, act),
        evidence: evidence::of(ending, act),
    }
}

fn advice(ending: &Ending, act: &Act) -> &'static str {
    match act.cause {
        Cause::AppClose | Cause::AppShutdownWrite => "",
        Cause::CloseOtherHolders => held_open::ADVICE,
        Cause::ProcessExit => exit::ADVICE,
        Cause::ClosedWithUnreadData => unread::ADVICE,
        Cause::LingerZero => linger::ADVICE,
        Cause::NoListener => refused::ADVICE,
        Cause::PeerClosed => peer::closed_advice(ending),
        Cause::PeerReset => peer::reset_advice(act),
        Cause::Unknown => unknown::ADVICE,
    }
}

/// The page `finrst explain` shows for a cause.
#[must_use]
pub const fn page(cause: Cause) -> &'static Page {
    match cause {
        Cause::AppClose => &close::PAGE,
        Cause::AppShutdownWrite => &shutdown::PAGE,
        Cause::CloseOtherHolders => &held_open::PAGE,
        Cause::ProcessExit => &exit::PAGE,
        Cause::ClosedWithUnreadData => &unread::PAGE,
        Cause::LingerZero => &linger::PAGE,
        Cause::NoListener => &refused::PAGE,
        Cause::PeerClosed => &peer::CLOSED_PAGE,
        Cause::PeerReset => &peer::RESET_PAGE,
        Cause::Unknown => &unknown::PAGE,
    }
}
