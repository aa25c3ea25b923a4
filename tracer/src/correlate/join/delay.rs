//! What the delay between the kernel and the wire counts from: never what came after the segment.

use crate::model::{
    ending::{Act, Ending, How},
    state::TcpState,
    time::MonoNs,
    wire::{CountedFrom, WireSegment},
};

/// What the delay of a segment of an ending counts from.
///
/// A call that resets closes the socket first, so the transition to `CLOSE` is before the RST whichever
/// hook told of it (`tcp_disconnect`, `__tcp_close`). A timer, or somebody who destroys the socket,
/// sends the RST first (`tcp_keepalive_timer`, `tcp_abort`): where its hook ran after it had left,
/// nothing is known to have been before.
pub(super) fn counted_from(ending: &Ending, segment: &WireSegment) -> Option<CountedFrom> {
    let act = segment.kernel?;
    let seen = segment.sightings.first()?;
    if !segment.sent || act <= seen.at {
        return Some(CountedFrom::Act(act));
    }
    if is_stamped_late(ending, act) {
        let mut before = ending.states.iter().rev().filter(|it| it.at <= seen.at);
        let closing = before.find(|it| it.to == TcpState::Close)?;
        return Some(CountedFrom::Closing(closing.at));
    }
    // Every other hook runs before: what is seen earlier is so by the error of the clocks.
    let error_ns = seen.error_ns.unwrap_or(0);
    (act.since(seen.at) <= error_ns).then_some(CountedFrom::Act(act))
}

/// Whether the act is an RST that no segment provoked: its hook may run when it has left.
fn is_stamped_late(ending: &Ending, at: MonoNs) -> bool {
    let is_it = |act: &Act| act.at == at && act.how == How::RstSent && act.provoked_by.is_none();
    ending.acts.iter().any(is_it)
}
