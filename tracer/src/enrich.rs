//! The only readers of `/proc`, `/etc` and the clocks: facts the kernel half does not send.

pub mod cgroup;
pub mod clock;
pub mod descendants;
pub mod facts;
mod holders;
mod looks;
pub mod netns;
pub mod processes;
mod stat;
pub mod users;
