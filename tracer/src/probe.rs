//! The kernel's side seen from user space: what can be hooked, loading it, and reading what it says.
//!
//! Nothing here knows what a record means.

pub mod attach;
pub mod btf;
pub mod buffer;
pub mod callers;
pub mod catalog;
pub mod counts;
pub mod devices;
pub mod filter;
pub mod gathered;
pub mod goroutines;
pub mod held;
mod library;
mod mapping;
mod missed;
pub mod object;
pub mod offsets;
pub mod perf;
pub mod plan;
pub mod ring;
pub mod session;
pub mod source;
pub mod system;
mod tick;
pub mod touches;
mod verdicts;
pub mod way;
