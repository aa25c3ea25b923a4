//! Segments seen on the wire, kept until the connection they belong to is told of.

use std::{collections::HashMap, num::NonZeroU64};

use crate::model::{
    flow::Flow,
    observation::SegmentFlags,
    segment::{Headers, Seen},
    time::MonoNs,
    wire::Sighting,
};

/// How long a segment waits for an event of its connection, in nanoseconds: longer than any ending
/// of a socket that is closed takes to be told.
const PATIENCE_NS: u64 = 5_000_000_000;

/// Sightings kept at most, and of one direction of a connection.
const LIMIT: usize = 65_536;
const LIMIT_OF_FLOW: usize = 64;

/// One sighting of a segment, not told yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighted {
    /// What it said.
    pub(super) headers: Headers,
    /// Cookie of the socket that sent it; `None` when that is not known.
    cookie: Option<NonZeroU64>,
    /// Where and when it was.
    pub(super) sighting: Sighting,
    /// Whether an ending has told of it: its sender's, its receiver's.
    told: [bool; 2],
}

/// The sightings, by the flow as their sender sees it.
#[derive(Debug, Default)]
pub(super) struct Wire {
    by_sender: HashMap<Flow, Vec<Sighted>>,
    count: usize,
    /// When the old ones were last looked for.
    swept: MonoNs,
    /// Segments no ending told of, copies not counted.
    unjoined: u64,
}

impl Wire {
    /// Takes in a segment seen in a namespace; a cookie is that of the socket that sent it.
    pub(super) fn seen(
        &mut self,
        at: MonoNs,
        netns: Option<u32>,
        cookie: Option<NonZeroU64>,
        seen: &Seen,
    ) {
        let Headers {
            source,
            destination,
            ..
        } = seen.headers;
        let sender = Flow {
            local: source,
            remote: destination,
            netns,
        };
        let sighted = Sighted {
            headers: seen.headers,
            cookie,
            sighting: Sighting {
                at,
                device: seen.device,
                direction: seen.direction,
            },
            told: [false; 2],
        };
        let of_flow = self.by_sender.entry(sender).or_default();
        if self.count < LIMIT && of_flow.len() < LIMIT_OF_FLOW {
            of_flow.push(sighted);
            self.count += 1;
        } else {
            self.unjoined += 1;
        }
    }

    /// What `sender` sent from one time to another, as far as no other ending of the same end has
    /// told of it, and no other socket has sent it; from now on told.
    pub(super) fn claim(
        &mut self,
        sender: &Flow,
        by_sender: bool,
        cookie: Option<NonZeroU64>,
        (from, to): (MonoNs, MonoNs),
    ) -> Vec<Sighted> {
        let Some(of_flow) = self.by_sender.get_mut(sender) else {
            return Vec::new();
        };
        let mut claimed = Vec::new();
        for sighted in of_flow {
            let [sent, received] = &mut sighted.told;
            let told = if by_sender { sent } else { received };
            let other = |own| sighted.cookie.is_some_and(|one| one != own);
            let foreign = by_sender && cookie.is_some_and(other);
            let in_time = (from..=to).contains(&sighted.sighting.at);
            if in_time && !*told && !foreign {
                *told = true;
                claimed.push(*sighted);
            }
        }
        claimed.sort_by_key(|sighted| sighted.sighting.at);
        claimed
    }

    /// Whether it is time to sweep.
    pub(super) fn is_due(&self, now: MonoNs) -> bool {
        now.since(self.swept) >= PATIENCE_NS / 4
    }

    /// Forgets what has waited long enough, and counts what nobody told of; `waits` says whether a
    /// flow's connection may still be told of.
    pub(super) fn sweep(&mut self, now: MonoNs, waits: impl Fn(&Flow) -> bool) {
        if !self.is_due(now) {
            return;
        }
        self.swept = now;
        let mut unjoined = 0;
        self.by_sender.retain(|sender, of_flow| {
            let old = |it: &Sighted| now.since(it.sighting.at) > PATIENCE_NS;
            let waiting = of_flow.iter().any(Sighted::is_open) && waits(sender);
            if !waiting {
                let forgotten: Vec<_> = of_flow.extract_if(.., |it| old(it)).collect();
                unjoined += segments(forgotten.iter().filter(|it| it.is_open()));
            }
            !of_flow.is_empty()
        });
        self.count = self.by_sender.values().map(Vec::len).sum();
        self.unjoined += unjoined;
    }

    /// Segments no ending told of so far; at the end of a run, all that are left.
    pub(super) fn unjoined(&self, all: bool) -> u64 {
        let left = self.by_sender.values().filter(|_| all);
        let left = left.map(|of_flow| segments(of_flow.iter().filter(|it| it.is_open())));
        self.unjoined + left.sum::<u64>()
    }
}

impl Sighted {
    /// Whether nobody has told of it.
    fn is_open(&self) -> bool {
        self.told == [false; 2]
    }
}

/// Different segments among sightings; copies are one.
fn segments<'a>(sightings: impl Iterator<Item = &'a Sighted>) -> u64 {
    let key = |it: &Sighted| (it.headers.seq, it.headers.flags.0 & !SegmentFlags::ACK);
    let mut keys: Vec<_> = sightings.map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    u64::try_from(keys.len()).unwrap_or(u64::MAX)
}
