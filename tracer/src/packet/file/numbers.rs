//! Numbers of either byte order, and the ticks of a capture's clock.

/// The byte order of a file or section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Little,
    Big,
}

impl Order {
    pub(super) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) const fn i64(self, bytes: [u8; 8]) -> i64 {
        match self {
            Self::Little => i64::from_le_bytes(bytes),
            Self::Big => i64::from_be_bytes(bytes),
        }
    }
}

/// How the time stamps of an interface count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticks {
    /// Ticks in a second.
    per_second: u128,
    /// Seconds from 1970 to where they start.
    start: i64,
}

impl Ticks {
    pub(super) const MICROSECONDS: Self = Self::decimal(1_000_000);
    pub(super) const NANOSECONDS: Self = Self::decimal(1_000_000_000);

    const fn decimal(per_second: u128) -> Self {
        Self {
            per_second,
            start: 0,
        }
    }

    /// By the options `if_tsresol` and `if_tsoffset` of pcapng.
    ///
    /// The highest bit chooses powers of two instead of ten. `None` for more ticks than count.
    pub(super) fn new(resolution: u8, start: i64) -> Option<Self> {
        let base: u128 = if resolution & 0x80 == 0 { 10 } else { 2 };
        let per_second = base.checked_pow(u32::from(resolution & 0x7f))?;
        Some(Self { per_second, start })
    }

    /// Ticks in a second.
    pub(super) const fn per_second(self) -> u128 {
        self.per_second
    }

    /// Nanoseconds since 1970, rounded down; the nearest possible when out of range.
    pub(super) fn ns(self, ticks: u64) -> i64 {
        const SECOND: i128 = 1_000_000_000;
        let ticks = u128::from(ticks);
        let seconds = ticks.checked_div(self.per_second).unwrap_or(0);
        let rest = ticks.checked_rem(self.per_second).unwrap_or(0);
        let rest = (rest * SECOND.unsigned_abs())
            .checked_div(self.per_second)
            .unwrap_or(0);
        // Both below 2 to the 64th, so nothing overflows.
        let seconds = i128::try_from(seconds).unwrap_or(i128::from(u64::MAX));
        let rest = i128::try_from(rest).unwrap_or(0);
        let ns = (seconds + i128::from(self.start)) * SECOND + rest;
        let range = i128::from(i64::MIN)..=i128::from(i64::MAX);
        i64::try_from(ns.clamp(*range.start(), *range.end())).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_every_resolution_become_nanoseconds() {
        for (resolution, start, ticks, expected) in [
            (6, 0, 1_500_000, 1_500_000_000),
            (9, 0, 1_500_000_000, 1_500_000_000),
            (0, 0, 3, 3_000_000_000),
            (3, 10, 1, 10_001_000_000),
            (6, -2, 1, -1_999_999_000),
            (0x80, 0, 7, 7_000_000_000),
            (0x8a, 0, 1_536, 1_500_000_000),
            (0xa0, 0, 0x5_8000_0000, 5_500_000_000),
            (12, 0, 1_999, 1),
            (38, 0, u64::MAX, 0),
            (0, 0, u64::MAX, i64::MAX),
            (0, i64::MIN, 0, i64::MIN),
        ] {
            let ticks_of = Ticks::new(resolution, start).unwrap();
            assert_eq!(ticks_of.ns(ticks), expected, "{resolution:#x} {start}");
        }
    }

    #[test]
    fn a_clock_too_fine_to_count_is_refused() {
        assert_eq!(Ticks::new(39, 0), None);
        assert!(Ticks::new(0xff, 0).is_some());
    }
}
