//! What the kernel half gathered, as latencies.

use std::{collections::BTreeMap, io};

use tracer_common::gather::{Durations, Key as Place, Life, Owner, bounds, ended, life, phase};

use crate::{
    latency::{
        Latencies,
        group::{By, Key, Process},
        spread::Bucket,
    },
    model::{phases::Phase, state::TcpState, time::MonoNs},
    probe::gathered::Gathered,
};

/// Nanoseconds in `CLOSE_WAIT` or `FIN_WAIT2` after which a side that is still open when the run ends
/// was forgotten.
const STILL_NS: u64 = 10_000_000_000;

/// The phases the kernel half knows, by its numbers.
const PHASES: [(u16, Phase); 8] = [
    (phase::CLOSE_TO_FIN, Phase::CloseToFin),
    (phase::FIN_TO_ACK, Phase::FinToAck),
    (phase::CLOSE_BLOCKED, Phase::CloseBlocked),
    (phase::FIN_WAIT2, Phase::FinWait2),
    (phase::CLOSE_WAIT, Phase::CloseWait),
    (phase::LAST_ACK, Phase::LastAck),
    (phase::CLOSE_TO_RST, Phase::CloseToRst),
    (phase::TOTAL, Phase::Total),
];

/// What the kernel half had counted at one time.
pub(super) type Counted = BTreeMap<Place, Durations>;

/// Reads what was counted so far.
///
/// # Errors
///
/// The maps cannot be read.
pub(super) fn read(gathered: &Gathered) -> io::Result<Counted> {
    let spreads = gathered.spreads().map_err(io::Error::other)?;
    Ok(spreads.into_iter().collect())
}

/// What came between two readings.
///
/// The longest is known only where it came since; else it was at most what its bucket holds.
pub(super) fn between(before: &Counted, now: &Counted) -> Counted {
    let grown = now.iter().filter_map(|(&place, now)| {
        let before = before.get(&place).copied().unwrap_or_default();
        let count = now.count.checked_sub(before.count).filter(|&it| it > 0)?;
        let sum = now.sum.saturating_sub(before.sum);
        let max = if now.max > before.max {
            now.max
        } else {
            before.max.min(sum)
        };
        Some((place, Durations { count, sum, max }))
    });
    grown.collect()
}

/// Puts what was counted into groups, each process by the name that `name` gives it.
pub(super) fn latencies(
    by: By,
    counted: &Counted,
    name: &dyn Fn(&Owner) -> Option<[u8; 16]>,
) -> Latencies {
    let mut latencies = Latencies::in_kernel(by);
    for (place, durations) in counted {
        let Some(group) = latencies.group(key(by, &place.owner, name)) else {
            if place.phase == phase::ENDINGS {
                latencies.refuse(durations.count);
            }
            continue;
        };
        if place.phase == phase::ENDINGS {
            let has = |bit| place.bucket & bit != 0;
            group.add_endings(durations.count, has(ended::RESET), has(ended::LEAKED));
        } else if let Some(spread) = named(place.phase).and_then(|phase| group.spread(phase)) {
            let (low, high) = bounds(place.bucket);
            let Durations { count, sum, max } = *durations;
            spread.add_bucket(&Bucket {
                low,
                high,
                count,
                sum,
                max,
            });
        }
    }
    latencies
}

/// Adds the connections that are still remembered when the run ends, as far as they got by `now`.
/// Without `only_wanted` all of them, else those a process filter let pass.
pub(super) fn add_remaining(
    latencies: &mut Latencies,
    lives: &[Life],
    (by, only_wanted, now): (By, bool, MonoNs),
    name: &dyn Fn(&Owner) -> Option<[u8; 16]>,
) {
    let has = |life: &Life, bits| life.flags & bits != 0;
    let told = lives.iter().filter(|life| has(life, life::ENDED));
    for life in told.filter(|life| !only_wanted || has(life, life::WANTED)) {
        let Some(group) = latencies.group(key(by, &life.owner, name)) else {
            latencies.refuse(1);
            continue;
        };
        let leaked = has(life, life::LEAKED) || is_forgotten(life, now);
        group.add_endings(1, has(life, life::RESET), leaked);
        for (&ns, (_, phase)) in phases(life).iter().zip(PHASES) {
            let cut_off =
                matches!(phase, Phase::FinToAck | Phase::CloseBlocked) && has(life, life::CUT_OFF);
            if let Some(spread) = group.spread(phase).filter(|_| ns > 0 && !cut_off) {
                spread.add(ns);
            }
        }
    }
}

/// Its phases; of one that goes on, the whole is what was seen of it.
fn phases(life: &Life) -> [u64; PHASES.len()] {
    let mut phases = life.phases;
    let [.., total] = &mut phases;
    if *total == 0 && life.close_ns > 0 {
        *total = life.entered_ns.saturating_sub(life.close_ns);
    }
    phases
}

/// Whether somebody seems to have forgotten a connection that is still open.
fn is_forgotten(life: &Life, now: MonoNs) -> bool {
    let long = now.0.saturating_sub(life.entered_ns) >= STILL_NS;
    let half = life.flags & (life::SHUTDOWN | life::FIN_RECEIVED) == life::SHUTDOWN;
    let waits = match TcpState::from_kernel(life.state) {
        Some(TcpState::CloseWait) => true,
        Some(TcpState::FinWait2) => half,
        Some(_) | None => false,
    };
    long && waits && life.flags & life::GONE == 0
}

fn named(number: u16) -> Option<Phase> {
    let phase = PHASES.iter().find(|(it, _)| *it == number);
    phase.map(|(_, phase)| *phase)
}

fn key(by: By, owner: &Owner, name: &dyn Fn(&Owner) -> Option<[u8; 16]>) -> Key {
    if by != By::Process {
        return Key::All;
    }
    Key::Process((owner.tgid != 0).then(|| {
        let start_ns = Some(owner.start_ns).filter(|&it| it != 0);
        Process::new(owner.tgid, start_ns, name(owner).unwrap_or_default())
    }))
}

#[cfg(test)]
mod tests {
    use tracer_common::gather::{PHASES as COUNT, bucket};

    use super::*;

    fn place(tgid: u32, phase: u16, bucket: u16) -> Place {
        Place {
            owner: Owner {
                start_ns: 1,
                tgid,
                reserved: 0,
            },
            phase,
            bucket,
            reserved: 0,
        }
    }

    const fn durations(count: u64, sum: u64, max: u64) -> Durations {
        Durations { count, sum, max }
    }

    fn nameless(_owner: &Owner) -> Option<[u8; 16]> {
        None
    }

    #[test]
    fn every_phase_is_where_the_kernel_half_has_it() {
        assert_eq!(PHASES.len(), COUNT);
        for (place, (number, _)) in PHASES.iter().enumerate() {
            assert_eq!(usize::from(*number), place);
        }
    }

    #[test]
    fn endings_and_durations_of_a_process_are_in_its_group() {
        let counted = Counted::from([
            (place(7, phase::ENDINGS, 0), durations(3, 0, 0)),
            (place(7, phase::ENDINGS, ended::RESET), durations(2, 0, 0)),
            (
                place(7, phase::ENDINGS, ended::LEAKED | ended::RESET),
                durations(1, 0, 0),
            ),
            (
                place(7, phase::TOTAL, bucket(1_000)),
                durations(5, 5_000, 1_010),
            ),
            (place(8, phase::ENDINGS, 0), durations(9, 0, 0)),
        ]);
        let latencies = latencies(By::Process, &counted, &nameless);
        let groups = latencies.groups();
        let told: Vec<_> = groups
            .iter()
            .map(|(_, it)| (it.endings, it.reset, it.leaked))
            .collect();
        assert_eq!(told, [(9, 0, 0), (6, 3, 1)]);
        let (phase, spread) = groups[1].1.phases().next().unwrap();
        assert_eq!(
            (phase, spread.count(), spread.mean(), spread.max()),
            (Phase::Total, 5, 1_000, 1_010)
        );
    }

    #[test]
    fn between_two_readings_is_what_came_since() {
        let total = place(0, phase::TOTAL, bucket(100));
        let before = Counted::from([(total, durations(2, 200, 101))]);
        let now = Counted::from([
            (total, durations(3, 300, 101)),
            (place(0, phase::ENDINGS, 0), durations(1, 0, 0)),
        ]);
        let grown = between(&before, &now);
        assert_eq!(grown[&total], durations(1, 100, 100));
        assert_eq!(grown.len(), 2);
        assert!(between(&now, &now).is_empty());
    }

    #[test]
    fn what_goes_on_counts_as_far_as_it_got_and_what_began_no_ending_does_not() {
        let open = Life {
            flags: life::FIN_RECEIVED,
            state: 8,
            entered_ns: 1_000,
            ..Life::default()
        };
        let closing = Life {
            flags: life::FIN_SENT | life::CALLED,
            close_ns: 500,
            entered_ns: 700,
            ..Life::default()
        };
        let told = |now| {
            let mut latencies = Latencies::in_kernel(By::All);
            let lives = [open, closing, Life::default()];
            add_remaining(
                &mut latencies,
                &lives,
                (By::All, false, MonoNs(now)),
                &nameless,
            );
            let group = latencies.groups()[0].1.clone();
            let total = group.phases().map(|(_, it)| it.max()).collect::<Vec<_>>();
            (group.endings, group.leaked, total)
        };
        assert_eq!(told(2_000), (2, 0, vec![200]));
        assert_eq!(told(1_000 + STILL_NS), (2, 1, vec![200]));
    }
}
