//! Sockets that somebody forgot: what a look at the machine says of them, by who holds them and by
//! the code that got and used them, as far as hooks saw it.

mod code;
pub mod group;
mod leak;
mod looks;
mod names;
pub mod ports;
mod strangers;
mod traced;

pub use code::{Code, How, Touch};
pub use leak::{Leak, Owner};
pub use looks::{Found, Leaked, Looks};
pub use names::Names;
pub use strangers::attribute;
pub use traced::Traced;

#[cfg(test)]
mod tests;
