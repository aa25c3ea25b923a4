//! Tests of the correlator as a whole.

mod asking;
mod holding;
mod joining;
mod phases;
mod properties;
