//! Segments on the wire: captured here, or read from a file somebody else captured.
//!
//! Knows headers and files; which call of the kernel a segment belongs to is decided elsewhere.

pub mod build;
pub mod file;
pub mod frame;
pub mod link;
pub mod live;
pub mod parse;
pub mod pcapng;
