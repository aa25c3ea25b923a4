//! Times and durations as lines show them.
//!
//! Reads no clock: the offset between the hooks' time and the wall's comes from outside.

use std::{collections::VecDeque, fmt};

use jiff::{Timestamp, tz::TimeZone};

use crate::model::{alignment::Fit, clock::Sample, time::MonoNs, wire::Sighting};

/// How the hooks' time maps to wall time, and the zone to show it in.
///
/// Times before the wall was set are told as they were then.
#[derive(Clone, Debug)]
pub struct WallClock {
    /// Nanoseconds from `CLOCK_MONOTONIC` to `CLOCK_REALTIME`, both read at one moment.
    offset_ns: i128,
    /// The sample the offset is of; `None` when there was none yet.
    held: Option<Sample>,
    /// When the latest sample was taken that agrees with it.
    agreed: MonoNs,
    /// Up to when the wall went by another offset, and by which; the oldest first.
    past: VecDeque<(MonoNs, i128)>,
    zone: TimeZone,
}

impl WallClock {
    /// Settings of the wall clock that are remembered.
    const REMEMBERED: usize = 16;

    /// A clock that goes by an offset from the beginning; people read times in `zone`, programs
    /// always get UTC.
    #[must_use]
    pub const fn new(offset_ns: i128, zone: TimeZone) -> Self {
        Self {
            offset_ns,
            held: None,
            agreed: MonoNs(0),
            past: VecDeque::new(),
            zone,
        }
    }

    /// Goes by a sample from the one before on, if that is another offset.
    ///
    /// Samples that agree differ by how well they were measured: the first of them stays, so that a
    /// moment has one name, whenever it is told.
    pub fn learn(&mut self, sample: &Sample) {
        if let Some(held) = &self.held
            && held.agrees(sample)
        {
            self.agreed = sample.at;
            return;
        }
        if self.held.replace(*sample).is_some() && self.agreed.0 > 0 {
            if self.past.len() == Self::REMEMBERED {
                self.past.pop_front();
            }
            self.past.push_back((self.agreed, self.offset_ns));
        }
        self.agreed = sample.at;
        self.offset_ns = sample.offset_ns;
    }

    fn offset_ns(&self, at: MonoNs) -> i128 {
        let then = self.past.iter().find(|(until, _)| at <= *until);
        then.map_or(self.offset_ns, |&(_, offset_ns)| offset_ns)
    }

    /// The point in UTC; the first or last representable one when it lies outside of year ±9999.
    #[must_use]
    pub fn utc(&self, at: MonoNs) -> Timestamp {
        Self::point(i128::from(at.0).saturating_add(self.offset_ns(at)))
    }

    /// The point this many nanoseconds after 1970 in UTC, likewise.
    fn point(ns: i128) -> Timestamp {
        let limit = if ns < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        Timestamp::from_nanosecond(ns).unwrap_or(limit)
    }

    /// RFC 3339 in UTC with nanoseconds: `2026-05-04T12:30:00.000000001Z`.
    pub(super) fn rfc3339(&self, at: MonoNs) -> impl fmt::Display + use<> {
        in_utc(self.utc(at))
    }

    /// When something was seen: as the wall's clock stamped it, else as it maps to it.
    pub(super) fn rfc3339_of(&self, seen: &Sighting) -> impl fmt::Display + use<> {
        let stamped = seen.captured.map(|it| Self::point(it.ns.into()));
        in_utc(stamped.unwrap_or_else(|| self.utc(seen.at)))
    }

    /// The zone's date and time to the second, and how far the zone is from UTC.
    pub(super) fn date(&self, at: MonoNs) -> impl fmt::Display + use<> {
        let local = self.utc(at).to_zoned(self.zone.clone());
        local.strftime("%F %T %:z").to_string()
    }

    /// The zone's time of day with microseconds: `14:30:00.000001`.
    pub(super) fn time_of_day(&self, at: MonoNs) -> impl fmt::Display + use<> {
        let local = self.zone.to_datetime(self.utc(at));
        fmt::from_fn(move |f| {
            let (hour, minute, second) = (local.hour(), local.minute(), local.second());
            let micros = local.subsec_nanosecond() / 1000;
            write!(f, "{hour:02}:{minute:02}:{second:02}.{micros:06}")
        })
    }
}

/// A moment of any clock that counts from 1970, RFC 3339 in UTC with nanoseconds.
pub(super) fn rfc3339(ns: i64) -> impl fmt::Display {
    in_utc(Timestamp::from_nanosecond(i128::from(ns)).unwrap_or(Timestamp::MAX))
}

/// How far a capture's clock is ahead of the wall clock that was recorded, in nanoseconds.
pub(super) fn ahead_ns(fit: &Fit, clock: &WallClock) -> i64 {
    let wall = clock.utc(fit.at).as_nanosecond();
    let ahead = i128::from(fit.capture_ns) - wall;
    i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX })
}

/// Parts in a million million, as parts in a million; to a thousandth.
pub(super) fn millionths(parts: i64) -> f64 {
    let thousandths = parts / 1_000;
    f64::from(i32::try_from(thousandths).unwrap_or(i32::MAX)) / 1_000.0
}

/// RFC 3339 in UTC with nanoseconds.
fn in_utc(utc: Timestamp) -> impl fmt::Display {
    fmt::from_fn(move |f| match digits(utc) {
        Some(text) => f.write_str(std::str::from_utf8(&text).unwrap_or_default()),
        None => write!(f, "{utc:.9}"),
    })
}

/// RFC 3339 of a time of the years 0 to 9999, digit by digit: half of a line's times are this.
fn digits(utc: Timestamp) -> Option<[u8; 30]> {
    let time = TimeZone::UTC.to_datetime(utc);
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    let number = |it: i8| u32::try_from(it).ok();
    let parts = [
        (u32::try_from(time.year()).ok()?, 3),
        (number(time.month())?, 6),
        (number(time.day())?, 9),
        (number(time.hour())?, 12),
        (number(time.minute())?, 15),
        (number(time.second())?, 18),
        (u32::try_from(time.subsec_nanosecond()).ok()?, 28),
    ];
    for (mut rest, last) in parts {
        for place in (0..=last).rev() {
            if rest == 0 {
                break;
            }
            let digit = u8::try_from(rest % 10).ok()?;
            *text.get_mut(place)? = b'0' + digit;
            rest /= 10;
        }
    }
    Some(text)
}

/// A duration in the unit people would say it in, three digits of it: `842ns`, `1.24ms`, `2m03s`.
#[must_use]
pub fn human(ns: u64) -> impl fmt::Display {
    fmt::from_fn(move |f| match ns {
        0..1_000 => write!(f, "{ns}ns"),
        1_000..1_000_000 => three_digits(f, ns, 1_000, "µs"),
        1_000_000..1_000_000_000 => three_digits(f, ns, 1_000_000, "ms"),
        1_000_000_000..60_000_000_000 => three_digits(f, ns, 1_000_000_000, "s"),
        60_000_000_000..3_600_000_000_000 => {
            let seconds = ns / 1_000_000_000;
            write!(f, "{}m{:02}s", seconds / 60, seconds % 60)
        }
        _ => {
            let minutes = ns / 60_000_000_000;
            write!(f, "{}h{:02}m", minutes / 60, minutes % 60)
        }
    })
}

/// Cut, not rounded, so that a unit never shows a thousand of itself.
fn three_digits(f: &mut fmt::Formatter<'_>, ns: u64, unit: u64, name: &str) -> fmt::Result {
    let whole = ns / unit;
    let thousandths = ns % unit * 1_000 / unit;
    match whole {
        0..10 => write!(f, "{whole}.{:02}{name}", thousandths / 10),
        10..100 => write!(f, "{whole}.{}{name}", thousandths / 100),
        _ => write!(f, "{whole}{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(offset_ns: i128) -> WallClock {
        WallClock::new(offset_ns, TimeZone::fixed(jiff::tz::offset(2)))
    }

    #[test]
    fn what_was_before_the_wall_was_set_is_told_as_it_was_then() {
        let mut clock = clock(5);
        let sample = |at, offset_ns| Sample {
            at: MonoNs(at),
            offset_ns,
            error_ns: 10,
            slept_ns: 0,
        };
        let told = |clock: &WallClock, at| clock.utc(MonoNs(at)).as_nanosecond();
        clock.learn(&sample(1_000, 100));
        assert_eq!(told(&clock, 10), 110);
        clock.learn(&sample(2_000, 110));
        assert_eq!(told(&clock, 10), 110);
        clock.learn(&sample(3_000, 50_000));
        clock.learn(&sample(4_000, 50_001));
        clock.learn(&sample(5_000, 0));
        assert_eq!(told(&clock, 2_000), 2_100);
        assert_eq!(told(&clock, 2_001), 52_001);
        assert_eq!(told(&clock, 4_000), 54_000);
        assert_eq!(told(&clock, 4_001), 4_001);
    }

    #[test]
    fn a_recording_without_the_times_of_samples_goes_by_the_last() {
        let mut clock = clock(5);
        for offset_ns in [100, 50_000] {
            clock.learn(&Sample {
                at: MonoNs(0),
                offset_ns,
                error_ns: 0,
                slept_ns: 0,
            });
        }
        assert_eq!(clock.utc(MonoNs(1)).as_nanosecond(), 50_001);
    }

    #[test]
    fn programs_get_utc_and_people_their_zone() {
        let clock = clock(1_777_897_800_000_000_000);
        let at = MonoNs(1_001_999);
        assert_eq!(
            clock.rfc3339(at).to_string(),
            "2026-05-04T12:30:00.001001999Z"
        );
        assert_eq!(clock.time_of_day(at).to_string(), "14:30:00.001001");
    }

    #[test]
    fn all_nanoseconds_are_shown_even_zeroes() {
        assert_eq!(
            clock(0).rfc3339(MonoNs(0)).to_string(),
            "1970-01-01T00:00:00.000000000Z"
        );
    }

    #[test]
    fn digits_say_what_the_library_says_of_any_time() {
        let day = 86_399_999_999_999_i128;
        for step in -1_000..3_000_i128 {
            let clock = clock(step * day * 31 + step);
            let at = MonoNs(987_654_321);
            let said = clock.rfc3339(at).to_string();
            assert_eq!(said, format!("{:.9}", clock.utc(at)));
        }
    }

    #[test]
    fn a_clock_out_of_range_shows_the_nearest_time() {
        assert_eq!(clock(i128::MAX).utc(MonoNs(u64::MAX)), Timestamp::MAX);
        assert_eq!(clock(i128::MIN).utc(MonoNs(0)), Timestamp::MIN);
    }

    #[test]
    fn durations_have_the_unit_people_would_use() {
        let cases = [
            (0, "0ns"),
            (999, "999ns"),
            (1_000, "1.00µs"),
            (12_345, "12.3µs"),
            (999_999, "999µs"),
            (1_240_000, "1.24ms"),
            (59_999_999_999, "59.9s"),
            (123_000_000_000, "2m03s"),
            (3_660_000_000_000, "1h01m"),
        ];
        for (ns, shown) in cases {
            assert_eq!(human(ns).to_string(), shown);
        }
    }
}
