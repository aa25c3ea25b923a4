//! Segments seen on the wire, kept until the connection they belong to is told of.

use std::{cmp::Ordering, collections::HashMap, num::NonZeroU64};

use super::translated::Translated;
use crate::model::{
    clock::Timed,
    flow::Flow,
    observation::SegmentFlags,
    segment::{Device, Headers, Seen},
    socket::SocketId,
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

/// One sighting of a segment, not told yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighted {
    /// Cookie of the socket that sent it; `None` when that is not known.
    cookie: Option<NonZeroU64>,
    /// Where and when it was, and what it said.
    pub(super) sighting: Sighting,
    /// Whether an ending has told of it: its sender's, its receiver's.
    pub(super) told: [bool; 2],
}

/// The sightings, by the tuple they had.
#[derive(Debug, Default)]
pub(super) struct Wire {
    by_tuple: HashMap<Tuple, Vec<Sighted>>,
    pub(super) translated: Translated,
    count: usize,
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
        let of_tuple = self.by_tuple.entry((source, destination)).or_default();
        if self.count >= LIMIT || of_tuple.len() >= LIMIT_OF_TUPLE {
            self.refused += 1;
            return;
        }
        self.count += 1;
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

    /// Whether it is time to sweep.
    pub(super) fn is_due(&self, now: MonoNs) -> bool {
        // What both ends have told of need not wait, where room gets scarce.
        let often = self.count > LIMIT / 8;
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
        let old = |it: &Sighted| now.since(it.sighting.at) > PATIENCE_NS;
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
            of_tuple.retain(|it| it.told != [true; 2]);
            let some_wait = of_tuple
                .iter()
                .any(|it| old(it) && it.told == [false; 2] && waiting(tuple, it));
            if some_wait {
                continue;
            }
            for it in of_tuple.extract_if(.., |it| old(it)) {
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
        self.count = self.by_tuple.values().map(Vec::len).sum();
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

/// What is the same of all sightings of one segment: the number of its FIN, or else its flags and
/// numbers. Of an RST that answers a SYN, the acknowledgement is all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Number(u8, u32, u32);

impl Sighted {
    /// Whether a socket may have sent it: no other is known to.
    pub(super) fn may_be_of(&self, socket: Option<SocketId>) -> bool {
        let own = socket.and_then(|id| id.cookie);
        own.is_none() || self.cookie.is_none() || own == self.cookie
    }

    /// What it is known by among segments of its tuple.
    ///
    /// A FIN sent again, or cut or merged on the way, may carry more of the data before it, or less.
    pub(super) const fn number(&self) -> Number {
        let Headers {
            flags,
            seq,
            ack,
            payload_bytes,
            ..
        } = self.sighting.headers;
        if flags.has(SegmentFlags::FIN) && !flags.has(SegmentFlags::RST) {
            Number(SegmentFlags::FIN, seq.wrapping_add(payload_bytes), 0)
        } else {
            let acked = flags.has(SegmentFlags::ACK);
            Number(flags.0, seq, if acked { ack } else { 0 })
        }
    }

    /// Whether another sighting, elsewhere, is of this segment.
    fn is_near(&self, other: &Self) -> bool {
        let (one, two) = (self.sighting.at, other.sighting.at);
        self.number() == other.number() && one.since(two).max(two.since(one)) <= APART_NS
    }

    /// The order of time, and another where there is none.
    fn in_time(&self, other: &Self) -> Ordering {
        let key = |it: &Self| {
            let Sighting {
                at,
                netns,
                device,
                direction,
                ..
            } = it.sighting;
            let Headers {
                source,
                destination,
                seq,
                flags,
                ..
            } = it.sighting.headers;
            (
                at,
                netns,
                device,
                direction,
                source,
                destination,
                seq,
                flags.0,
            )
        };
        key(self).cmp(&key(other))
    }
}
