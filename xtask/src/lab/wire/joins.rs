//! Marks for joins: whether the segment an act was given is the one it put on the wire, or took off it.

use std::collections::HashMap;

use super::fits;
use crate::lab::{
    score::{Mark, Marks},
    told::{Act, End, Ending, Segment},
};

/// The acts of these endings, each by its segment. That of what came must be one the other end sent, if
/// all it sent was captured; `told` has the answers in its place as well.
pub(super) fn marks(endings: &[&Ending], told: &[Ending]) -> Marks {
    let mut marks = Marks::default();
    let sent = Sent::of(endings, told);
    for ending in endings {
        for act in &ending.acts {
            let mut own = own(ending, act);
            marks.give(match (own.next(), own.next()) {
                (None, _) => Mark::Unknown,
                (Some(one), None) if sent.may_have(ending, one) => Mark::Right,
                (Some(_), _) => Mark::Wrong,
            });
        }
    }
    marks
}

/// The segments an act was given.
fn own<'told>(ending: &'told Ending, act: &'told Act) -> impl Iterator<Item = &'told Segment> {
    let all = ending.segments.iter().flatten();
    all.filter(|it| it.kernel_ns == Some(act.mono_ns) && fits(it, &act.how))
}

/// What each end sent: the sequence numbers, and whether an act of it has no segment.
struct Sent(HashMap<(End, End), (Vec<u32>, bool)>);

impl Sent {
    fn of(endings: &[&Ending], told: &[Ending]) -> Self {
        let mut sent = HashMap::<_, (Vec<u32>, bool)>::new();
        let answers = told.iter().filter(|it| it.answers_for_nobody());
        for ending in endings.iter().copied().chain(answers) {
            let end = (ending.connection.local, ending.connection.remote);
            let (numbers, gaps) = sent.entry(end).or_default();
            let segments = ending.segments.iter().flatten();
            let left = segments.filter(|it| it.direction == "tx");
            numbers.extend(left.map(|it| it.seq));
            let mut acts = ending.acts.iter();
            *gaps |= acts.any(|act| act.how.ends_with("_sent") && own(ending, act).count() == 0);
        }
        Self(sent)
    }

    /// Whether a segment may be what it is taken for.
    fn may_have(&self, ending: &Ending, segment: &Segment) -> bool {
        let sender = (ending.connection.remote, ending.connection.local);
        let sent = self.0.get(&sender);
        let known = sent.is_none_or(|(numbers, gaps)| *gaps || numbers.contains(&segment.seq));
        segment.direction == "tx" || known
    }
}
