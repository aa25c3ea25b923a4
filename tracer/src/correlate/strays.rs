//! Segments that no ending tells, and why.

use super::{Correlator, translated::reversed, wire::Sighted};
use crate::model::{
    flow::Flow,
    segment::Direction,
    stray::{Stray, Tuple, Why},
    time::MonoNs,
};

/// How long before losses are noticed they may have begun, and how long their effect lasts.
const LOSS_NS: u64 = 3_000_000_000;

/// Losses remembered.
const LOSSES: usize = 256;

impl Correlator {
    /// More records were lost, or runs of hooks skipped, than before: noticed now.
    pub fn lost(&mut self, at: MonoNs) {
        if self.losses.len() >= LOSSES {
            self.losses.pop_front();
        }
        self.losses.push_back(at);
    }

    /// Whether losses were noticed that may be of this time.
    pub(super) fn loses(&self, at: MonoNs) -> bool {
        let near = |noticed: &MonoNs| {
            at.after(LOSS_NS) >= noticed.before(LOSS_NS) && at <= noticed.after(LOSS_NS)
        };
        self.losses.iter().any(near)
    }

    /// The segments nothing can tell of any more, since this was last asked; and how many there was
    /// no room for.
    pub fn strays(&mut self) -> (Vec<Stray>, u64) {
        (std::mem::take(&mut self.strays), self.wire.take_refused())
    }

    /// Looks for segments that have waited in vain; `all` at the end of a run.
    pub(super) fn sweep(&mut self, now: MonoNs, all: bool) {
        if !all && !self.wire.is_due(now) {
            return;
        }
        let Self { wire, sockets, .. } = self;
        let knows = |flow: &Flow| {
            let ends = [*flow, flow.reversed()];
            ends.iter().any(|flow| sockets.of_flow(flow).is_some())
        };
        let groups = wire.sweep(now, |sender| !all && knows(sender));
        for group in groups {
            let Some(first) = group.first().copied() else {
                continue;
            };
            let from_here = first.sighting.direction == Direction::Transmitted;
            let received = group.iter().any(|it| it.told == [false, true]);
            // What another host sent is told by whoever received it.
            if received && !from_here {
                continue;
            }
            let tuple = (
                first.sighting.headers.source,
                first.sighting.headers.destination,
            );
            let why = self.why(&group, received);
            let sightings = group.iter().map(|it| {
                let own = (it.sighting.headers.source, it.sighting.headers.destination);
                let mut sighting = it.sighting;
                sighting.tuple = (own != tuple).then_some(own);
                sighting
            });
            self.strays.push(Stray {
                headers: first.sighting.headers,
                sightings: sightings.collect(),
                why,
            });
        }
    }

    fn why(&self, group: &[Sighted], received: bool) -> Why {
        let flows: Vec<Flow> = group.iter().flat_map(|it| self.flows(it)).collect();
        let (first, last) = (group.first(), group.last());
        let direction = |it: Option<&Sighted>| it.map(|it| it.sighting.direction);
        let from_here = direction(first) == Some(Direction::Transmitted);
        let at = first.map_or(MonoNs(0), |it| it.sighting.at);
        let is_known = |flow: &Flow| {
            self.sockets.of_flow(flow).is_some()
                || self.departed.of(flow, at.after(LOSS_NS)).is_some()
        };
        // Whoever received it is known: in question is its sender.
        let senders = flows.iter().step_by(2);
        let known = if received {
            senders.clone().any(is_known)
        } else {
            flows.iter().any(is_known)
        };
        if known {
            Why::KnownConnection
        } else if flows.iter().any(|flow| self.older.contains(flow)) {
            Why::OlderThanTrace
        } else if !from_here && direction(last) == Some(Direction::Transmitted) {
            Why::Forwarded
        } else if self.loses(at) {
            Why::RecordsLost
        } else if from_here {
            Why::SentByNoSocket
        } else {
            Why::ForNoSocket
        }
    }

    /// The flows of the sockets a sighting may be of: its sender's and its receiver's, in turns.
    fn flows(&self, it: &Sighted) -> Vec<Flow> {
        let netns = it.sighting.netns;
        let own = (it.sighting.headers.source, it.sighting.headers.destination);
        let other = self.wire.translated.within(netns, own);
        let flow = |tuple: Tuple| Flow {
            local: tuple.0,
            remote: tuple.1,
            netns,
        };
        let both = |tuple: Tuple| [flow(tuple), flow(reversed(tuple))];
        [Some(own), other]
            .into_iter()
            .flatten()
            .flat_map(both)
            .collect()
    }
}
