//! The only readers of `/proc`, `/etc` and the clocks: facts the kernel half does not send.

pub mod clock;
pub mod descendants;
pub mod netns;
pub mod users;
