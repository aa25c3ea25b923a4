//! Deadlines of the lab: the one place here that reads a clock.

use std::time::{Duration, Instant};

/// A moment after which nothing more is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// When it was set.
    start: Instant,
    /// How long after that it is.
    time: Duration,
}

impl Deadline {
    /// A deadline this long from now.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test waits for real processes; nothing of the product's pipeline runs here"
    )]
    pub(crate) fn after(time: Duration) -> Self {
        Self {
            start: Instant::now(),
            time,
        }
    }

    /// The time that is left; zero when it has passed.
    pub(crate) fn left(&self) -> Duration {
        self.time.saturating_sub(self.start.elapsed())
    }

    /// The time since it was set.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
