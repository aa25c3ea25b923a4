//! What happened to the clocks, at the end of the account in text.

use std::fmt;

use crate::{render::time::human, tally::Clocks};

/// `, the wall clock was set once by +1h00m`; nothing when nothing happened.
pub(super) fn told(clocks: Clocks) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let largest = human(clocks.largest_step_ns.unsigned_abs());
        let sign = if clocks.largest_step_ns < 0 { '-' } else { '+' };
        match clocks.steps {
            0 => {}
            1 => write!(f, ", the wall clock was set by {sign}{largest}")?,
            times => write!(
                f,
                ", the wall clock was set {times} times, by {sign}{largest} at most"
            )?,
        }
        let slept = human(clocks.suspended_ns);
        match clocks.suspends {
            0 => Ok(()),
            1 => write!(f, ", the machine slept {slept}"),
            times => write!(f, ", the machine slept {times} times, {slept} together"),
        }
    })
}
