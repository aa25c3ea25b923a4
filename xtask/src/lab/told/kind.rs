//! What kind of ending it is: a socket's own, a close that ended nothing, an answer for nobody.

use super::Ending;
use crate::scene::truth::Expected;

impl Ending {
    /// What kind of ending it is.
    pub(crate) fn kind(&self) -> Kind {
        if self.how == "held_open" {
            Kind::HeldOpen
        } else if self.answers_for_nobody() {
            Kind::Answer
        } else {
            Kind::Own
        }
    }

    /// Whether an RST answered a segment for no connection: a late one met the listener, or nobody.
    ///
    /// Slow machines send again what was acknowledged already; the kernel then answers the copy.
    pub(crate) fn answers_for_nobody(&self) -> bool {
        let connection = &self.connection;
        // A socket's ending that follows a close which ended nothing goes by the same id as that.
        let sequel = connection.after.is_some() && connection.after != connection.id;
        let answers = self.acts.iter().all(|act| act.how == "rst_sent");
        let goes_on = ANSWERS.contains(&self.cause.as_str());
        answers && self.actor.context == "softirq" && (self.owner.is_none() || sequel || goes_on)
    }
}

/// The kinds of endings one end of a connection can have, each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The socket's own.
    Own,
    /// A close that ended nothing.
    HeldOpen,
    /// The kernel's answer to a segment for a socket that is not there.
    Answer,
}

/// Causes of answers in the name of a socket that goes on: a listener, or one that is connecting.
const ANSWERS: [&str; 5] = [
    "bad_handshake_ack",
    "paws_or_sequence",
    "accept_queue_overflow",
    "mptcp_reset",
    "stray_segment",
];

impl Expected {
    /// What kind of ending is expected.
    pub(crate) fn kind(&self) -> Kind {
        if self.holders.is_some() {
            Kind::HeldOpen
        } else if self.late || self.answer || self.owner.is_none() {
            Kind::Answer
        } else {
            Kind::Own
        }
    }
}
