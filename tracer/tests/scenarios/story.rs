//! The language the stories are written in, and what a story looks like in each way to see it.

use std::{num::NonZeroU64, path::Path};

use serde::Deserialize;
use tracer::model::{
    flow::Flow,
    observation::{HeldBack, Observation, Segment, SegmentFlags, What},
    process::{Actor, Comm, Exit, Task},
    reason::ReasonNames,
    socket::{Condition, FileRefs, Keepalive, Socket, SocketId, Timers, Tries},
    state::TcpState,
    time::MonoNs,
};

/// The reasons the stories name, numbered as kernels since 6.12 do.
const REASONS: [(u32, &str); 16] = [
    (0, "NOT_SPECIFIED"),
    (1, "NO_SOCKET"),
    (2, "TCP_INVALID_ACK_SEQUENCE"),
    (3, "TCP_RFC7323_PAWS"),
    (6, "TCP_FLAGS"),
    (7, "TCP_OLD_ACK"),
    (8, "TCP_ABORT_ON_DATA"),
    (9, "TCP_TIMEWAIT_SOCKET"),
    (10, "INVALID_SYN"),
    (11, "TCP_ABORT_ON_CLOSE"),
    (12, "TCP_ABORT_ON_LINGER"),
    (13, "TCP_ABORT_ON_MEMORY"),
    (14, "TCP_STATE"),
    (15, "TCP_KEEPALIVE_TIMEOUT"),
    (16, "TCP_DISCONNECT_WITH_DATA"),
    (18, "MPTCP_RST_EMPTCP"),
];

pub(crate) fn reasons() -> ReasonNames {
    ReasonNames::new(REASONS)
}

/// What there is to see with: function hooks or tracepoints only, with the kernel's reasons or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    hooks: bool,
    reason: bool,
}

impl Way {
    /// Whether the kernel gives reasons.
    pub(crate) const fn has_reasons(self) -> bool {
        self.reason
    }

    pub(crate) const ALL: [Self; 4] = [
        Self {
            hooks: true,
            reason: true,
        },
        Self {
            hooks: true,
            reason: false,
        },
        Self {
            hooks: false,
            reason: true,
        },
        Self {
            hooks: false,
            reason: false,
        },
    ];
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

/// One story.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Whether some act gets the cause the file is named after.
    fires: bool,
    /// The same on kernels without reasons, where that differs.
    fires_without_reason: Option<bool>,
    given: Vec<Given>,
    /// Milliseconds of quiet after the last event.
    #[serde(default = "a_minute")]
    pub(crate) then_ms: u64,
    expect: Vec<Expected>,
    /// What is expected on kernels without reasons, where that differs.
    expect_without_reason: Option<Vec<Expected>>,
    /// What is expected without the function hooks, where that differs.
    expect_without_hooks: Option<Vec<Expected>>,
    /// Endings that have begun and are told at the end of the run only.
    #[serde(default)]
    pub(crate) open: usize,
}

fn a_minute() -> u64 {
    60_000
}

/// How one ending must come out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) cause: String,
    #[serde(default = "exact")]
    pub(crate) confidence: String,
    pub(crate) initiator: String,
    pub(crate) owner: Option<String>,
    pub(crate) acts: Vec<String>,
    #[serde(default)]
    pub(crate) says: Vec<String>,
    #[serde(default)]
    pub(crate) evidence: Vec<String>,
}

fn exact() -> String {
    String::from("exact")
}

/// One event; exactly one of the kinds is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    at_us: u64,
    /// A task's name, a task and how it ends (`app exit 1`, `app signal 9`, `app exec`), `kthread`, `softirq`
    /// or `unknown`.
    #[serde(default = "softirq")]
    by: String,
    /// Which socket.
    #[serde(default)]
    on: u64,
    #[serde(default)]
    condition: GivenCondition,
    close_called: Option<InState>,
    shutdown_called: Option<GivenShutdown>,
    fin_queued: Option<GivenFin>,
    state_changed: Option<GivenChange>,
    rst_sent: Option<GivenRst>,
    rst_answered: Option<GivenAnswer>,
    rst_received: Option<InState>,
    fin_retransmitted: Option<u32>,
    destroyed: Option<GivenHeld>,
    accepted: Option<GivenInode>,
    held_open: Option<GivenLeft>,
}

fn softirq() -> String {
    String::from("softirq")
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenCondition {
    unread: Option<u32>,
    unacked: Option<u32>,
    unsent: Option<u32>,
    write_seq: Option<u32>,
    dead: Option<bool>,
    fin_received: Option<bool>,
    fin_read: Option<bool>,
    /// `-1` for off, else jiffies.
    linger: Option<i64>,
    err: Option<u32>,
    shutdown: Option<(bool, bool)>,
    file: Option<String>,
    backlog: Option<(u32, u32)>,
    idle_ms: Option<u32>,
    unacked_age_us: Option<u32>,
    user_timeout_ms: Option<u32>,
    window: Option<u32>,
    /// Retransmissions and probes.
    tries: Option<(u8, u8)>,
    linger2: Option<i32>,
    /// Time and interval of a socket with `SO_KEEPALIVE`, in seconds.
    keepalive: Option<(u16, u16)>,
    memory_pressure: Option<bool>,
    signed: Option<bool>,
    mptcp: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InState {
    state: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenShutdown {
    state: String,
    send: bool,
    receive: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenFin {
    seq: Option<u32>,
    unsent: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenChange {
    from: String,
    to: String,
    fin_held_back_us: Option<u64>,
    rst_held_back_us: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenRst {
    state: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenAnswer {
    flags: u8,
    seq: u32,
    ack: u32,
    /// State of the socket the segment was for; none without one.
    state: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenInode {
    inode: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenLeft {
    state: String,
    references: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenHeld {
    fin_held_back_us: Option<u64>,
    rst_held_back_us: Option<u64>,
}

pub(crate) fn read(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).unwrap();
    toml::from_str::<File>(&text)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .case
}

impl Case {
    pub(crate) fn fires_in(&self, way: Way) -> bool {
        self.fires_without_reason
            .filter(|_| !way.reason)
            .unwrap_or(self.fires)
    }

    pub(crate) fn expected(&self, way: Way) -> &[Expected] {
        let without_reason = self.expect_without_reason.as_ref().filter(|_| !way.reason);
        let without_hooks = self.expect_without_hooks.as_ref().filter(|_| !way.hooks);
        without_reason.or(without_hooks).unwrap_or(&self.expect)
    }

    /// What is seen of the story this way.
    pub(crate) fn observations(&self, way: Way) -> Vec<Observation> {
        let seen = |(place, given): (usize, &Given)| {
            let what = given.what(way)?;
            Some(Observation {
                at: micros(given.at_us),
                cpu: 0,
                seq: u64::try_from(place).unwrap(),
                actor: actor(&given.by),
                what,
            })
        };
        self.given.iter().enumerate().filter_map(seen).collect()
    }
}

impl Given {
    /// `None` when nothing sees it this way.
    fn what(&self, way: Way) -> Option<What> {
        let mut called = self.calls();
        let mut seen = self.traced(way);
        assert_eq!(
            called.len() + seen.len(),
            1,
            "one kind of event at {} µs",
            self.at_us
        );
        called.pop().filter(|_| way.hooks).or_else(|| seen.pop())
    }

    /// What only function hooks see.
    fn calls(&self) -> Vec<What> {
        let condition = self.condition.read();
        let closed = self.close_called.as_ref().map(|called| What::CloseCalled {
            socket: self.socket(Some(&called.state)),
            condition,
        });
        let shut = self
            .shutdown_called
            .as_ref()
            .map(|called| What::ShutdownCalled {
                socket: self.socket(Some(&called.state)),
                condition,
                send: called.send,
                receive: called.receive,
            });
        let queued = self.fin_queued.as_ref().map(|fin| What::FinQueued {
            socket: self.socket(None),
            seq: fin.seq,
            unsent: fin.unsent,
        });
        let accepted = self.accepted.as_ref().map(|accepted| What::Accepted {
            socket: self.socket(None).id,
            inode: accepted.inode,
        });
        [closed, shut, queued, accepted]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What tracepoints see, with every system call looked at.
    fn traced(&self, way: Way) -> Vec<What> {
        let condition = self.condition.read();
        let changed = self
            .state_changed
            .as_ref()
            .map(|change| What::StateChanged {
                socket: self.socket(Some(&change.from)),
                condition,
                held_back: held_back(change.fin_held_back_us, change.rst_held_back_us),
                from: state(&change.from),
                to: state(&change.to),
            });
        let sent = self.rst_sent.as_ref().map(|rst| What::RstSent {
            socket: self.socket(Some(&rst.state)),
            condition,
            reason: reason(rst.reason.as_deref(), way),
        });
        let answered = self
            .rst_answered
            .as_ref()
            .map(|answer| self.answer(answer, way));
        let received = self
            .rst_received
            .as_ref()
            .map(|received| What::RstReceived {
                socket: self.socket(Some(&received.state)),
                condition,
            });
        let again = self.fin_retransmitted.map(|seq| What::FinRetransmitted {
            socket: self.socket(None),
            seq,
        });
        let destroyed = self.destroyed.as_ref().map(|held| What::Destroyed {
            socket: self.socket(Some("CLOSE")),
            condition,
            held_back: held_back(held.fin_held_back_us, held.rst_held_back_us),
        });
        let left = self.held_open.as_ref().map(|left| What::HeldOpen {
            socket: self.socket(Some(&left.state)),
            inode: Some(4_711),
            references: left.references,
        });
        [changed, sent, answered, received, again, destroyed, left]
            .into_iter()
            .flatten()
            .collect()
    }

    fn answer(&self, answer: &GivenAnswer, way: Way) -> What {
        let socket = self.socket(None);
        What::RstAnswered {
            flow: socket.flow,
            socket: answer.state.is_some().then_some(socket.id),
            state: answer.state.as_deref().map(state),
            condition: self.condition.read(),
            provoked_by: Segment {
                seq: answer.seq,
                ack: answer.ack,
                flags: SegmentFlags(answer.flags),
            },
            reason: reason(answer.reason.as_deref(), way),
        }
    }

    fn socket(&self, in_state: Option<&str>) -> Socket {
        socket(self.on, in_state.map(state))
    }
}

fn socket(number: u64, state: Option<TcpState>) -> Socket {
    Socket {
        id: SocketId {
            address: 0xffff_8880_0000_0000 + number * 0x940,
            cookie: NonZeroU64::new(number + 1),
        },
        flow: Flow {
            local: ([127, 0, 0, 1], 40_000 + u16::try_from(number).unwrap()).into(),
            remote: ([127, 0, 0, 2], 80).into(),
            netns: Some(4_026_531_840),
        },
        uid: Some(1000),
        state,
    }
}

impl GivenCondition {
    fn read(&self) -> Condition {
        Condition {
            unread: self.unread,
            unacked: self.unacked,
            unsent: self.unsent,
            write_seq: self.write_seq,
            rcv_nxt: None,
            dead: self.dead,
            fin_received: self.fin_received,
            fin_read: self.fin_read,
            linger: self.linger.map(|jiffies| u32::try_from(jiffies).ok()),
            err: self.err,
            rtt_us: None,
            bytes_acked: None,
            bytes_received: None,
            shutdown: self.shutdown,
            file: self.file.as_deref().map(|refs| match refs {
                "none" => FileRefs::None,
                "held" => FileRefs::Held,
                "released" => FileRefs::Released,
                other => panic!("no such file: {other}"),
            }),
            inode: None,
            backlog: self.backlog,
            timers: Timers {
                idle_ms: self.idle_ms,
                unacked_age_us: self.unacked_age_us,
                user_timeout_ms: self.user_timeout_ms,
                window: self.window,
                tries: self.tries.map(|(retransmits, probes)| Tries {
                    retransmits,
                    probes,
                    probes_allowed: 0,
                }),
                linger2: self.linger2,
                keepalive: self
                    .keepalive
                    .map(|(time_s, interval_s)| Some(Keepalive { time_s, interval_s })),
                memory_pressure: self.memory_pressure,
                signed: self.signed,
                mptcp: self.mptcp,
            },
        }
    }
}

fn micros(us: u64) -> MonoNs {
    MonoNs(1_000_000_000 + us * 1_000)
}

fn held_back(fin: Option<u64>, rst: Option<u64>) -> HeldBack {
    HeldBack {
        fin_received: fin.map(micros),
        rst_received: rst.map(micros),
    }
}

fn reason(name: Option<&str>, way: Way) -> Option<u32> {
    let code = |name| {
        let known = REASONS.iter().find(|(_, known)| *known == name);
        known.unwrap_or_else(|| panic!("no such reason: {name}")).0
    };
    name.filter(|_| way.reason).map(code)
}

fn state(name: &str) -> TcpState {
    (1..=12)
        .filter_map(TcpState::from_kernel)
        .find(|state| state.name() == name)
        .unwrap_or_else(|| panic!("no such state: {name}"))
}

fn actor(by: &str) -> Actor {
    let words: Vec<_> = by.split(' ').collect();
    match *words.as_slice() {
        ["softirq"] => Actor::Softirq,
        ["unknown"] => Actor::Unknown,
        ["kthread"] => Actor::KernelThread(task("kworker", None)),
        [name] => Actor::Task(task(name, None)),
        [name, "exec"] => Actor::Task(Task {
            executing: true,
            ..task(name, None)
        }),
        [name, "exit", status] => {
            Actor::Task(task(name, Some(Exit::Status(status.parse().unwrap()))))
        }
        [name, "signal", number] => {
            Actor::Task(task(name, Some(Exit::Signal(number.parse().unwrap()))))
        }
        _ => panic!("no such actor: {by}"),
    }
}

/// A task whose numbers follow from its name.
fn task(name: &str, exit: Option<Exit>) -> Task {
    let mut comm = Comm::default();
    comm.0[..name.len()].copy_from_slice(name.as_bytes());
    let pid = 1000 + name.bytes().map(u32::from).sum::<u32>();
    Task {
        pid,
        tid: pid,
        comm,
        process_comm: comm,
        start_ns: Some(1),
        uid: 1000,
        goroutine: None,
        exit,
        executing: false,
    }
}
