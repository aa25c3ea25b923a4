//! Tests of the correlator as a whole.

mod holding;
mod joining;
mod phases;
mod properties;
