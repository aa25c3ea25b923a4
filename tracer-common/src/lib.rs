//! The contract between the kernel half and the user half: records, settings, counters.
//!
//! Plain bytes with a meaning; no behaviour beyond reading a tag, no aya, no unsafe.
#![no_std]

mod layout;

pub mod count;
pub mod event;
pub mod flow;
pub mod gather;
pub mod settings;
pub mod socket;
pub mod task;
pub mod touch;

/// Version of every layout in this crate, stored in the kernel object as `CONTRACT`.
///
/// Raised whenever a record or a setting changes shape; user space refuses an object
/// that carries another number.
pub const CONTRACT: u32 = 5;
