//! Compares what finrst told with what tcpdump saw and with who the programs are.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
};

use super::{
    dump::{Dumped, Key},
    network::Network,
    program::Program,
    table::{Row, Table},
};
use crate::lab::{
    told::{Ending, Segment, Stray},
    tracer::Ended,
};

/// A segment of finrst's by the namespace it was seen in and as it was there.
type Place = (u32, Key);

/// What finrst tells, to be looked up.
struct Told<'told> {
    /// Endings that tell a segment as their own, each with whether it is joined to an act.
    sent: HashMap<Place, Vec<(&'told Ending, bool)>>,
    /// Every sighting of a segment of an ending.
    seen: HashSet<Place>,
    /// The reasons of those no ending tells, by every sighting.
    strays: HashMap<Place, &'told str>,
}

/// Fills the table; what is wrong is said in words, too.
pub(super) fn judge(
    network: &Network,
    dumps: &[Dumped; 3],
    programs: &[Program],
    ended: &Ended,
) -> (Table, Vec<String>) {
    let told = Told::new(&ended.endings, &ended.strays);
    let mut table = Table::default();
    let mut wrong = Vec::new();
    let places = network.inodes.iter().zip(dumps).enumerate();
    for (place, (&netns, dump)) in places {
        // The router sends nothing of its own: what it forwards must be in the story of an end.
        if place == 1 {
            let row = table.row("(seen on the router)");
            for key in dump.seen.keys() {
                told.follow(netns, key, row, &mut wrong);
            }
            continue;
        }
        let mut of_ends: HashMap<_, usize> = HashMap::new();
        for key in dump.sent.keys() {
            *of_ends.entry((key.source, key.destination)).or_default() += 1;
        }
        for key in dump.sent.keys() {
            let ports = [key.source.port(), key.destination.port()];
            let Some(program) = programs.iter().find(|it| ports.contains(&it.port)) else {
                wrong.push(format!("of no program: {key:?}"));
                continue;
            };
            let segments = of_ends.get(&(key.source, key.destination)).copied();
            let owners = program.owners(key.source, key.destination, segments.unwrap_or(0));
            let row = table.row(program.name);
            told.weigh((netns, key), &owners, row, &mut wrong);
        }
    }
    (table, wrong)
}

impl<'told> Told<'told> {
    fn new(endings: &'told [Ending], strays: &'told [Stray]) -> Self {
        let mut it = Self {
            sent: HashMap::new(),
            seen: HashSet::new(),
            strays: HashMap::new(),
        };
        for ending in endings {
            let connection = &ending.connection;
            let ends: (SocketAddr, SocketAddr) =
                (connection.local.into(), connection.remote.into());
            for segment in ending.segments.iter().flatten() {
                let ours = segment.direction == "tx";
                let ends = if ours { ends } else { (ends.1, ends.0) };
                if let (true, Some(netns)) = (ours, connection.netns) {
                    let place = (netns, key(ends, segment));
                    let joined = segment.kernel_ns.is_some();
                    it.sent.entry(place).or_default().push((ending, joined));
                }
                for sighting in &segment.sightings {
                    if let Some(netns) = sighting.netns {
                        it.seen.insert((netns, key(sighting.ends(ends), segment)));
                    }
                }
            }
        }
        for stray in strays {
            let ends = (stray.source.into(), stray.destination.into());
            let numbers = (stray.seq, stray.payload_bytes, stray.ack);
            for sighting in &stray.sightings {
                if let Some(netns) = sighting.netns {
                    let key = Key::new(sighting.ends(ends), &stray.flags, numbers);
                    it.strays.insert((netns, key), &stray.reason);
                }
            }
        }
        it
    }

    /// A segment that one of the programs' ends sent.
    fn weigh(
        &self,
        (netns, key): (u32, &Key),
        owners: &HashSet<u32>,
        row: &mut Row,
        wrong: &mut Vec<String>,
    ) {
        let place = (netns, key.clone());
        let tellers = self.sent.get(&place).map_or(&[][..], Vec::as_slice);
        match tellers {
            [] => {
                if let Some(reason) = self.strays.get(&place) {
                    *row.unjoined.entry((*reason).to_owned()).or_default() += 1;
                } else {
                    row.missing += 1;
                    let other = self.seen.contains(&place);
                    wrong.push(format!("missing, told by another end: {other}: {key:?}"));
                }
            }
            [(ending, false)] => {
                *row.unjoined.entry("no_act".to_owned()).or_default() += 1;
                let acts: Vec<_> = ending.acts.iter().map(|act| &act.how).collect();
                wrong.push(format!("no act of {acts:?} for {key:?}"));
            }
            [(ending, true)] => {
                let told = ending.owner.as_ref().and_then(|owner| owner.pid);
                match told {
                    None => row.unknown += 1,
                    Some(pid) if owners.contains(&pid) => row.right += 1,
                    Some(pid) => {
                        row.wrong += 1;
                        wrong.push(format!("owner {pid}, not {owners:?}, of {key:?}"));
                    }
                }
            }
            _ => {
                row.twice += 1;
                wrong.push(format!("told by {} endings: {key:?}", tellers.len()));
            }
        }
    }

    /// A segment that passed the router.
    fn follow(&self, netns: u32, key: &Key, row: &mut Row, wrong: &mut Vec<String>) {
        let place = (netns, key.clone());
        if self.seen.contains(&place) {
            row.right += 1;
        } else if let Some(reason) = self.strays.get(&place) {
            *row.unjoined.entry((*reason).to_owned()).or_default() += 1;
        } else {
            row.missing += 1;
            wrong.push(format!("missing (on the router): {key:?}"));
        }
    }
}

fn key(ends: (SocketAddr, SocketAddr), segment: &Segment) -> Key {
    let numbers = (segment.seq, segment.payload_bytes, segment.ack);
    Key::new(ends, &segment.flags, numbers)
}

/// The reasons of a table in order.
pub(super) type Reasons = BTreeMap<String, u64>;
