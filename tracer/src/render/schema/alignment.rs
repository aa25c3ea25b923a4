//! The shape of an `alignment` line: a capture file, held against a recording.

use serde::Serialize;

use super::Text;
use crate::{
    model::{
        alignment::{Alignment as ModelAlignment, Drift, Fit, Spread},
        foreign::Foreign,
    },
    render::time::{WallClock, ahead_ns, millionths, rfc3339},
};

/// Body of an `alignment` line.
#[derive(Serialize)]
struct Alignment<'a, T> {
    file: Text<&'a Foreign>,
    recorded: u64,
    captured: u64,
    matches: u64,
    outliers: u64,
    unrelated: u64,
    translated: u64,
    capture_time: Option<T>,
    offset_ns: Option<i64>,
    error_ns: Option<u64>,
    drift_ppm: Option<f64>,
    drift_error_ppm: Option<f64>,
    residual_ns: Option<Residual>,
    assumption: Option<&'static str>,
}

/// How far matched segments are from it.
#[derive(Serialize)]
struct Residual {
    p50: u64,
    p99: u64,
    max: u64,
}

pub(in crate::render) fn alignment<'a>(
    alignment: &'a ModelAlignment,
    clock: &WallClock,
) -> impl Serialize + use<'a> {
    let fit = alignment.fit.as_ref();
    let drift = fit.and_then(|fit| fit.drift);
    let residual = |&Fit { residual, .. }: &Fit| {
        let Spread { p50, p99, max } = residual;
        Residual { p50, p99, max }
    };
    Alignment {
        file: Text(&alignment.file),
        recorded: alignment.recorded,
        captured: alignment.captured,
        matches: alignment.matches,
        outliers: alignment.outliers,
        unrelated: alignment.unrelated,
        translated: alignment.translated,
        capture_time: fit.map(|fit| Text(rfc3339(fit.capture_ns))),
        offset_ns: fit.map(|fit| ahead_ns(fit, clock)),
        error_ns: fit.and_then(|fit| fit.error_ns),
        drift_ppm: drift.map(|Drift { parts, .. }| millionths(parts)),
        drift_error_ppm: drift.map(|Drift { error_parts, .. }| millionths(error_parts)),
        residual_ns: fit.map(residual),
        assumption: fit.map(|fit| fit.assumption.code()),
    }
}
