//! A flight recorder: the last of a run in bounded memory, to be saved as a recording of its own.
//!
//! ```text
//!   forgotten   │ before: what still matters of it     │ the window, in packed chunks
//!   ────────────┼──────────────────────────────────────┼──────────────────────────────► now
//!               │ sockets alive, processes, devices, … │ every entry, as it came
//! ```
//!
//! Entries in, entries out: no clock, no files. Time is what the entries say.

mod before;
mod kept;
mod lives;
#[cfg(test)]
mod tests;
mod window;

pub use window::{Flight, Limits};
