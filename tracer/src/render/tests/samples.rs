//! A few runs' worth of values that look like real ones.

use std::num::NonZeroU64;

use super::*;
use crate::model::{
    alignment::{Assumption, Drift, Fit, Spread},
    ending::LetGo,
    explained::Evidence,
    holder::{Holder, Provenance},
    segment::{CaptureClock, CaptureTime, Device, Direction, Headers, Timestamps},
    stray::Stray,
    wire::{CountedFrom, Sighting, WireSegment},
};

const BORN: u64 = 5_000_000_000;

fn comm(name: &str) -> Comm {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Comm(bytes)
}

fn task(pid: u32, name: &str) -> Task {
    Task {
        pid,
        tid: pid,
        comm: comm(name),
        process_comm: comm(name),
        start_ns: Some(4_000_000_000),
        uid: 33,
        goroutine: None,
        exit: None,
        executing: false,
    }
}

fn flow(local: &str, remote: &str) -> Flow {
    Flow {
        local: local.parse().unwrap(),
        remote: remote.parse().unwrap(),
        netns: Some(4_026_531_840),
    }
}

fn id(cookie: u64) -> SocketId {
    SocketId {
        address: 0xffff_8881_0000_0000,
        cookie: NonZeroU64::new(cookie),
    }
}

fn act(at: u64, how: How, actor: Actor, cause: Cause, confidence: Confidence) -> Act {
    Act {
        at: MonoNs(at),
        how,
        actor,
        cause,
        confidence,
        reason: None,
        state: Some(TcpState::Established),
        condition: Condition::default(),
        provoked_by: None,
        seq: None,
        call: None,
        stack: None,
    }
}

pub(in crate::render) fn names() -> ReasonNames {
    ReasonNames::new([
        (1, "SK_RST_REASON_NO_SOCKET"),
        (9, "SK_RST_REASON_TCP_ABORT_ON_CLOSE"),
    ])
}

pub(in crate::render) fn explanation(text: &str) -> Explanation {
    Explanation {
        text: text.to_owned(),
        advice: "",
        evidence: Evidence::default(),
    }
}

/// What is known of the server, which runs in a container of a pod.
pub(in crate::render) fn nginx() -> ProcessFacts {
    let foreign = |text: &str| Foreign::from(text.as_bytes());
    ProcessFacts {
        exe: Some(foreign("/usr/sbin/nginx")),
        cmdline: Some(vec![foreign("nginx:"), foreign("worker\u{1b}[2J")]),
        cgroup: Some(foreign("/kubepods.slice/x.scope")),
        container: Some(Container {
            id: foreign(&"0123456789abcdef".repeat(4)),
            runtime: Some(Runtime::Containerd),
        }),
        pod: Some(PodUid(String::from("8a3c51d4-2f6b-4c0e-9d7a-1b2c3d4e5f60"))),
        namespace_pids: vec![1234, 7],
    }
}

/// A server answers a client that closes first.
fn graceful() -> Ending {
    let nginx = task(1234, "nginx");
    let state = |at, from, to| Transition {
        at: MonoNs(BORN + at),
        from,
        to,
    };
    Ending {
        socket: Some(id(0x1f)),
        first_seen: MonoNs(BORN),
        flow: flow("127.0.0.1:80", "127.0.0.1:41234"),
        owner: Some(Owner {
            task: nginx,
            confidence: Confidence::Exact,
            from: Provenance::Acted,
        }),
        uid: Some(33),
        acts: vec![
            act(
                BORN + 1_000,
                How::FinReceived,
                Actor::Softirq,
                Cause::PeerClosed,
                Confidence::Exact,
            ),
            Act {
                call: Some(Call::Close),
                seq: Some(77),
                state: Some(TcpState::CloseWait),
                ..act(
                    BORN + 51_000,
                    How::FinSent,
                    Actor::Task(nginx),
                    Cause::AppClose,
                    Confidence::Exact,
                )
            },
        ],
        states: vec![
            state(1_000, TcpState::Established, TcpState::CloseWait),
            state(51_000, TcpState::CloseWait, TcpState::LastAck),
            state(63_300, TcpState::LastAck, TcpState::Close),
        ],
        close_called: Some(CloseCall {
            at: MonoNs(BORN + 50_000),
            seen: true,
        }),
        destroyed: Some(MonoNs(BORN + 63_400)),
        condition: Condition {
            bytes_acked: Some(612),
            bytes_received: Some(78),
            rtt_us: Some(41),
            ..Condition::default()
        },
        ..blank()
    }
}

/// An ending of which nothing is known.
fn blank() -> Ending {
    Ending {
        socket: None,
        first_seen: MonoNs(BORN),
        flow: flow("127.0.0.1:1", "127.0.0.1:2"),
        owner: None,
        holders: None,
        look: None,
        let_go: None,
        asked: None,
        uid: None,
        acts: Vec::new(),
        states: Vec::new(),
        close_called: None,
        fin_retransmits: 0,
        destroyed: None,
        condition: Condition::default(),
        after: None,
        former: None,
        not_by_tcp: None,
        until: MonoNs(0),
        peer: None,
        segments: None,
    }
}

/// A close with data unread, by a process with a long name, over IPv6.
fn unread() -> Ending {
    let at = BORN + 2_000_000;
    let client = task(4_194_304, "long-named-prog");
    let condition = Condition {
        unread: Some(512),
        fin_received: Some(false),
        linger: Some(None),
        ..Condition::default()
    };
    Ending {
        socket: Some(id(0x20)),
        flow: flow("[2001:db8::1]:50000", "[2001:db8:ffff:1:2:3:4:5]:443"),
        owner: Some(Owner {
            task: client,
            confidence: Confidence::Likely,
            from: Provenance::Accepted,
        }),
        acts: vec![Act {
            reason: Some(names().reason(9)),
            call: Some(Call::Close),
            condition,
            ..act(
                at,
                How::RstSent,
                Actor::Task(client),
                Cause::ClosedWithUnreadData,
                Confidence::Exact,
            )
        }],
        states: Vec::new(),
        close_called: Some(CloseCall {
            at: MonoNs(at - 842),
            seen: false,
        }),
        destroyed: None,
        condition,
        ..graceful()
    }
}

/// A SYN nobody listens for.
fn refused() -> Ending {
    Ending {
        socket: None,
        flow: flow("10.0.0.1:8080", "192.168.100.110:52344"),
        owner: None,
        uid: None,
        acts: vec![Act {
            reason: Some(names().reason(1)),
            state: None,
            provoked_by: Some(Segment {
                seq: 1,
                ack: 0,
                flags: SegmentFlags(SegmentFlags::SYN),
            }),
            ..act(
                BORN + 3_000_000,
                How::RstSent,
                Actor::Softirq,
                Cause::NoListener,
                Confidence::Exact,
            )
        }],
        states: Vec::new(),
        close_called: None,
        destroyed: None,
        condition: Condition::default(),
        ..graceful()
    }
}

/// An RST from the peer, to a process of hostile name, for a reason the kernel does not name.
fn reset() -> Ending {
    let worker = Task {
        exit: Some(Exit::Signal(9)),
        comm: comm("evil\n\u{1b}[31m"),
        process_comm: comm("evil\n\u{1b}[31m"),
        ..task(77, "")
    };
    let at = BORN + 4_000_000_000;
    Ending {
        socket: Some(id(0)),
        owner: Some(Owner {
            task: worker,
            confidence: Confidence::Exact,
            from: Provenance::Acted,
        }),
        acts: vec![Act {
            reason: Some(Reason {
                code: 99,
                name: None,
            }),
            ..act(
                at,
                How::RstReceived,
                Actor::Softirq,
                Cause::PeerReset,
                Confidence::Unknown,
            )
        }],
        states: Vec::new(),
        close_called: Some(CloseCall {
            at: MonoNs(BORN),
            seen: true,
        }),
        destroyed: None,
        ..graceful()
    }
}

/// An ending of which everything is known that finrst collects.
pub(in crate::render) fn complete() -> Ending {
    let condition = Condition {
        unread: Some(0),
        unacked: Some(0),
        unsent: Some(0),
        write_seq: Some(0),
        rcv_nxt: Some(0),
        dead: Some(false),
        fin_received: Some(false),
        fin_read: Some(false),
        linger: Some(Some(0)),
        err: Some(0),
        rtt_us: Some(0),
        bytes_acked: Some(0),
        bytes_received: Some(0),
        shutdown: Some((false, false)),
        file: Some(FileRefs::Held),
        inode: Some(0),
        backlog: None,
        timers: crate::model::socket::Timers::UNKNOWN,
    };
    let mut ending = graceful();
    ending.condition = condition;
    ending.acts.truncate(1);
    for act in &mut ending.acts {
        act.actor = Actor::Task(task(1234, "nginx"));
        act.reason = Some(names().reason(9));
        act.condition = condition;
        act.provoked_by = Some(Segment {
            seq: 0,
            ack: 0,
            flags: SegmentFlags(0xff),
        });
        (act.seq, act.call) = (Some(0), Some(Call::Close));
    }
    if let Some(owner) = &mut ending.owner {
        owner.task.exit = Some(Exit::Status(0));
    }
    ending.holders = Some(vec![Holder {
        pid: 0,
        fd: Some(0),
        comm: comm(""),
        uid: 0,
        start_ns: Some(0),
        from: Provenance::Procfs,
    }]);
    ending.segments = Some(vec![fin()]);
    ending.let_go = Some(LetGo {
        at: MonoNs(0),
        task: task(0, ""),
        references: 1,
    });
    ending
}

/// What our FIN says.
fn fin_headers() -> Headers {
    Headers {
        source: "127.0.0.1:80".parse().unwrap(),
        destination: "127.0.0.1:41234".parse().unwrap(),
        seq: 0,
        ack: 0,
        flags: SegmentFlags(SegmentFlags::FIN),
        payload_bytes: 0,
        window: 512,
        timestamps: Some(Timestamps { value: 1, echo: 2 }),
    }
}

/// A sighting behind a translation of addresses.
pub(in crate::render) fn translated() -> Sighting {
    Sighting {
        at: MonoNs(BORN + 3_000),
        error_ns: Some(60),
        captured: None,
        netns: Some(4_026_532_000),
        tuple: Some((
            "192.0.2.1:50000".parse().unwrap(),
            "192.0.2.7:80".parse().unwrap(),
        )),
        device: Device::Index(2),
        direction: Direction::Transmitted,
        vlan: None,
        headers: fin_headers(),
    }
}

/// An RST that no socket sent.
pub(super) fn stray() -> Stray {
    Stray {
        headers: Headers {
            source: "10.0.0.3:9999".parse().unwrap(),
            destination: "10.0.0.2:40000".parse().unwrap(),
            seq: 0,
            ack: 7,
            flags: SegmentFlags(SegmentFlags::RST | SegmentFlags::ACK),
            payload_bytes: 0,
            window: 0,
            timestamps: None,
        },
        sightings: vec![Sighting {
            tuple: None,
            ..translated()
        }],
        why: Why::SentByNoSocket,
    }
}

/// Our FIN as `lo` saw it go.
pub(super) fn fin() -> WireSegment {
    WireSegment {
        sent: true,
        flags: SegmentFlags(SegmentFlags::FIN),
        seq: 0,
        ack: 0,
        payload_bytes: 0,
        kernel: Some(MonoNs(BORN + 1_000)),
        counted_from: Some(CountedFrom::Act(MonoNs(BORN + 1_000))),
        sightings: vec![Sighting {
            at: MonoNs(BORN + 2_000),
            error_ns: Some(60),
            netns: Some(4_026_531_840),
            tuple: None,
            device: Device::Index(1),
            direction: Direction::Transmitted,
            captured: Some(CaptureTime {
                clock: CaptureClock::Realtime,
                ns: 1_777_897_805_000_002_003,
            }),
            vlan: None,
            headers: fin_headers(),
        }],
        retransmits: 0,
        again: Vec::new(),
    }
}

pub(in crate::render) fn endings() -> Vec<(Ending, Explanation)> {
    let mut evidence = Evidence::default();
    evidence.add("unread_bytes", 512);
    evidence.add("call", "close");
    let unread_data = Explanation {
        text: "long-named-prog closed the socket with 512 bytes unread".to_owned(),
        advice: "Read to the end, or shut the sending side down and wait for the peer's FIN.",
        evidence,
    };
    vec![
        (
            graceful(),
            explanation("the peer closed first, nginx followed"),
        ),
        (unread(), unread_data),
        (refused(), explanation("nobody listens on port 8080")),
        (reset(), explanation("the peer reset the connection")),
    ]
}

#[expect(clippy::too_many_lines, reason = "one literal a kind")]
pub(in crate::render) fn events() -> Vec<Observation> {
    let nginx = task(1234, "nginx");
    let socket = Socket {
        id: id(0x1f),
        flow: flow("127.0.0.1:80", "127.0.0.1:41234"),
        uid: Some(33),
        state: Some(TcpState::Established),
    };
    let condition = Condition {
        unread: Some(512),
        linger: Some(Some(0)),
        err: Some(0),
        shutdown: Some((false, true)),
        ..Condition::default()
    };
    let held_back = HeldBack {
        fin_received: Some(MonoNs(BORN)),
        rst_received: None,
    };
    let worker = Task {
        comm: comm("kworker/0:1"),
        ..task(12, "")
    };
    let exiting = Task {
        exit: Some(Exit::Signal(9)),
        ..nginx
    };
    let provoked_by = Segment {
        seq: 1,
        ack: 0,
        flags: SegmentFlags(SegmentFlags::SYN),
    };
    let nobody = Condition::default();
    let (from, to) = (TcpState::Established, TcpState::FinWait1);
    let by = Actor::Task(nginx);
    let all = [
        (by, What::CloseCalled { socket, condition }),
        (
            by,
            What::ShutdownCalled {
                socket,
                condition: nobody,
                send: true,
                receive: false,
            },
        ),
        (
            Actor::Unknown,
            What::FinQueued {
                socket,
                seq: Some(77),
                unsent: None,
            },
        ),
        (
            by,
            What::RstSent {
                socket,
                condition: nobody,
                reason: Some(9),
            },
        ),
        (
            Actor::Softirq,
            What::RstAnswered {
                flow: flow("10.0.0.1:8080", "192.168.100.110:52344"),
                socket: None,
                state: None,
                condition: Condition::default(),
                provoked_by,
                reason: None,
            },
        ),
        (
            by,
            What::StateChanged {
                socket,
                condition: nobody,
                held_back,
                from,
                to,
            },
        ),
        (
            Actor::Softirq,
            What::RstReceived {
                socket,
                condition: nobody,
            },
        ),
        (Actor::Softirq, What::FinRetransmitted { socket, seq: 77 }),
        (
            Actor::KernelThread(worker),
            What::Destroyed {
                socket,
                condition: nobody,
                held_back: HeldBack::default(),
            },
        ),
        (Actor::Task(exiting), What::ProcessExited { task: exiting }),
        (by, What::ProcessExeced { task: nginx }),
        (
            by,
            What::ProcessForked {
                parent: nginx,
                child_pid: 1235,
                child_tid: 1235,
            },
        ),
    ];
    all.into_iter()
        .zip(0..)
        .map(|((actor, what), index)| Observation {
            at: MonoNs(BORN + index * index * 1_234),
            cpu: 1,
            seq: index,
            actor,
            what,
        })
        .collect()
}

pub(in crate::render) fn start() -> Start<'static> {
    Start {
        at: MonoNs(BORN - 1),
        version: "0.1.0",
        kernel: Some("6.18.5"),
        machine: "x86_64",
        transport: Some("perf"),
        points: &[
            Point {
                name: "tcp_close",
                way: Some("fentry"),
            },
            Point {
                name: "tcp_shutdown",
                way: None,
            },
        ],
    }
}

pub(in crate::render) fn lost() -> Lost {
    let mut records = PerKind::default();
    records.set(Kind::StateChanged, 10);
    records.set(Kind::RstSent, 1);
    Lost {
        at: MonoNs(BORN),
        records,
    }
}

pub(in crate::render) fn tally() -> Tally {
    let mut tally = Tally {
        at: MonoNs(BORN + 5_000_000_000),
        undecodable: 1,
        late: 2,
        endings: 4,
        delays: Some(vec![
            Delay {
                netns: Some(4_026_531_840),
                device: Some(Foreign::from(b"lo".as_slice())),
                sent: true,
                segments: 3,
                contrary: 0,
                p50_ns: 4_160,
                p99_ns: 18_200,
                max_ns: 1_200_000,
            },
            Delay {
                netns: None,
                device: None,
                sent: false,
                segments: 2,
                contrary: 1,
                p50_ns: 0,
                p99_ns: 900,
                max_ns: 900,
            },
        ]),
        ..Tally::default()
    };
    tally.emitted.set(Kind::StateChanged, 20);
    tally.received.set(Kind::StateChanged, 9);
    tally.lost.set(Kind::StateChanged, 10);
    tally
}

/// Two captures, one aligned and one not.
pub(in crate::render) fn alignments() -> [Alignment; 2] {
    let aligned = Alignment {
        file: Foreign::from(b"there.pcap".as_slice()),
        recorded: 40,
        captured: 44,
        matches: 38,
        outliers: 1,
        unrelated: 2,
        translated: 3,
        fit: Some(Fit {
            at: MonoNs(BORN + 1_000_000_000),
            capture_ns: 1_777_897_900_000_000_000,
            error_ns: Some(2_100),
            drift: Some(Drift {
                parts: 12_345_678,
                error_parts: 400_000,
            }),
            assumption: Assumption::EqualShortest,
            residual: Spread {
                p50: 4_160,
                p99: 18_200,
                max: 1_200_000,
            },
        }),
    };
    let other = Alignment {
        file: Foreign::from(b"other.pcap".as_slice()),
        matches: 0,
        outliers: 0,
        unrelated: 0,
        translated: 0,
        fit: None,
        ..aligned.clone()
    };
    [aligned, other]
}

/// An ending whose owner and actors have a name that moves a cursor and begins a line.
pub(in crate::render) fn evil() -> (Ending, Explanation) {
    let (mut ending, explanation) = endings().swap_remove(0);
    let comm = Comm(*b"evil\n\x1b[2J\0\0\0\0\0\0\0");
    if let Some(owner) = &mut ending.owner {
        (owner.task.comm, owner.task.process_comm) = (comm, comm);
    }
    (ending, explanation)
}

/// Complains about text in which that name stands as it is, or does not stand at all.
pub(in crate::render) fn is_tamed(text: &str) {
    assert!(!text.contains("evil\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("evil\\"), "{text}");
}
