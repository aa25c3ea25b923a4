//! Names and amounts in plain words.

use std::fmt;

use crate::model::{
    ending::{Act, Ending, How},
    process::{Actor, Exit, Task},
};

/// `comm[pid]` of a process.
pub(super) fn process(task: &Task) -> String {
    let comm = if task.process_comm.is_empty() {
        task.comm
    } else {
        task.process_comm
    };
    if comm.is_empty() {
        format!("process {}", task.pid)
    } else {
        format!("{comm}[{}]", task.pid)
    }
}

/// Who acted: the task, else the owner, else nobody by name.
pub(super) fn who(ending: &Ending, act: &Act) -> String {
    match act.actor {
        Actor::Task(task) => process(&task),
        Actor::KernelThread(task) => format!("the kernel thread {}", process(&task)),
        Actor::Softirq | Actor::Unknown => owner(ending),
    }
}

/// Who held the socket.
pub(super) fn owner(ending: &Ending) -> String {
    ending.owner.map_or_else(
        || String::from("a process that is not known"),
        |owner| process(&owner.task),
    )
}

/// The same at the start of a sentence; a process keeps the name it gave itself.
pub(super) fn subject(ending: &Ending, act: &Act) -> String {
    let who = who(ending, act);
    for (inside, start) in [
        ("a process that", "A process that"),
        ("the kernel thread", "The kernel thread"),
    ] {
        if let Some(rest) = who.strip_prefix(inside) {
            return format!("{start}{rest}");
        }
    }
    who
}

/// A sentence on the close that ended nothing before this one, with a blank before it; empty when
/// there was none.
pub(super) fn let_go(ending: &Ending, act: &Act) -> String {
    let earlier = ending.let_go.filter(|earlier| earlier.at <= act.at);
    earlier.map_or_else(String::new, |earlier| {
        let who = process(&earlier.task);
        let before = Duration(act.at.since(earlier.at));
        format!(" {who} had closed a descriptor of it {before} before.")
    })
}

/// Who held the socket, at the start of a sentence.
pub(super) fn owner_first(ending: &Ending) -> String {
    let owner = owner(ending);
    owner
        .strip_prefix("a process that")
        .map_or_else(|| owner.clone(), |rest| format!("A process that{rest}"))
}

/// How the acting process was ending; `None` for one that lives on, and for the kernel.
pub(super) fn exit_of(act: &Act) -> Option<Exit> {
    match act.actor {
        Actor::Task(task) => task.exit,
        Actor::KernelThread(_) | Actor::Softirq | Actor::Unknown => None,
    }
}

/// A sentence on the connection that had the tuple before an answer; `None` when none is known.
pub(super) fn former(ending: &Ending, act: &Act) -> Option<String> {
    ending.after?;
    let owner = owner(ending);
    let Some(former) = ending.former else {
        return Some(format!(
            "The tuple was last used by a connection of {owner}."
        ));
    };
    let how = ended_how(former.how);
    let before = Duration(act.at.since(former.at));
    Some(format!(
        "The tuple was a connection of {owner}, {how} {before} before."
    ))
}

const fn ended_how(how: How) -> &'static str {
    match how {
        How::FinSent => "closed by this side",
        How::FinReceived => "closed by the peer",
        How::RstSent => "reset by this side",
        How::RstReceived => "reset by the peer",
        How::Timeout => "given up",
        How::Destroyed | How::HeldOpen => "dropped",
    }
}

/// Nanoseconds a closed connection keeps its tuple (`TCP_TIMEWAIT_LEN`, `include/net/tcp.h`).
const TIME_WAIT_NS: u64 = 60_000_000_000;

/// A sentence on the connection whose tuple a socket took over, with a blank before it; empty when
/// none is known.
pub(super) fn took_over(ending: &Ending) -> String {
    let Some(former) = ending.former.filter(|_| ending.socket.is_some()) else {
        return String::new();
    };
    let gap = ending.first_seen.since(former.at);
    // Whoever closes first keeps the tuple.
    let place = if former.how == How::FinSent && gap < TIME_WAIT_NS {
        ", whose place in TIME_WAIT it took"
    } else {
        ""
    };
    format!(
        " Its addresses and ports were those of a connection {} {} before it began{place}.",
        ended_how(former.how),
        Duration(gap)
    )
}

/// `1 probe`, `3 probes`.
pub(super) fn times(count: u8, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// What the network had said before a timeout, in parentheses with a blank before; empty when
/// nothing.
pub(super) fn soft_error(act: &Act) -> String {
    let told = act.condition.err.filter(|&err| err != 0 && err != 110);
    told.map_or_else(String::new, |err| {
        format!(" (the network said {})", error(err))
    })
}

/// `1 byte`, `2 bytes`.
pub(super) fn bytes(count: u32) -> String {
    let unit = if count == 1 { "byte" } else { "bytes" };
    format!("{count} {unit}")
}

/// How a process ended: `exited with status 1`, `was killed by signal 9 (SIGKILL)`.
pub(super) fn ended(exit: Exit) -> String {
    match exit {
        Exit::Status(status) => format!("exited with status {status}"),
        Exit::Signal(signal) => format!("was killed by {}", Signal(signal)),
    }
}

/// The act of a kind that came after this one, and how long after in nanoseconds.
pub(super) fn followed_by<'a>(
    ending: &'a Ending,
    act: &Act,
    how: How,
) -> Option<(&'a Act, Duration)> {
    let next = ending
        .acts
        .iter()
        .find(|other| other.how == how && other.at >= act.at)?;
    Some((next, Duration(next.at.since(act.at))))
}

/// A time span in nanoseconds, shown with three digits and a fitting unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Duration(pub(super) u64);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ns) = *self;
        let (unit, per_unit) = match ns {
            0..1_000 => return write!(f, "{ns} ns"),
            1_000..1_000_000 => ("µs", 1_000),
            1_000_000..1_000_000_000 => ("ms", 1_000_000),
            1_000_000_000.. => ("s", 1_000_000_000),
        };
        let (whole, rest) = (ns / per_unit, ns % per_unit);
        match whole {
            0..10 => write!(f, "{whole}.{:02} {unit}", rest * 100 / per_unit),
            10..100 => write!(f, "{whole}.{} {unit}", rest * 10 / per_unit),
            100.. => write!(f, "{whole} {unit}"),
        }
    }
}

/// A signal number, shown with its name where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal(pub(super) u8);

/// Names of signals 1 to 31, `include/uapi/asm-generic/signal.h`.
const SIGNALS: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = usize::from(self.0).wrapping_sub(1);
        match SIGNALS.get(place) {
            Some(name) => write!(f, "signal {} ({name})", self.0),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// An errno with its name, for those a TCP socket is left with.
pub(super) fn error(errno: u32) -> String {
    let name = match errno {
        32 => "EPIPE",
        100 => "ENETDOWN",
        101 => "ENETUNREACH",
        103 => "ECONNABORTED",
        104 => "ECONNRESET",
        110 => "ETIMEDOUT",
        111 => "ECONNREFUSED",
        112 => "EHOSTDOWN",
        113 => "EHOSTUNREACH",
        _ => return errno.to_string(),
    };
    format!("{errno} ({name})")
}

#[cfg(test)]
mod tests {
    use proptest::{
        strategy::{Strategy as _, ValueTree as _},
        test_runner::TestRunner,
    };

    use super::*;
    use crate::{
        model::{ending::Former, process::Comm, socket::SocketId, time::MonoNs},
        tests::arbitrary,
    };

    #[test]
    fn a_duration_has_three_digits_and_a_fitting_unit() {
        let shown = [0, 999, 1_000, 12_345, 999_999, 3_990_000, 59_999_999_999]
            .map(|ns| Duration(ns).to_string());
        assert_eq!(
            shown,
            [
                "0 ns", "999 ns", "1.00 µs", "12.3 µs", "999 µs", "3.99 ms", "59.9 s"
            ]
        );
    }

    #[test]
    fn a_signal_is_named_and_one_without_a_name_is_a_number() {
        let shown = [1, 9, 15, 31, 0, 34].map(|number| Signal(number).to_string());
        assert_eq!(
            shown,
            [
                "signal 1 (SIGHUP)",
                "signal 9 (SIGKILL)",
                "signal 15 (SIGTERM)",
                "signal 31 (SIGSYS)",
                "signal 0",
                "signal 34"
            ]
        );
    }

    #[test]
    fn a_tuple_taken_over_is_told_with_the_time_between_and_whether_it_was_kept() {
        let mut runner = TestRunner::deterministic();
        let ending = arbitrary::ending().new_tree(&mut runner).unwrap().current();
        let told = |how, gap: u64| {
            took_over(&Ending {
                socket: Some(SocketId {
                    address: 1,
                    cookie: None,
                }),
                first_seen: MonoNs(gap + 5),
                former: Some(Former {
                    at: MonoNs(5),
                    how,
                    gave_way: None,
                }),
                ..ending.clone()
            })
        };
        let closed = told(How::FinSent, 1_500_000_000);
        assert!(closed.contains("closed by this side 1.50 s before it began, whose place"));
        for text in [told(How::FinSent, 60_000_000_000), told(How::RstSent, 1)] {
            assert!(text.ends_with("before it began."), "{text}");
        }
        assert_eq!(
            took_over(&Ending {
                former: None,
                ..ending
            }),
            ""
        );
    }

    #[test]
    fn a_process_goes_by_its_own_name_before_its_threads() {
        let mut task = Task {
            pid: 7,
            tid: 8,
            comm: Comm(*b"worker\0\0\0\0\0\0\0\0\0\0"),
            process_comm: Comm(*b"nginx\0\0\0\0\0\0\0\0\0\0\0"),
            start_ns: None,
            uid: 0,
            goroutine: None,
            exit: None,
            executing: false,
        };
        assert_eq!(process(&task), "nginx[7]");
        task.process_comm = Comm::default();
        assert_eq!(process(&task), "worker[7]");
        task.comm = Comm::default();
        assert_eq!(process(&task), "process 7");
    }
}
