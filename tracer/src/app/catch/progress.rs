//! How far the wait is, for people who watch.

use crate::app::output;

/// What there is to say.
pub(super) struct Progress {
    /// Nanoseconds waited so far.
    pub(super) waited_ns: u64,
    /// Endings seen, whatever they were.
    pub(super) endings: u64,
    /// Endings caught.
    pub(super) caught: u64,
    /// Endings to be caught.
    pub(super) count: u64,
    /// Nanoseconds that are kept.
    pub(super) kept_ns: u64,
    /// Bytes these take.
    pub(super) taken: usize,
    /// Bytes they may take.
    pub(super) memory: usize,
}

/// Shows it in place of what was shown before; short enough for a narrow terminal.
pub(super) fn show(progress: &Progress) {
    let seconds = |ns: u64| ns / 1_000_000_000;
    output::progress(format_args!(
        "finrst: {} s, {} endings seen, {} of {} caught; {} s kept in {} of {} MiB",
        seconds(progress.waited_ns),
        progress.endings,
        progress.caught,
        progress.count,
        seconds(progress.kept_ns),
        tenths(progress.taken),
        tenths(progress.memory),
    ));
}

/// Mebibytes, to a tenth.
fn tenths(bytes: usize) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    format!("{}.{}", tenths / 10, tenths % 10)
}
