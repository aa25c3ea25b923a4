//! Tests of the correlator as a whole.

mod asking;
mod delaying;
mod holding;
mod joining;
mod naming;
mod opening;
mod phases;
mod properties;
mod resets;
mod world;
