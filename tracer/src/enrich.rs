//! The only readers of `/proc`, `/etc` and the clocks: facts the kernel half does not send.

mod age;
pub mod cgroup;
pub mod clock;
pub mod conntrack;
pub mod descendants;
pub mod facts;
pub mod go;
pub mod holders;
mod looks;
pub mod netns;
pub mod ports;
pub mod processes;
mod procnet;
pub mod scan;
pub mod sock_diag;
pub mod stacks;
mod stat;
pub mod sysctl;
pub mod told;
pub mod users;
