//! The only readers of `/proc`, `/etc` and the clocks: facts the kernel half does not send.

pub mod cgroup;
pub mod clock;
pub mod descendants;
pub mod facts;
pub mod netns;
pub mod processes;
pub mod users;
