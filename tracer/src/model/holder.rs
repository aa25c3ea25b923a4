//! Who holds a socket: the descriptors that refer to it, and how that is known.

use super::process::{Comm, Task};

/// One descriptor that refers to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The process, as the initial pid namespace numbers it.
    pub pid: u32,
    /// The descriptor in that process; `None` where only the process is known.
    pub fd: Option<u32>,
    /// The process's name.
    pub comm: Comm,
    /// Real user id of the process.
    pub uid: u32,
    /// Start of the process, nanoseconds since boot; `None` when it could not be read.
    pub start_ns: Option<u64>,
    /// How it is known.
    pub from: Provenance,
}

/// How it is known that a process holds a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// It did with the socket what only a holder can: it closed it, or shut it down.
    Acted,
    /// It connected the socket.
    Connected,
    /// It accepted the connection.
    Accepted,
    /// It holds the listener whose queue the connection waits in.
    Listener,
    /// It owned the connection that had the same tuple before.
    Before,
    /// A dump by the kernel's socket diagnosis named the socket, `/proc/PID/fd` the process.
    SockDiag,
    /// `/proc/PID/fd` named it.
    Procfs,
}

impl Provenance {
    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Acted => "acted",
            Self::Connected => "connected",
            Self::Accepted => "accepted",
            Self::Listener => "listener",
            Self::Before => "before",
            Self::SockDiag => "sock_diag",
            Self::Procfs => "procfs",
        }
    }
}

impl Holder {
    /// The process of a holder as a task: which of its threads uses the descriptor, nobody knows.
    #[must_use]
    pub const fn task(&self) -> Task {
        Task {
            pid: self.pid,
            tid: self.pid,
            comm: self.comm,
            process_comm: self.comm,
            start_ns: self.start_ns,
            uid: self.uid,
            goroutine: None,
            exit: None,
            executing: false,
        }
    }
}

/// The process that holds a socket alone; `None` when nobody does, or several.
///
/// Of a set that several share, who owns the socket is not for a snapshot to say.
#[must_use]
pub fn only_process(holders: &[Holder]) -> Option<&Holder> {
    let first = holders.first()?;
    holders
        .iter()
        .all(|holder| holder.pid == first.pid)
        .then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(pid: u32, fd: u32) -> Holder {
        Holder {
            pid,
            fd: Some(fd),
            comm: Comm::default(),
            uid: 0,
            start_ns: None,
            from: Provenance::Procfs,
        }
    }

    #[test]
    fn two_descriptors_of_one_process_are_one_holder_and_two_processes_are_none() {
        assert_eq!(only_process(&[]), None);
        let dup = [holder(1, 3), holder(1, 4)];
        assert_eq!(only_process(&dup).unwrap().pid, 1);
        assert_eq!(only_process(&[holder(1, 3), holder(2, 3)]), None);
    }
}
