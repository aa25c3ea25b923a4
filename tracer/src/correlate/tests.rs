//! Tests of the correlator as a whole.

mod properties;
