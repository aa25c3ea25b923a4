//! Reaching into the kernel: what it offers, what it keeps where, and the hooks.

pub mod btf;
pub mod offsets;
pub mod system;
