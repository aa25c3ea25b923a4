//! The pitfalls of Go programs: those of `xtask/go`, by the names of the programs that have them.

/// A way in which Go programs end connections otherwise than they mean to.
#[derive(Debug)]
pub(crate) struct Pitfall {
    /// Its place in the usual order of telling them.
    pub(crate) number: u8,
    /// The name of the program that has it; the one without it has `_near` behind.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) title: &'static str,
}

/// All of them, in their usual order.
pub(crate) const PITFALLS: &[Pitfall] = &[
    Pitfall {
        number: 1,
        name: "file",
        title: "`File` duplicates the descriptor, and `Close` ends nothing",
    },
    Pitfall {
        number: 2,
        name: "unread",
        title: "`Close` while received data is unread",
    },
    Pitfall {
        number: 3,
        name: "late",
        title: "Data still arrives after `Close`",
    },
    Pitfall {
        number: 4,
        name: "linger",
        title: "`SetLinger(0)`",
    },
    Pitfall {
        number: 5,
        name: "wait",
        title: "`SetLinger(5)`: `Close` waits",
    },
    Pitfall {
        number: 6,
        name: "half",
        title: "`CloseWrite`: one direction is shut, the other goes on",
    },
    Pitfall {
        number: 7,
        name: "stuck",
        title: "The peer's FIN does not come, and the program waits",
    },
    Pitfall {
        number: 7,
        name: "orphan",
        title: "The peer's FIN does not come, and the program has closed",
    },
    Pitfall {
        number: 8,
        name: "again",
        title: "Who closes first is left with `TIME_WAIT`: address already in use",
    },
    Pitfall {
        number: 9,
        name: "leak",
        title: "The peer has closed, and the program never calls `Close`",
    },
    Pitfall {
        number: 10,
        name: "slow",
        title: "The program learns late that the peer has closed",
    },
    Pitfall {
        number: 11,
        name: "pool",
        title: "A connection out of a pool, which the peer has closed",
    },
    Pitfall {
        number: 12,
        name: "race",
        title: "`Close` under a blocked reader: the reader's call ends the connection",
    },
    Pitfall {
        number: 13,
        name: "bye",
        title: "A context's time is up before the last word has arrived",
    },
    Pitfall {
        number: 14,
        name: "dead",
        title: "The peer is gone and nobody says so",
    },
    Pitfall {
        number: 15,
        name: "deadline",
        title: "A read deadline expires, and the server closes",
    },
];
