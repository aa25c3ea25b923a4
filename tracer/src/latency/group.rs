//! By what endings are told apart.

use std::{fmt, net::IpAddr};

use crate::model::{
    ending::Ending,
    process::{Comm, Task},
};

/// What is asked to be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Nothing: all together.
    All,
    /// The process that owned the socket.
    Process,
    /// The other end's address.
    Peer,
    /// What the decisive act came of.
    Cause,
    /// Where in its program the end was called for.
    Function,
}

impl By {
    /// Everything that can be asked.
    pub const ALL: [Self; 5] = [
        Self::All,
        Self::Process,
        Self::Peer,
        Self::Cause,
        Self::Function,
    ];

    /// The group an ending is of, by itself and where its end was called for.
    #[must_use]
    pub fn key(self, ending: &Ending, code: Option<&str>) -> Key {
        match self {
            Self::All => Key::All,
            Self::Process => Key::Process(ending.owner.map(|owner| Process::of(&owner.task))),
            Self::Peer => Key::Peer(ending.flow.remote.ip()),
            Self::Cause => Key::Cause(ending.decisive().map_or("unknown", |act| act.cause.code())),
            Self::Function => Key::Function(code.map(str::to_owned)),
        }
    }
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Every ending.
    All,
    /// Sockets of this process; `None` where nobody is known to have owned them.
    Process(Option<Process>),
    /// Connections with this host.
    Peer(IpAddr),
    /// Endings of this cause, by its code.
    Cause(&'static str),
    /// Endings called for there: a function and its line; `None` where no stack says so.
    Function(Option<String>),
}

/// A process, as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// When it was started, in nanoseconds since boot, which tells it from others of this id; `None`
    /// where that could not be read.
    pub start_ns: Option<u64>,
    /// Its name, NUL padded.
    comm: [u8; 16],
}

impl Process {
    /// A process, by its name, NUL padded.
    #[must_use]
    pub const fn new(pid: u32, start_ns: Option<u64>, comm: [u8; 16]) -> Self {
        Self {
            pid,
            start_ns,
            comm,
        }
    }

    const fn of(task: &Task) -> Self {
        Self {
            pid: task.pid,
            start_ns: task.start_ns,
            comm: task.process_comm.0,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn comm(&self) -> Comm {
        Comm(self.comm)
    }
}

impl fmt::Display for Key {
    /// As people read it; names come out escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Process(None) => f.write_str("of nobody known"),
            Self::Process(Some(process)) => write!(f, "{}[{}]", process.comm(), process.pid),
            Self::Peer(address) => address.fmt(f),
            Self::Cause(code) => f.write_str(code),
            Self::Function(None) => f.write_str("by no call that is known"),
            Self::Function(Some(code)) => f.write_str(code),
        }
    }
}
