//! The account at the end of a run.

use serde::Deserialize;

/// The account of a capture.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Capture {
    /// Frames that passed its filter.
    pub(crate) frames: u64,
    /// Of these, those it had no room for.
    pub(crate) dropped: u64,
    /// Segments without a time.
    pub(crate) untimed: u64,
}

/// The closing account.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Summary {
    /// Records the hooks meant to send.
    pub(crate) emitted: u64,
    /// Records that arrived.
    pub(crate) received: u64,
    /// Records that did not.
    pub(crate) lost: u64,
    /// Runs of hooks the kernel skipped; `None` where it does not count them.
    pub(crate) missed: Option<u64>,
    /// Records that arrived and made no sense.
    pub(crate) undecodable: u64,
    /// What became of captured frames; `None` without a capture.
    pub(crate) capture: Option<Capture>,
    /// What happened to the clocks.
    pub(crate) clock: Option<Clock>,
    /// Endings told before the capture was read up to them.
    pub(crate) hurried: u64,
    /// Segments no ending tells; `None` without a capture.
    pub(crate) unjoined_segments: Option<u64>,
    /// Endings printed.
    pub(crate) endings: u64,
    /// Things forgotten because a bound was reached.
    pub(crate) evicted: u64,
}

/// What happened to the clocks.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Clock {
    /// How often the wall was set.
    pub(crate) steps: u64,
    /// By how many nanoseconds the time that was most.
    pub(crate) largest_step_ns: i64,
    /// Within how many nanoseconds all samples are true.
    pub(crate) error_max_ns: u64,
}
