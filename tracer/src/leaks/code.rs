//! The code that got a socket, and the code that touched it last.

use std::sync::Arc;

use crate::model::{
    foreign::Foreign,
    process::Task,
    stack::{Stack, Taken, telling_call},
    time::MonoNs,
};

/// What a task did with a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// It accepted the connection.
    Accepted,
    /// It connected.
    Connected,
    /// It sent, or tried to.
    Sent,
    /// It received, or found that there is nothing.
    Received,
    /// It shut one direction down, or both.
    ShutDown,
    /// It closed a descriptor of it, and another one is open.
    Closed,
}

impl How {
    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Connected => "connected",
            Self::Sent => "sent",
            Self::Received => "received",
            Self::ShutDown => "shut_down",
            Self::Closed => "closed",
        }
    }
}

/// One thing a task did with a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// What.
    pub how: How,
    /// When.
    pub at: MonoNs,
    /// Who.
    pub task: Task,
    /// How it came about, as addresses; `None` when that was not taken, or found no room.
    pub stack: Option<Arc<Taken>>,
}

/// A place in a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    /// The function.
    pub function: Foreign,
    /// The source file.
    pub file: Option<Foreign>,
    /// The line in it.
    pub line: Option<u32>,
}

impl Code {
    /// The place that stands for a stack; `None` where nothing in it has a name.
    #[must_use]
    pub fn of(stack: &Stack) -> Option<Self> {
        let call = telling_call(stack)?;
        Some(Self {
            function: call.function.clone()?,
            file: call.file.clone(),
            line: call.line,
        })
    }
}
