//! Tests of the walker: by hand, against a naive model, and against damage.

pub(in crate::probe) mod blob;
mod damage;
mod model;
mod walk;
