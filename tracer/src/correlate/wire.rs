//! Segments seen on the wire, kept until the connection they belong to is told of.

use std::{cmp::Ordering, collections::HashMap, num::NonZeroU64};

mod sighted;

use self::sighted::Number;
pub(super) use self::sighted::Sighted;
use super::translated::{Translated, reversed};
use crate::model::{
    clock::Timed,
    flow::Flow,
    segment::{Device, Headers, Seen},
    stray::Tuple,
    time::MonoNs,
    wire::Sighting,
};

/// How long a segment waits for an event of its connection, in nanoseconds: longer than any ending
/// of a socket that is closed takes to be told.
const PATIENCE_NS: u64 = 5_000_000_000;

/// How much earlier or later than its own devices others see a segment at most, in nanoseconds:
/// queues between them, and the delay of a busy machine.
const APART_NS: u64 = 1_000_000_000;

/// Sightings kept at most, and of one tuple: of a FIN and its answer some dozen, one for every
/// device of every namespace, and copies.
const LIMIT: usize = 262_144;
const LIMIT_OF_TUPLE: usize = 256;

/// How long a SYN waits for its connection to fail, in nanoseconds: as long as the kernel tries (127 s
/// with the usual `tcp_syn_retries`), and where the connection came to be for one end, the other one
/// may refuse it yet.
pub(super) const OPENING_NS: u64 = 130_000_000_000;
const OPENED_NS: u64 = 1_000_000_000;

/// Sightings of SYNs kept at most, besides the others, and of one tuple.
const OPENINGS: usize = 65_536;
const OPENINGS_OF_TUPLE: usize = 64;

/// The sightings, by the tuple they had.
#[derive(Debug, Default)]
pub(super) struct Wire {
    by_tuple: HashMap<Tuple, Vec<Sighted>>,
    pub(super) translated: Translated,
    count: usize,
    /// Of SYNs.
    openings: usize,
    /// When the old ones were last looked for.
    swept: MonoNs,
    /// Sightings there was no room for.
    refused: u64,
}

impl Wire {
    /// Takes in a segment seen in a namespace; a cookie is that of the socket that sent it.
    pub(super) fn seen(
        &mut self,
        time: Timed,
        netns: Option<u32>,
        cookie: Option<NonZeroU64>,
        seen: &Seen,
    ) {
        let Headers {
            source,
            destination,
            ..
        } = seen.headers;
        let (count, limits) = if seen.headers.flags.opens() {
            (&mut self.openings, (OPENINGS, OPENINGS_OF_TUPLE))
        } else {
            (&mut self.count, (LIMIT, LIMIT_OF_TUPLE))
        };
        if *count >= limits.0 {
            self.refused += 1;
            return;
        }
        let of_tuple = self.by_tuple.entry((source, destination)).or_default();
        if of_tuple.len() >= limits.1 {
            self.refused += 1;
            return;
        }
        *count += 1;
        of_tuple.push(Sighted {
            cookie,
            sighting: Sighting {
                at: time.at,
                error_ns: time.error_ns,
                captured: seen.at,
                netns,
                tuple: None,
                device: seen.device,
                direction: seen.direction,
                vlan: seen.vlan,
                headers: seen.headers,
            },
            told: [false; 2],
        });
    }

    /// The connection of a flow came to be, for this end of it: its SYNs are of no ending of this end,
    /// and where both ends are here, of none at all.
    pub(super) fn opened(&mut self, flow: &Flow) {
        if self.openings == 0 {
            return;
        }
        let sent = (flow.local, flow.remote);
        for (tuple, side) in [(sent, 0), (reversed(sent), 1)] {
            let Some(of_tuple) = self.by_tuple.get_mut(&tuple) else {
                continue;
            };
            let own = |it: &&mut Sighted| it.opens() && is_there(it, flow);
            for told in of_tuple.iter_mut().filter(own).map(|it| &mut it.told) {
                if let Some(told) = told.get_mut(side) {
                    *told = true;
                }
            }
            let before = of_tuple.len();
            of_tuple.retain(|it| !it.opens() || it.told != [true; 2]);
            self.openings -= before - of_tuple.len();
            if of_tuple.is_empty() {
                self.by_tuple.remove(&tuple);
            }
        }
    }

    /// What `sender` sent from one time to another, as far as no other ending of the same end has
    /// told of it and it `fits`; from now on told.
    ///
    /// Its own is what has its tuple in its namespace, or the tuple that namespace translates it to.
    /// Elsewhere, the same segment is one with the same numbers and flags, at about the same time,
    /// under a tuple the translations lead to: the tuple alone may be another connection's.
    pub(super) fn claim(
        &mut self,
        sender: &Flow,
        by_sender: bool,
        (from, to): (MonoNs, MonoNs),
        fits: impl Fn(&Sighted) -> bool,
    ) -> Vec<Sighted> {
        let tuple = (sender.local, sender.remote);
        let side = usize::from(!by_sender);
        let mut claimed = Vec::new();
        let own_names = [Some(tuple), self.translated.within(sender.netns, tuple)];
        for name in own_names.into_iter().flatten() {
            self.take(name, side, tuple, &mut claimed, |it, _| {
                is_there(it, sender) && fits(it) && (from..=to).contains(&it.sighting.at)
            });
        }
        let own = claimed.len();
        if own > 0 {
            for name in self.translated.names(tuple) {
                self.take(name, side, tuple, &mut claimed, |it, claimed| {
                    let mut known = claimed.iter().take(own);
                    !is_there(it, sender) && known.any(|own| own.is_near(it))
                });
            }
        }
        claimed.sort_by_key(|it| it.sighting.at);
        claimed
    }

    /// Takes sightings of a tuple that fit and are not told by one side; `own` is the tuple their
    /// socket knows.
    fn take(
        &mut self,
        name: Tuple,
        side: usize,
        own: Tuple,
        claimed: &mut Vec<Sighted>,
        fits: impl Fn(&Sighted, &[Sighted]) -> bool,
    ) {
        for sighted in self.by_tuple.get_mut(&name).into_iter().flatten() {
            let fits = fits(sighted, claimed);
            if let Some(told) = sighted.told.get_mut(side)
                && fits
                && !std::mem::replace(told, true)
            {
                let mut sighted = *sighted;
                if matches!(sighted.sighting.device, Device::Interface(_)) {
                    // The namespace was its connection's.
                    sighted.sighting.netns = None;
                }
                sighted.sighting.tuple = (name != own).then_some(name);
                claimed.push(sighted);
            }
        }
    }

    /// SYNs that are kept.
    #[cfg(test)]
    pub(super) const fn openings(&self) -> usize {
        self.openings
    }

    /// Whether it is time to sweep.
    pub(super) fn is_due(&self, now: MonoNs) -> bool {
        // What both ends have told of need not wait, where room gets scarce.
        let often = self.count > LIMIT / 8 || self.openings > OPENINGS / 2;
        now.since(self.swept) >= PATIENCE_NS / if often { 20 } else { 4 }
    }

    /// Forgets what both ends told of and what has waited long enough, and hands over what its sender
    /// has not told of, the sightings of one segment together; `waits` says whether a flow's
    /// connection may still be told.
    pub(super) fn sweep(
        &mut self,
        now: MonoNs,
        waits: impl Fn(&Flow) -> bool,
    ) -> Vec<Vec<Sighted>> {
        self.swept = now;
        let scarce = self.openings > OPENINGS / 2;
        let old = |it: &Sighted| {
            let patience = match (it.opens(), it.told) {
                (false, _) => PATIENCE_NS,
                (true, [false, false]) if !scarce => OPENING_NS,
                (true, _) => OPENED_NS,
            };
            now.since(it.sighting.at) > patience
        };
        let waiting = |tuple: &Tuple, it: &Sighted| {
            let flow = |tuple: Tuple| Flow {
                local: tuple.0,
                remote: tuple.1,
                netns: it.sighting.netns,
            };
            let other = self.translated.within(it.sighting.netns, *tuple);
            waits(&flow(*tuple)) || other.is_some_and(|other| waits(&flow(other)))
        };
        let mut open: HashMap<(Tuple, Number), Vec<Sighted>> = HashMap::new();
        for (tuple, of_tuple) in &mut self.by_tuple {
            // A SYN that nothing tells is of a connection that came to be, or of another host's.
            of_tuple.retain(|it| it.told != [true; 2] && !(it.opens() && old(it)));
            let waits = |it: &Sighted| it.told == [false; 2] && waiting(tuple, it);
            let some_wait = of_tuple
                .iter()
                .any(|it| !it.opens() && old(it) && waits(it));
            if some_wait {
                continue;
            }
            for it in of_tuple.extract_if(.., |it| !it.opens() && old(it)) {
                let names = if it.told[0] {
                    continue;
                } else {
                    self.translated.names(*tuple)
                };
                let name = names.into_iter().min().unwrap_or(*tuple);
                open.entry((name, it.number())).or_default().push(it);
            }
        }
        self.by_tuple.retain(|_, of_tuple| !of_tuple.is_empty());
        let left = || self.by_tuple.values().flatten();
        self.openings = left().filter(|it| it.opens()).count();
        self.count = left().count() - self.openings;
        let mut open: Vec<_> = open.into_values().collect();
        for group in &mut open {
            group.sort_by(Sighted::in_time);
        }
        // A table has no order of its own, and a replay is to tell the same.
        open.sort_by(|one, other| match (one.first(), other.first()) {
            (Some(one), Some(other)) => one.in_time(other),
            _ => Ordering::Equal,
        });
        open
    }

    /// Sightings there was no room for since this was last asked.
    pub(super) const fn take_refused(&mut self) -> u64 {
        std::mem::replace(&mut self.refused, 0)
    }
}

/// Whether a sighting was in the namespace of a socket; what is in a capture file may have been seen
/// anywhere.
fn is_there(sighted: &Sighted, sender: &Flow) -> bool {
    let Sighting { netns, device, .. } = sighted.sighting;
    netns == sender.netns || matches!(device, Device::Interface(_))
}
