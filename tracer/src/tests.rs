//! Values for property tests of several rooms.

pub(crate) mod arbitrary;
