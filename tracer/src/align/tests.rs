//! Clocks that are off, drift and jitter are found; what is another's never is.

use proptest::prelude::*;

use super::*;
use crate::model::{
    alignment::Assumption,
    segment::{CaptureClock, CaptureTime, Device, Direction},
};

/// Where the hooks' time and the capture's begin.
const HERE: u64 = 50_000_000_000;
const THERE: i64 = 1_777_000_000_000_000_000;

/// A recording and a capture of the same connections.
#[derive(Debug)]
struct World {
    marks: Vec<Mark>,
    captured: Vec<Seen>,
    noise: Noise,
}

/// Numbers that look like chance, the same each time.
#[derive(Debug)]
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 16) % limit.max(1)
    }
}

#[derive(Clone, Copy, Debug)]
struct Weather {
    seed: u64,
    segments: u64,
    span_s: u64,
    /// Parts in a million.
    drift: i64,
    /// The shortest way in either direction.
    way_ns: u64,
    jitter_ns: u64,
    /// Of a thousand segments: first sendings the capture did not get.
    lost: u64,
    resolution_ns: u64,
}

fn weather() -> impl Strategy<Value = Weather> {
    (
        1..u64::MAX,
        20..600_u64,
        2..4_000_u64,
        -400..400_i64,
        0..80_000_000_u64,
        0..200_000_u64,
        0..100_u64,
        prop::sample::select(vec![1, 1_000]),
    )
        .prop_map(
            |(seed, segments, span_s, drift, way_ns, jitter_ns, lost, resolution_ns)| Weather {
                seed,
                segments,
                span_s,
                drift,
                way_ns,
                jitter_ns,
                lost,
                resolution_ns,
            },
        )
}

impl Weather {
    fn clock(self, at: u64) -> i64 {
        let since = i64::try_from(at - HERE).unwrap();
        let gained = i128::from(since) * i128::from(self.drift) / 1_000_000;
        let ns = THERE + since + i64::try_from(gained).unwrap();
        let step = i64::try_from(self.resolution_ns).unwrap();
        ns / step * step
    }
}

fn ends(port: u64) -> Ends {
    let port = 1_024 + u16::try_from(port % 60_000).unwrap();
    let here = SocketAddr::from(([10, 0, 0, 1], port));
    (here, SocketAddr::from(([10, 0, 0, 2], 80)))
}

fn seen(ends: Ends, flags: u8, seq: u32, ns: i64) -> Seen {
    Seen {
        at: Some(CaptureTime {
            clock: CaptureClock::File,
            ns,
        }),
        device: Device::Interface(0),
        direction: Direction::Unknown,
        vlan: None,
        headers: Headers {
            source: ends.0,
            destination: ends.1,
            seq,
            ack: 1,
            flags: SegmentFlags(flags),
            payload_bytes: 0,
            window: 0,
            timestamps: None,
        },
    }
}

fn generate(weather: Weather) -> World {
    let mut noise = Noise(weather.seed);
    let (mut marks, mut captured) = (Vec::new(), Vec::new());
    for index in 0..weather.segments {
        let span = weather.span_s * 1_000_000_000;
        // The first and the last are there, so that the span is what it is said to be.
        let at = match index {
            0 | 1 => 0,
            2 | 3 => span,
            _ => noise.below(span),
        };
        let at = HERE + 1_000_000_000 + at;
        let (flow, seq) = (
            noise.below(60_000),
            u32::try_from(noise.next() >> 32).unwrap(),
        );
        let delay = weather.way_ns + noise.below(weather.jitter_ns + 1);
        let later = index % 2 == 0;
        let (ends, there, bound) = if later {
            (ends(flow), at + delay, Bound::Later)
        } else {
            let (here, peer) = ends(flow);
            ((peer, here), at - delay, Bound::Earlier)
        };
        let (flags, sign) = if noise.below(2) == 0 {
            (SegmentFlags::FIN | SegmentFlags::ACK, Sign::Fin(seq))
        } else {
            (SegmentFlags::RST, Sign::Reset(seq))
        };
        marks.push(Mark {
            ends,
            sign,
            at: MonoNs(at),
            bound,
        });
        let lost = index > 3 && noise.below(1_000) < weather.lost;
        if !lost {
            captured.push(seen(ends, flags, seq, weather.clock(there)));
        }
        if lost || noise.below(10) == 0 {
            let again = there + 200_000_000 + noise.below(1_000_000_000);
            captured.push(seen(ends, flags, seq, weather.clock(again)));
        }
        if noise.below(5) == 0 {
            // A copy on another device.
            let copy = weather.clock(there + noise.below(3_000));
            captured.push(seen(ends, flags, seq, copy));
        }
        // Another connection of the same ends, and one of the same tuple at another time.
        let stranger = u32::try_from(noise.next() >> 32).unwrap();
        let whenever = weather.clock(HERE + noise.below(span));
        captured.push(seen(ends, flags, stranger, whenever));
    }
    World {
        marks,
        captured,
        noise,
    }
}

/// How far the clock that was found is from the true one, at a time.
fn distance(weather: Weather, found: &Found, at: u64) -> u64 {
    let fit = found.fit.as_ref().unwrap();
    fit.hooks_time(weather.clock(at)).unwrap().0.abs_diff(at)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_clock_is_found_within_what_is_said_of_it(weather in weather()) {
        let world = generate(weather);
        let found = align(&world.marks, &world.captured, weather.resolution_ns);
        let fit = found.fit.unwrap();
        prop_assert_eq!(fit.assumption, Assumption::EqualShortest);
        // Both ways are equally long, so the middle is where the truth is.
        let off = distance(weather, &found, fit.at.0);
        prop_assert!(off <= fit.error_ns.unwrap(), "{} off: {:?}", off, fit);
        if let Some(drift) = fit.drift {
            let off = (drift.parts - weather.drift * 1_000_000).abs();
            prop_assert!(off <= drift.error_parts, "{} off: {:?}", off, fit);
            for at in [HERE + 1_000_000_000, HERE + weather.span_s * 1_000_000_000] {
                let off = distance(weather, &found, at);
                prop_assert!(off <= fit.error_ns.unwrap(), "{} off: {:?}", off, fit);
            }
        }
        prop_assert!(found.matches + found.outliers <= weather.segments);
        prop_assert!(found.matches >= weather.segments * 3 / 4, "{:?}", found);
        prop_assert!(fit.residual.p50 <= fit.residual.p99 && fit.residual.p99 <= fit.residual.max);
        prop_assert!(found.translated.is_empty());
    }

    #[test]
    fn a_long_trace_tells_its_drift(mut weather in weather()) {
        weather.segments += 50;
        weather.span_s += 60;
        let world = generate(weather);
        let found = align(&world.marks, &world.captured, weather.resolution_ns);
        prop_assert!(found.fit.unwrap().drift.is_some());
    }

    #[test]
    fn another_time_of_the_same_tuples_never_aligns(mut weather in weather()) {
        let world = generate(weather);
        weather.seed = world.noise.0;
        let other = generate(weather);
        let found = align(&world.marks, &other.captured, weather.resolution_ns);
        // Of millions of pairs one may have a number in common by chance.
        prop_assert!(found.fit.is_none() && found.matches == 0 && found.outliers <= 1);
        prop_assert!(found.translated.is_empty());
    }

    #[test]
    fn translated_addresses_are_found_again(weather in weather()) {
        let mut world = generate(weather);
        let outside = SocketAddr::from(([192, 0, 2, 1], 0));
        let outside = |end: SocketAddr| match end.ip().to_string().as_str() {
            "10.0.0.1" => SocketAddr::new(outside.ip(), end.port() ^ 0x55),
            _ => end,
        };
        for seen in &mut world.captured {
            seen.headers.source = outside(seen.headers.source);
            seen.headers.destination = outside(seen.headers.destination);
        }
        let found = align(&world.marks, &world.captured, weather.resolution_ns);
        let fit = found.fit.unwrap();
        prop_assert!(distance(weather, &found, fit.at.0) <= fit.error_ns.unwrap());
        for (there, here) in &found.translated {
            prop_assert_eq!((outside(here.0), outside(here.1)), *there);
        }
        prop_assert!(!found.translated.is_empty());
    }
}

const CALM: Weather = Weather {
    seed: 7,
    segments: 40,
    span_s: 30,
    drift: 50,
    way_ns: 100_000,
    jitter_ns: 2_000,
    lost: 0,
    resolution_ns: 1,
};

#[test]
fn few_matches_tell_an_offset_and_no_drift() {
    for segments in [1, 2, 7] {
        let weather = Weather { segments, ..CALM };
        let world = generate(weather);
        let found = align(&world.marks, &world.captured, 1);
        let fit = found.fit.unwrap();
        assert_eq!((found.matches, fit.drift), (segments, None));
        // What the drift made of the span is what is left.
        assert!(distance(weather, &found, fit.at.0) < 2_000_000, "{fit:?}");
    }
}

#[test]
fn a_short_burst_of_many_tells_no_drift() {
    let weather = Weather {
        span_s: 1,
        jitter_ns: 2_000_000,
        ..CALM
    };
    let world = generate(weather);
    let fit = align(&world.marks, &world.captured, 1).fit.unwrap();
    assert_eq!(fit.drift, None);
}

#[test]
fn one_direction_alone_is_taken_for_immediate_and_says_so() {
    let mut world = generate(CALM);
    world.marks.retain(|mark| mark.bound == Bound::Later);
    let found = align(&world.marks, &world.captured, 1);
    let fit = found.fit.unwrap();
    assert_eq!(
        (fit.assumption, fit.error_ns),
        (Assumption::NoShortest, None)
    );
    let off = distance(CALM, &found, fit.at.0);
    assert!((99_000..110_000).contains(&off), "{off}");
}

#[test]
fn two_translated_segments_prove_nothing() {
    for (segments, aligned) in [(2, false), (3, true)] {
        let weather = Weather {
            segments,
            span_s: 1,
            ..CALM
        };
        let mut world = generate(weather);
        for seen in &mut world.captured {
            for end in [&mut seen.headers.source, &mut seen.headers.destination] {
                if end.port() != 80 {
                    end.set_port(7);
                }
            }
        }
        let found = align(&world.marks, &world.captured, 1);
        assert_eq!(found.fit.is_some(), aligned, "{found:?}");
    }
}

#[test]
fn matches_that_contradict_each_other_are_no_alignment() {
    let mut world = generate(CALM);
    for (index, seen) in world.captured.iter_mut().enumerate() {
        // As if the clock jumped by ten seconds between any two segments.
        let jump = 10_000_000_000 * i64::try_from(index).unwrap();
        seen.at.as_mut().unwrap().ns += jump;
    }
    let found = align(&world.marks, &world.captured, 1);
    assert_eq!((found.fit, found.matches), (None, 0));
    assert!(found.outliers > 0);
}

#[test]
fn a_refusal_is_known_by_what_it_acknowledges() {
    let ends = ends(1);
    let refusal = |ack: u32| {
        let mut seen = seen(ends, SegmentFlags::RST | SegmentFlags::ACK, 0, THERE);
        seen.headers.ack = ack;
        seen
    };
    assert_eq!(Sign::of(&refusal(9).headers), Some(Sign::Refusal(9)));
    let mark = Mark {
        ends,
        sign: Sign::Refusal(9),
        at: MonoNs(HERE),
        bound: Bound::Later,
    };
    assert!(align(&[mark], &[refusal(9)], 1).fit.is_some());
    assert!(align(&[mark], &[refusal(8)], 1).fit.is_none());
}

#[test]
fn nothing_aligns_with_nothing() {
    assert_eq!(align(&[], &[], 1), Found::default());
    let world = generate(CALM);
    assert_eq!(align(&world.marks, &[], 1), Found::default());
    assert_eq!(align(&[], &world.captured, 1), Found::default());
}
