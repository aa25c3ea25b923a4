//! Closes that end nothing, where nobody asked for them to be told.

use std::time::Duration;

use super::{
    Lab, Test, compare, played, scenes,
    told::{Ending, Kind},
    tracer::Tracer,
};
use crate::scene::truth::Told;

/// The tests, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[("held_open/unasked", unasked)];

/// Where functions are hooked they are told all the same; by tracepoints alone they are not, and the
/// close that ends the connection is told as it is everywhere.
fn unasked(lab: &Lab) -> anyhow::Result<()> {
    let mut tracer = Tracer::start(lab.trace(&[]), lab.patience(Duration::from_secs(10)))?;
    let mut told: Told = played::play("dup", &[])?;
    if !lab.functions {
        told.expected.retain(|it| it.kind() != Kind::HeldOpen);
    }
    let all = |endings: &[Ending]| scenes::complete(lab, &told, endings);
    tracer.watch(lab.patience(scenes::SETTLED), all)?;
    let ended = tracer.stop()?;
    compare::compare(lab, &told.expected, &ended.endings)?;
    scenes::accounted(ended.summary)
}
