//! finrst: who ended a TCP connection, when and why.
//!
//! ```text
//! kernel hook ─► record ─► Source ─► decode ─► order ─► correlate ─► diagnose ─► render
//! tracer-ebpf    common    probe     bytes→    by time  sockets →    rules →     one file
//!                                    meaning            endings      causes      per format
//! ```
//!
//! Everything from `decode` to `render` is plain calls on values; no stage there reads a clock.

pub mod align;
pub mod app;
pub mod cli;
pub mod confine;
pub mod correlate;
pub mod decode;
pub mod diagnose;
pub mod enrich;
pub mod exit;
pub mod flight;
pub mod go;
pub mod latency;
pub mod leaks;
pub mod model;
pub mod order;
pub mod packet;
pub mod pipeline;
pub mod probe;
pub mod record;
pub mod render;
pub mod replay;
pub mod report;
pub mod tally;

#[cfg(test)]
mod tests;
