//! The line through pairs of times that most of them agree on.
//!
//! Whole numbers throughout: the same pairs give the same line everywhere.

use super::{Bound, pair::Pair};
use crate::model::{
    alignment::{Assumption, Drift, Fit, Spread},
    time::MonoNs,
};

/// Nanoseconds by which offsets of one clock may differ by delays alone.
const DELAYS_NS: i64 = 2_000_000_000;

/// Clocks that drift apart by more than this part of the time are not looked for: no oscillator of
/// a computer is so bad.
const WORST_DRIFT: i64 = 2_000;

/// Pairs and sightings at the ends of time that tell a drift: fewer say nothing of its error.
const ENOUGH: usize = 8;

/// Parts in a million million that a drift has to be known to, to be told: clocks that are let
/// alone drift no less.
const SURE_PARTS: i64 = 20_000_000;

/// What a clock of which nothing is known drifts at the most, in such parts.
const USUAL_PARTS: i64 = 100_000_000;

const PARTS: i128 = 1_000_000_000_000;

/// Groups of pairs of one bound that the drift is told by.
const GROUPS: usize = 64;

/// A pair farther from the others of its bound than this is an outlier: sent again after the first
/// was lost, or held up by a full window.
const OUTLIER_NS: i64 = 50_000_000;

/// A line, and which of the pairs agree with it.
pub(super) struct Fitted {
    pub(super) fit: Fit,
    pub(super) agrees: Vec<bool>,
}

/// A pair: its time from the middle of all, and the offset of the clocks it tells from the first's.
#[derive(Clone, Copy, Debug)]
struct Point {
    x: i64,
    y: i64,
    bound: Bound,
}

/// Finds the line; `None` without pairs, or when no half of them agree.
pub(super) fn fit(pairs: &[Pair], resolution_ns: u64) -> Option<Fitted> {
    let (middle, base) = (middle(pairs)?, offset(pairs.first()?));
    let points: Option<Vec<_>> = pairs.iter().map(|pair| point(pair, middle, base)).collect();
    let points = points?;
    let mut agrees = crowd(&points)?;
    let mut slope = 0;
    let mut error = i64::MAX;
    for _ in 0..2 {
        let inliers = chosen(&points, &agrees);
        (slope, error) = drift(&inliers);
        // Even an unsure drift shows what was sent again, and what is unsure for that alone.
        agrees = near(&points, &agrees, slope);
    }
    let inliers = chosen(&points, &agrees);
    let known = error <= SURE_PARTS;
    let slope = if known { slope } else { 0 };
    let drifted = along(error.min(USUAL_PARTS), span(&inliers) / 2).unsigned_abs();
    let unsure_ns = resolution_ns.saturating_add(drifted);
    let (offset, error_ns, assumption) = place(&inliers, slope, unsure_ns)?;
    let capture_ns = i128::from(middle) + base + i128::from(offset);
    let fit = Fit {
        at: MonoNs(middle),
        capture_ns: i64::try_from(capture_ns).ok()?,
        error_ns,
        drift: known.then_some(Drift {
            parts: slope,
            error_parts: error,
        }),
        assumption,
        residual: spread(&inliers, slope, offset),
    };
    Some(Fitted { fit, agrees })
}

/// The middle of the time the pairs span.
fn middle(pairs: &[Pair]) -> Option<u64> {
    let times = || pairs.iter().map(|pair| pair.at);
    Some(times().min()?.midpoint(times().max()?))
}

fn offset(pair: &Pair) -> i128 {
    i128::from(pair.captured) - i128::from(pair.at)
}

fn point(pair: &Pair, middle: u64, base: i128) -> Option<Point> {
    let x = i128::from(pair.at) - i128::from(middle);
    Some(Point {
        x: i64::try_from(x).ok()?,
        y: i64::try_from(offset(pair) - base).ok()?,
        bound: pair.bound,
    })
}

fn chosen(points: &[Point], agrees: &[bool]) -> Vec<Point> {
    let both = points.iter().zip(agrees);
    both.filter(|it| *it.1).map(|it| *it.0).collect()
}

/// The points whose offsets lie closest together; `None` when they are fewer than half.
fn crowd(points: &[Point]) -> Option<Vec<bool>> {
    let span = span(points);
    let width = DELAYS_NS.saturating_add(span / WORST_DRIFT);
    let mut offsets: Vec<_> = points.iter().map(|it| it.y).collect();
    offsets.sort_unstable();
    let within = |low: i64| {
        let end = offsets.partition_point(|&it| it <= low.saturating_add(width));
        end - offsets.partition_point(|&it| it < low)
    };
    // Of equals the earliest: what was sent again came later, never sooner.
    let low = *offsets.iter().rev().max_by_key(|&&low| within(low))?;
    if within(low) * 2 < points.len() {
        return None;
    }
    let range = low..=low.saturating_add(width);
    Some(points.iter().map(|it| range.contains(&it.y)).collect())
}

/// The time from the first point to the last.
fn span(points: &[Point]) -> i64 {
    let times = || points.iter().map(|it| it.x);
    let (first, last) = (times().min(), times().max());
    first
        .zip(last)
        .map_or(0, |(first, last)| last.saturating_sub(first))
}

/// What a slope makes of a time.
fn along(slope: i64, x: i64) -> i64 {
    let y = i128::from(slope) * i128::from(x) / PARTS;
    i64::try_from(y).unwrap_or(0)
}

/// What is left of a point's offset without the drift.
fn level(point: &Point, slope: i64) -> i64 {
    point.y.saturating_sub(along(slope, point.x))
}

fn levels(points: &[Point], bound: Bound, slope: i64) -> Vec<i64> {
    let own = points.iter().filter(|it| it.bound == bound);
    let mut levels: Vec<_> = own.map(|it| level(it, slope)).collect();
    levels.sort_unstable();
    levels
}

/// How fast the clocks drift apart, and how far that may be off, in parts; an error beyond measure
/// when nothing tells.
///
/// Delays have a shortest and no longest, so groups of points are told by the one with the shortest;
/// the drift is the median of the slopes between groups (Theil and Sen).
fn drift(points: &[Point]) -> (i64, i64) {
    let span = span(points);
    if points.len() < ENOUGH || span == 0 {
        return (0, i64::MAX);
    }
    let mut slopes = Vec::new();
    let mut groups = Vec::new();
    for bound in Bound::ALL {
        let own = points.iter().filter(|it| it.bound == bound).copied();
        let tellers = tellers(own.collect(), bound);
        for (index, a) in tellers.iter().enumerate() {
            for b in tellers.iter().skip(index + 1) {
                let apart = b.x.saturating_sub(a.x);
                if apart >= (span / 8).max(1) {
                    let rise = i128::from(b.y) - i128::from(a.y);
                    slopes.push(rise * PARTS / i128::from(apart));
                }
            }
        }
        groups.push(tellers);
    }
    slopes.sort_unstable();
    let median = slopes.get(slopes.len() / 2).copied();
    let Some(slope) = median.and_then(|it| i64::try_from(it).ok()) else {
        return (0, i64::MAX);
    };
    (slope, doubt(&groups, slope, span))
}

/// The points that tell for groups of others, in the order of time.
fn tellers(mut points: Vec<Point>, bound: Bound) -> Vec<Point> {
    points.sort_unstable_by_key(|it| (it.x, it.y));
    let size = points.len().div_ceil(GROUPS).max(1);
    let teller = |group: &[Point]| match bound {
        Bound::Later => group.iter().min_by_key(|it| it.y).copied(),
        Bound::Earlier => group.iter().max_by_key(|it| it.y).copied(),
        Bound::About => {
            let mut group = group.to_vec();
            group.sort_unstable_by_key(|it| it.y);
            group.get(group.len() / 2).copied()
        }
    };
    points.chunks(size).filter_map(teller).collect()
}

/// How far a slope may be off: five standard errors of one through points that scatter as these do.
fn doubt(groups: &[Vec<Point>], slope: i64, span: i64) -> i64 {
    let mut scatter = Vec::new();
    for group in groups {
        let mut levels: Vec<_> = group.iter().map(|it| level(it, slope)).collect();
        levels.sort_unstable();
        let center = median(&levels);
        scatter.extend(levels.iter().map(|it| it.abs_diff(center)));
    }
    scatter.sort_unstable();
    let most = scatter.get(scatter.len() * 3 / 4).copied();
    let most = most.unwrap_or(u64::MAX);
    // Times are in microseconds at the worst. Three quarters of the distances are below one and a
    // sixth of the standard deviation; of few points that is found to half of it.
    let deviation = u128::from(most.max(1_000)) * 3 / 2;
    let count = u128::try_from(scatter.len()).unwrap_or(1).max(1);
    let root = (12_000_000 / count).isqrt();
    let span = u128::from(span.unsigned_abs()).max(1);
    let doubt = 5 * deviation * PARTS.unsigned_abs() / span * root / 1_000;
    i64::try_from(doubt).unwrap_or(i64::MAX)
}

/// Which points are near the others of their bound.
fn near(points: &[Point], agrees: &[bool], slope: i64) -> Vec<bool> {
    let inliers = chosen(points, agrees);
    let limits = Bound::ALL.map(|bound| {
        let levels = levels(&inliers, bound, slope);
        let center = median(&levels);
        let mut far: Vec<_> = levels.iter().map(|it| it.abs_diff(center)).collect();
        far.sort_unstable();
        let usual = far.get(far.len() / 2).copied().unwrap_or(0);
        let usual = i64::try_from(usual).unwrap_or(i64::MAX);
        let limit = usual.saturating_mul(15).max(OUTLIER_NS);
        (
            bound,
            center.saturating_sub(limit)..=center.saturating_add(limit),
        )
    });
    let is_near = |point: &Point| {
        let own = limits.iter().find(|(bound, _)| *bound == point.bound);
        own.is_some_and(|(_, range)| range.contains(&level(point, slope)))
    };
    points.iter().map(is_near).collect()
}

fn median(sorted: &[i64]) -> i64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

/// The offset at the middle, how far it may be off, and what was assumed.
///
/// `unsure_ns` is what the points themselves may be off by.
fn place(points: &[Point], slope: i64, unsure_ns: u64) -> Option<(i64, Option<u64>, Assumption)> {
    let later = levels(points, Bound::Later, slope);
    let earlier = levels(points, Bound::Earlier, slope);
    // One in a hundred may be wrong: a time stamp of a clock that was set.
    let high = later.get(later.len() / 100);
    let low = earlier.iter().rev().nth(earlier.len() / 100);
    match (low, high) {
        (Some(&low), Some(&high)) => {
            let error = high.abs_diff(low).div_ceil(2).saturating_add(unsure_ns);
            let assumed = Assumption::EqualShortest;
            Some((low.midpoint(high), Some(error), assumed))
        }
        (Some(&one), None) | (None, Some(&one)) => Some((one, None, Assumption::NoShortest)),
        (None, None) => {
            let about = levels(points, Bound::About, slope);
            let center = about.get(about.len() / 2)?;
            Some((*center, None, Assumption::NoShortest))
        }
    }
}

/// How far points are from the line.
fn spread(points: &[Point], slope: i64, offset: i64) -> Spread {
    let distance = |it: &Point| level(it, slope).abs_diff(offset);
    let mut distances: Vec<_> = points.iter().map(distance).collect();
    distances.sort_unstable();
    let last = distances.len().saturating_sub(1);
    let of = |percent: usize| {
        let index = (distances.len() * percent).div_ceil(100).saturating_sub(1);
        distances.get(index.min(last)).copied().unwrap_or(0)
    };
    Spread {
        p50: of(50),
        p99: of(99),
        max: of(100),
    }
}
