//! Properties of the merge: order, and that nothing is lost or told twice.

use proptest::prelude::*;

use super::*;
use crate::model::{
    observation::What,
    process::{Actor, Comm, Task},
};

const TASK: Task = Task {
    pid: 1,
    tid: 1,
    comm: Comm([0; 16]),
    process_comm: Comm([0; 16]),
    start_ns: None,
    uid: 0,
    goroutine: None,
    exit: None,
    executing: false,
};

fn at(at: u64, cpu: u16, seq: u64) -> Observation {
    Observation {
        at: MonoNs(at),
        cpu,
        seq,
        actor: Actor::Unknown,
        what: What::ProcessExited { task: TASK },
    }
}

/// Takes out what is ready.
fn released(merge: &mut Merge, watermark: MonoNs) -> impl Iterator<Item = Observation> {
    std::iter::from_fn(move || merge.pop(watermark))
}

/// Takes out everything that is left.
fn finish(merge: &mut Merge) -> impl Iterator<Item = Observation> {
    released(merge, MonoNs(u64::MAX))
}

fn key(observation: &Observation) -> (MonoNs, u16, u64) {
    (observation.at, observation.cpu, observation.seq)
}

/// Every CPU counts its own records and splits them over two lanes, as the hooks do.
fn lanes(steps: &[(u8, bool, u8)]) -> Vec<Vec<Observation>> {
    let mut lanes = vec![Vec::new(); 8];
    let mut clocks = [0_u64; 4];
    for (number, &(cpu, lane, step)) in steps.iter().enumerate() {
        let cpu = usize::from(cpu % 4);
        clocks[cpu] += u64::from(step);
        let seq = u64::try_from(number).unwrap();
        let record = at(clocks[cpu], u16::try_from(cpu).unwrap(), seq);
        lanes[cpu * 2 + usize::from(lane)].push(record);
    }
    lanes
}

/// Takes the lanes' records in the order the picks say, each lane's own order kept.
fn interleave(mut lanes: Vec<Vec<Observation>>, picks: &[usize]) -> Vec<Observation> {
    for lane in &mut lanes {
        lane.reverse();
    }
    let mut arrivals = Vec::new();
    let mut picks = picks.iter().cycle();
    while lanes.iter().any(|lane| !lane.is_empty()) {
        let open: Vec<usize> = (0..lanes.len())
            .filter(|&lane| !lanes[lane].is_empty())
            .collect();
        let lane = open[picks.next().unwrap() % open.len()];
        arrivals.push(lanes[lane].pop().unwrap());
    }
    arrivals
}

/// Arrivals of a run, and after which of them the reader asks for what is ready.
fn run() -> impl Strategy<Value = (Vec<Observation>, Vec<bool>)> {
    let steps = proptest::collection::vec(any::<(u8, bool, u8)>(), 0..200);
    let picks = proptest::collection::vec(any::<usize>(), 1..200);
    let releases = proptest::collection::vec(any::<bool>(), 1..200);
    (steps, picks, releases)
        .prop_map(|(steps, picks, releases)| (interleave(lanes(&steps), &picks), releases))
}

proptest! {
    #[test]
    fn a_watermark_that_lags_gives_the_sorted_sequence((arrivals, releases) in run()) {
        let mut merge = Merge::new(usize::MAX);
        let mut out = Vec::new();
        for (index, (observation, release)) in
            arrivals.iter().zip(releases.iter().cycle()).enumerate()
        {
            prop_assert_eq!(merge.push(observation.clone()), None);
            // Nothing older than the oldest record still to come can arrive.
            let oldest = arrivals[index + 1..].iter().map(|it| it.at.0).min();
            if let Some(watermark) = oldest.and_then(|at| at.checked_sub(1)).filter(|_| *release) {
                while let Some(seen) = merge.oldest(MonoNs(watermark)) {
                    out.push(seen.clone());
                    merge.drop_oldest();
                }
            }
        }
        out.extend(finish(&mut merge));
        let mut sorted = arrivals;
        sorted.sort_by_key(key);
        prop_assert_eq!(out, sorted);
        prop_assert_eq!((merge.late(), merge.early(), merge.len()), (0, 0, 0));
    }

    #[test]
    fn nothing_is_lost_and_nothing_told_twice(
        (arrivals, releases) in run(),
        capacity in 0_usize..40,
        lag in 0_u64..2000,
    ) {
        let mut merge = Merge::new(capacity);
        let mut out = Vec::new();
        for (observation, release) in arrivals.iter().zip(releases.iter().cycle()) {
            out.extend(merge.push(observation.clone()));
            prop_assert!(merge.len() <= capacity);
            if *release {
                out.extend(released(&mut merge, observation.at.before(lag)));
            }
        }
        out.extend(finish(&mut merge));
        let out_of_order = out.windows(2).filter(|pair| key(&pair[0]) > key(&pair[1])).count();
        prop_assert!(merge.late() >= u64::try_from(out_of_order).unwrap());
        let mut expected = arrivals;
        expected.sort_by_key(key);
        out.sort_by_key(key);
        prop_assert_eq!(out, expected);
    }
}

#[test]
fn a_late_record_is_counted_and_comes_out_first() {
    let mut merge = Merge::new(10);
    for record in [at(10, 0, 1), at(20, 0, 2), at(30, 0, 3)] {
        assert_eq!(merge.push(record), None);
    }
    assert_eq!(released(&mut merge, MonoNs(20)).count(), 2);
    assert_eq!(merge.late(), 0);
    assert_eq!(merge.push(at(15, 1, 1)), None);
    assert_eq!(merge.late(), 1);
    let rest: Vec<_> = finish(&mut merge).map(|it| it.at.0).collect();
    assert_eq!(rest, [15, 30]);
}

#[test]
fn a_record_behind_the_watermark_is_not_late_while_nothing_younger_is_out() {
    let mut merge = Merge::new(10);
    assert_eq!(merge.push(at(10, 0, 1)), None);
    assert_eq!(released(&mut merge, MonoNs(100)).count(), 1);
    assert_eq!(merge.push(at(50, 0, 2)), None);
    assert_eq!(merge.late(), 0);
}

#[test]
fn a_full_merge_gives_up_its_oldest_record() {
    let mut merge = Merge::new(2);
    assert_eq!(merge.push(at(20, 0, 1)), None);
    assert_eq!(merge.push(at(10, 1, 1)), None);
    assert_eq!(merge.push(at(30, 0, 2)), Some(at(10, 1, 1)));
    assert_eq!((merge.early(), merge.late(), merge.len()), (1, 0, 2));
}

#[test]
fn records_that_share_a_number_keep_the_order_they_came_in() {
    let mut merge = Merge::new(10);
    let nested = |pid| Observation {
        what: What::ProcessExited {
            task: Task { pid, ..TASK },
        },
        ..at(10, 0, 1)
    };
    for pid in [3, 1, 2] {
        assert_eq!(merge.push(nested(pid)), None);
    }
    let out: Vec<_> = finish(&mut merge).collect();
    assert_eq!(out, [nested(3), nested(1), nested(2)]);
}

#[test]
fn runs_are_used_again() {
    let mut merge = Merge::new(4);
    for number in 0..1000 {
        assert_eq!(merge.push(at(number, 0, number)), None);
        assert_eq!(released(&mut merge, MonoNs(number)).count(), 1);
    }
    assert_eq!(merge.runs.len(), 1);
}

#[test]
fn there_are_no_more_runs_than_streams() {
    let mut merge = Merge::new(10_000);
    for round in 0..100 {
        for cpu in 0..4 {
            for number in round * 10..round * 10 + 10 {
                assert_eq!(merge.push(at(number, cpu, number)), None);
            }
        }
        let younger = MonoNs(round * 10).before(5);
        assert!(released(&mut merge, younger).count() <= 44);
    }
    assert!(merge.runs.len() <= 4, "{}", merge.runs.len());
}
