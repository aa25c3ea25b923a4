//! A walk of clocks that are slewed, set and suspended: what is told of them is true.

use proptest::{collection, prelude::*};

use super::*;

/// What happens between two samples, each part at a share of the time between.
#[derive(Clone, Debug)]
struct Turn {
    /// How long it lasts, by the hooks' clock.
    lasts_ns: u64,
    /// Nanoseconds the wall is set by, if it is.
    step_ns: Option<i64>,
    /// Nanoseconds the machine sleeps, if it does.
    sleep_ns: Option<u64>,
    /// When in it that happens, in thousandths.
    happens: u64,
    /// When in it segments are stamped, in thousandths.
    stamps: Vec<u64>,
    /// Half of the bracket of the sample at its end, and how far in it the truth is off.
    bracket_ns: (u64, i64),
}

fn turn() -> impl Strategy<Value = Turn> {
    let step = prop_oneof![
        Just(3_600_000_000_000_i64),
        Just(-3_600_000_000_000_i64),
        -60_000_000..60_000_000_i64,
        -200..200_i64,
    ];
    let lasts = prop_oneof![4 => 1_000_000..20_000_000_u64, 1 => 20_000_000..900_000_000_u64];
    let bracket = prop_oneof![8 => 20..500_u64, 1 => 500..3_000_000_u64];
    (
        lasts,
        proptest::option::weighted(0.2, step),
        proptest::option::weighted(0.1, 1_000_000..10_000_000_000_u64),
        0..=1000_u64,
        collection::vec(0..=1000_u64, 0..6),
        (bracket, -1000..=1000_i64),
    )
        .prop_map(
            |(lasts_ns, step_ns, sleep_ns, happens, stamps, (half, off))| Turn {
                lasts_ns,
                step_ns,
                sleep_ns,
                happens,
                stamps,
                bracket_ns: (half, off * i64::try_from(half).unwrap() / 1000),
            },
        )
}

/// A sample of true clocks, off by no more than it says.
fn sample(at: u64, offset: i128, slept: i128, (half, off): (u64, i64)) -> Sample {
    Sample {
        at: MonoNs(at.checked_add_signed(-off).unwrap()),
        offset_ns: offset + i128::from(off),
        error_ns: half,
        slept_ns: slept + i128::from(off),
    }
}

const START: u64 = 1_000_000_000_000;
const WALL: i128 = 1_700_000_000_000_000_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_segment_has_a_time_within_its_error_or_none(turns in collection::vec(turn(), 1..40)) {
        let (mut now, mut offset, mut slept) = (START, WALL, 0_i128);
        let mut history = History::new(sample(now, offset, slept, (100, 30)));
        let (mut steps, mut sleeps) = (0, 0);
        for turn in turns {
            let at = |share: u64| now + turn.lasts_ns / 1000 * share;
            let slept_now = i128::from(turn.sleep_ns.unwrap_or(0));
            let moved = i128::from(turn.step_ns.unwrap_or(0)) + slept_now;
            let wall = |at: u64| {
                let moved = if at > now + turn.lasts_ns / 1000 * turn.happens { moved } else { 0 };
                i64::try_from(i128::from(at) + offset + moved).unwrap()
            };
            let stamped: Vec<_> = turn.stamps.iter().map(|&it| (at(it), wall(at(it)))).collect();
            now += turn.lasts_ns;
            offset += moved;
            slept += slept_now;
            let last = *history.samples.back().unwrap();
            let this = sample(now, offset, slept, turn.bracket_ns);
            let change = history.push(this);
            let errors = i128::from(last.error_ns + this.error_ns);
            // What is larger than the errors ever make it is told, and with its size.
            let step = turn.step_ns.map_or(0, i128::from);
            if step == 0 && slept_now == 0 {
                prop_assert_eq!(change, None);
            }
            let (told, told_sleep) = change.map_or((0, 0), |it| (it.step_ns, it.slept_ns));
            if step.abs() > errors * 4 {
                // A sleep no sample can tell from its error is part of the step.
                prop_assert!((told + told_sleep - step - slept_now).abs() <= errors * 2);
                prop_assert!(told != 0);
            }
            if slept_now > errors * 2 {
                prop_assert!((told_sleep - slept_now).abs() <= errors);
            }
            steps += u64::from(told != 0);
            sleeps += u64::from(told_sleep != 0);
            for (truth, wall) in stamped {
                let Some(timed) = history.hooks_time(wall) else {
                    // Only a stamp that another moment could have too has none.
                    prop_assert!(moved != 0 || steps > 0 || turn.bracket_ns.0 > 1_000_000);
                    continue;
                };
                let off = timed.at.0.abs_diff(truth);
                prop_assert!(off <= timed.error_ns.unwrap(), "{off} {timed:?}");
                prop_assert!(timed.error_ns.unwrap() <= 20_000_000);
            }
        }
        let told = history.clocks();
        prop_assert_eq!((told.steps, told.suspends), (steps, sleeps));
    }

    #[test]
    fn clocks_that_were_not_set_leave_no_segment_without_a_time(
        turns in collection::vec((1_000_000..900_000_000_u64, 20..3_000_u64, 0..=1000_u64), 1..200),
    ) {
        let mut now = START;
        let mut history = History::new(sample(now, WALL, 0, (100, -40)));
        for (lasts, error, share) in turns {
            let truth = now + lasts / 1000 * share;
            now += lasts;
            let change = history.push(sample(now, WALL, 0, (error, 0)));
            prop_assert_eq!(change, None);
            let wall = i64::try_from(i128::from(truth) + WALL).unwrap();
            let timed = history.hooks_time(wall).unwrap();
            prop_assert!(timed.error_ns.unwrap() <= 2 * 3_000);
            prop_assert!(timed.at.0.abs_diff(truth) <= timed.error_ns.unwrap());
        }
    }
}

/// Samples 15 ms apart, the wall set by so much between the last two, and a stamp 5 ms before the
/// setting and one 5 ms after it.
fn around(step_ns: i64) -> [Option<Timed>; 2] {
    let ms = 1_000_000;
    let mut history = History::new(sample(START, WALL, 0, (50, 0)));
    history.push(sample(START + 15 * ms, WALL, 0, (50, 0)));
    let stepped = WALL + i128::from(step_ns);
    history.push(sample(START + 30 * ms, stepped, 0, (50, 0)));
    [(17 * ms, 0), (27 * ms, step_ns)].map(|(at, by)| {
        let wall = i128::from(START + at) + WALL + i128::from(by);
        history.hooks_time(i64::try_from(wall).unwrap())
    })
}

#[test]
fn segments_on_both_sides_of_a_large_step_are_told_apart() {
    for step_ns in [
        3_600_000_000_000,
        -3_600_000_000_000,
        50_000_000,
        -50_000_000,
    ] {
        let [before, after] = around(step_ns).map(Option::unwrap);
        assert_eq!(before.at, MonoNs(START + 17_000_000));
        assert_eq!(after.at, MonoNs(START + 27_000_000));
        assert_eq!((before.error_ns, after.error_ns), (Some(50), Some(50)));
    }
}

#[test]
fn a_step_shorter_than_a_turn_leaves_a_doubt_as_long_as_itself_and_says_so() {
    let [before, after] = around(-3_000_000).map(Option::unwrap);
    for (timed, truth) in [(before, START + 17_000_000), (after, START + 27_000_000)] {
        assert_eq!(timed.error_ns, Some(1_500_050));
        assert!(timed.at.0.abs_diff(truth) <= 1_500_050);
    }
}

#[test]
fn a_stamp_from_no_time_that_was_sampled_has_none() {
    let history = {
        let mut history = History::new(sample(START, WALL, 0, (50, 0)));
        history.push(sample(START + 1_000, WALL, 0, (50, 0)));
        history
    };
    assert_eq!(history.hooks_time(0), None);
    assert_eq!(history.hooks_time(i64::MAX), None);
}
