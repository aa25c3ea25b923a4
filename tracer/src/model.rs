//! What finrst talks about, free of wire formats and of output formats.

pub mod alignment;
pub mod cause;
pub mod clock;
pub mod ending;
pub mod explained;
pub mod flow;
pub mod foreign;
pub mod holder;
pub mod identity;
pub mod initiator;
pub mod known;
pub mod observation;
pub mod payload;
pub mod phases;
pub mod process;
pub mod reason;
pub mod segment;
pub mod socket;
pub mod stack;
pub mod state;
pub mod stray;
pub mod time;
pub mod wire;
