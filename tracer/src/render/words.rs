//! The words every format uses for the values of the model.

use std::{fmt, net::SocketAddr};

use crate::model::{
    ending::{Call, Ending},
    flow::Flow,
    initiator::Initiator,
    observation::What,
    process::{Actor, Confidence, Task},
    reason::{Reason, ReasonNames},
    socket::{Condition, SocketId},
    state::TcpState,
    time::MonoNs,
};

/// Who was running when the kernel acted.
pub(super) const fn context(actor: &Actor) -> &'static str {
    match actor {
        Actor::Task(_) => "task",
        Actor::KernelThread(_) => "kernel_thread",
        Actor::Softirq => "softirq",
        Actor::Unknown => "unknown",
    }
}

/// The task that acted, if one did.
pub(super) const fn task(actor: &Actor) -> Option<&Task> {
    match actor {
        Actor::Task(task) | Actor::KernelThread(task) => Some(task),
        Actor::Softirq | Actor::Unknown => None,
    }
}

/// How sure a statement is.
pub(super) const fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Unknown => "unknown",
        Confidence::Likely => "likely",
        Confidence::Exact => "exact",
    }
}

/// Who acted first.
pub(super) const fn initiator(initiator: Initiator) -> &'static str {
    match initiator {
        Initiator::Local => "local",
        Initiator::Remote => "remote",
        Initiator::Both => "both",
    }
}

/// The call behind an act.
pub(super) const fn call(call: Call) -> &'static str {
    match call {
        Call::Close => "close",
        Call::Shutdown => "shutdown",
    }
}

/// The kernel's name for a reason, or its number where the kernel told no name.
pub(super) struct ReasonWord<'a>(pub(super) &'a Reason);

impl fmt::Display for ReasonWord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.name {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0.code),
        }
    }
}

/// An end of a flow; `None` where the port says there is none.
pub(super) fn end(end: SocketAddr) -> Option<SocketAddr> {
    (end.port() != 0).then_some(end)
}

/// What an ending's line is dated by: the decisive act.
pub(super) fn dated(ending: &Ending) -> MonoNs {
    ending
        .decisive()
        .map_or_else(|| ending.last_seen(), |act| act.at)
}

/// Nanoseconds from the close call to the last thing seen; `None` when no call is known.
pub(super) fn since_close(ending: &Ending) -> Option<u64> {
    let call = ending.close_called?;
    Some(ending.last_seen().since(call.at))
}

/// A name for one connection that is the same on every line about it.
///
/// The cookie alone does not do: a socket may be disconnected and connected again.
pub(super) fn connection_id(
    socket: Option<SocketId>,
    flow: Flow,
    first_seen: MonoNs,
) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        if let Some(short) = short_id(socket, first_seen) {
            return f.write_str(short.as_str());
        }
        let netns = flow.netns.unwrap_or(0);
        write!(f, "{}>{}@{netns}-", flow.local, flow.remote)?;
        hexadecimal(f, first_seen.0)
    })
}

/// That name where there is a cookie, as nearly always.
pub(super) fn short_id(socket: Option<SocketId>, first_seen: MonoNs) -> Option<Digits> {
    let cookie = socket?.cookie?;
    let mut text = Digits::new();
    text.hexadecimal(cookie.get());
    text.push(b'-');
    text.hexadecimal(first_seen.0);
    Some(text)
}

/// Writes a number in hexadecimal digits.
pub(super) fn hexadecimal(f: &mut fmt::Formatter<'_>, number: u64) -> fmt::Result {
    let mut text = Digits::new();
    text.hexadecimal(number);
    f.write_str(text.as_str())
}

/// A few digits, up to 40, put together by hand: every line has four numbers in hexadecimal.
pub(super) struct Digits {
    bytes: [u8; 40],
    length: usize,
}

impl Digits {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; 40],
            length: 0,
        }
    }

    /// Appends a byte of ASCII; nothing where there is no room.
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// Appends a number, without zeroes before it.
    pub(super) fn hexadecimal(&mut self, number: u64) {
        let count = number.max(1).ilog2() / 4 + 1;
        for digit in (0..count).rev() {
            let low = u8::try_from(number >> (digit * 4) & 15).unwrap_or(0);
            self.push(if low < 10 {
                b'0' + low
            } else {
                b'a' + low - 10
            });
        }
    }

    /// What was appended.
    pub(super) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }
}

/// The state a socket was in at an event, before a transition.
pub(super) fn state(what: &What) -> Option<TcpState> {
    if let What::RstAnswered { state, .. } = what {
        return *state;
    }
    what.socket()?.state
}

/// The condition an event found its socket in.
pub(super) const fn condition(what: &What) -> Option<&Condition> {
    match what {
        What::CloseCalled { condition, .. }
        | What::ShutdownCalled { condition, .. }
        | What::RstSent { condition, .. }
        | What::StateChanged { condition, .. }
        | What::RstReceived { condition, .. }
        | What::Destroyed { condition, .. } => Some(condition),
        What::FinQueued { .. }
        | What::RstAnswered { .. }
        | What::FinRetransmitted { .. }
        | What::Accepted { .. }
        | What::HeldOpen { .. }
        | What::Queued { .. }
        | What::SegmentSeen(_)
        | What::Stack(_)
        | What::CloseAsked { .. }
        | What::ProcessExited { .. }
        | What::ProcessExeced { .. }
        | What::ProcessForked { .. } => None,
    }
}

/// The kernel's reason for the RST an event is about.
pub(super) fn event_reason(what: &What, names: &ReasonNames) -> Option<Reason> {
    if let What::RstSent { reason, .. } | What::RstAnswered { reason, .. } = what {
        return reason.map(|code| names.reason(code));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        let told = |number| fmt::from_fn(move |f| hexadecimal(f, number)).to_string();
        for bit in 0..64 {
            for number in [
                1 << bit,
                (1_u64 << bit) - 1,
                u64::MAX >> bit,
                0xfedc_ba98_7654_3210 >> bit,
            ] {
                assert_eq!(told(number), format!("{number:x}"));
            }
        }
    }
}
