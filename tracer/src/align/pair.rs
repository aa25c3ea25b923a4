//! Finds the segments of a recording in a capture.

use std::collections::HashMap;

use super::{Bound, Ends, Mark, Sign};
use crate::model::segment::Seen;

/// A segment both know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    /// When the kernel acted, by the hooks' clock.
    pub(super) at: u64,
    /// When it was captured first, by the capture's.
    pub(super) captured: i64,
    /// What the first says of the second.
    pub(super) bound: Bound,
    /// Its ends in the capture and in the recording, where these differ.
    pub(super) translated: Option<(Ends, Ends)>,
}

/// The segments both know, each once for each end of it that was recorded.
///
/// Of copies and of what was sent again, the first counts.
pub(super) fn pairs(marks: &[Mark], captured: &[Seen]) -> Vec<Pair> {
    let there = first_sightings(captured);
    let here = first_marks(marks);
    let mut elsewhere: HashMap<Sign, Vec<Ends>> = HashMap::new();
    for (ends, sign) in there.keys() {
        elsewhere.entry(*sign).or_default().push(*ends);
    }
    let mut pairs = Vec::new();
    for (&(ends, sign, bound), &at) in &here {
        let same = there.get(&(ends, sign)).map(|&captured| (captured, None));
        let found = same.or_else(|| {
            let other = translated(ends, elsewhere.get(&sign)?)?;
            let captured = there.get(&(other, sign))?;
            Some((*captured, Some((other, ends))))
        });
        if let Some((captured, translated)) = found {
            pairs.push(Pair {
                at,
                captured,
                bound,
                translated,
            });
        }
    }
    pairs.sort_unstable_by_key(|pair| (pair.at, pair.captured));
    pairs
}

fn first_sightings(captured: &[Seen]) -> HashMap<(Ends, Sign), i64> {
    let mut first = HashMap::new();
    for seen in captured {
        if let (Some(at), Some(sign)) = (seen.at, Sign::of(&seen.headers)) {
            let ends = (seen.headers.source, seen.headers.destination);
            let known = first.entry((ends, sign)).or_insert(at.ns);
            *known = at.ns.min(*known);
        }
    }
    first
}

fn first_marks(marks: &[Mark]) -> HashMap<(Ends, Sign, Bound), u64> {
    let mut first = HashMap::new();
    for mark in marks {
        let known = first
            .entry((mark.ends, mark.sign, mark.bound))
            .or_insert(mark.at.0);
        *known = mark.at.0.min(*known);
    }
    first
}

/// The flow that has a segment of this sign elsewhere, if it can be ours with one end translated:
/// the other end is the same, and no second flow has such a segment.
fn translated(ours: Ends, elsewhere: &[Ends]) -> Option<Ends> {
    let &[theirs] = elsewhere else { return None };
    let same_source = ours.0 == theirs.0;
    let same_destination = ours.1 == theirs.1;
    (same_source != same_destination).then_some(theirs)
}
