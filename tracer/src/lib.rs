//! finrst: who ended a TCP connection, when and why.
//!
//! ```text
//! kernel hook ─► record ─► Source ─► decode ─► order ─► correlate ─► diagnose ─► render
//! tracer-ebpf    common    probe     bytes→    by time  sockets →    rules →     one file
//!                                    meaning            endings      causes      per format
//! ```
//!
//! Everything from `decode` to `render` is plain calls on values; no stage there reads a clock.

pub mod model;
pub mod probe;
