//! Processes, threads and who acted.

use std::fmt;

use super::foreign::{escape, plain};

/// A task's name: up to 15 bytes, any of which the task itself may have chosen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Comm(pub [u8; 16]);

impl Comm {
    /// The bytes before the first NUL.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The text, where nothing in it has to be escaped.
    #[must_use]
    pub fn plain(&self) -> Option<&str> {
        plain(self.bytes())
    }

    /// Whether there is no name at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }
}

impl fmt::Display for Comm {
    /// Printable text: control characters, backslashes and invalid UTF-8 come out escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.bytes(), f)
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Comm({self})")
    }
}

/// One thread and the process it belongs to, as the initial pid namespace numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// Thread group id: what users call the process's pid.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// The thread's name.
    pub comm: Comm,
    /// The process's name, of the thread group's leader; the thread's where it could not be read.
    pub process_comm: Comm,
    /// Start of the process, nanoseconds since boot; `None` when it could not be read.
    pub start_ns: Option<u64>,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// The goroutine the thread ran for; `None` for a program not of Go, and when it is not known.
    pub goroutine: Option<u64>,
    /// How it is ending, if it was exiting when seen.
    pub exit: Option<Exit>,
    /// Whether it was executing another program, as far as that was looked at: where it released
    /// the file of a socket.
    pub executing: bool,
}

/// How a process ended, from `task_struct.exit_code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// It exited with this status.
    Status(u8),
    /// This signal killed it.
    Signal(u8),
}

/// Who acted when the kernel did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A task's call made the kernel act.
    Task(Task),
    /// A kernel thread acted, for a process it does not name.
    KernelThread(Task),
    /// The kernel acted by itself, on a segment or a timer.
    Softirq,
    /// The facts do not say.
    Unknown,
}

/// How sure a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// Nothing is claimed.
    Unknown,
    /// Tuple, namespace and time agree.
    Likely,
    /// Proved by socket identity in task context.
    Exact,
}
