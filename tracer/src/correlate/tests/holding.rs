//! Who a connection is said to belong to when no task ended it.

use std::num::NonZeroU64;

use crate::correlate::{Correlator, Limits, looked};
use crate::model::{
    ending::Ending,
    flow::Flow,
    holder::{Holder, Provenance},
    known::{KnownSocket, Origin},
    observation::{HeldBack, Observation, Segment, SegmentFlags, What},
    process::{Actor, Comm, Confidence, Exit, Task},
    reason::ReasonNames,
    socket::{Condition, FileRefs, Socket, SocketId, Timers},
    state::TcpState,
    time::MonoNs,
};

const INODE: u32 = 4_711;

fn task(pid: u32) -> Task {
    Task {
        pid,
        tid: pid,
        comm: Comm::default(),
        process_comm: Comm::default(),
        start_ns: Some(u64::from(pid)),
        uid: 0,
        goroutine: None,
        exit: None,
        executing: false,
    }
}

fn flow(local: &str, remote: u16) -> Flow {
    Flow {
        local: local.parse().unwrap(),
        remote: ([10, 0, 0, 9], remote).into(),
        netns: Some(1),
    }
}

fn id(address: u64) -> SocketId {
    SocketId {
        address,
        cookie: NonZeroU64::new(address),
    }
}

fn socket(address: u64, flow: Flow) -> Socket {
    Socket {
        id: id(address),
        flow,
        uid: None,
        state: Some(TcpState::Established),
    }
}

fn holder(pid: u32) -> Holder {
    Holder {
        pid,
        fd: Some(3),
        comm: Comm::default(),
        uid: 0,
        start_ns: Some(u64::from(pid)),
        from: Provenance::Procfs,
    }
}

fn known(state: TcpState, flow: Flow, pids: &[u32]) -> KnownSocket {
    KnownSocket {
        cookie: None,
        flow,
        state,
        in_state_ns: None,
        uid: None,
        inode: NonZeroU64::new(u64::from(INODE)),
        receive_queue: 0,
        send_queue: None,
        timer: None,
        traffic: None,
        origin: Origin::Procfs,
        holders: pids.iter().map(|&pid| holder(pid)).collect(),
    }
}

/// What happens at one time each, in this order.
fn endings(known: Vec<KnownSocket>, story: &[(Actor, What)]) -> Vec<Ending> {
    let mut correlator = Correlator::new(Limits::default(), ReasonNames::default());
    assert_eq!(correlator.know(known), 0);
    for (at, (actor, what)) in (1..).zip(story) {
        correlator.observe(&Observation {
            at: MonoNs(at),
            cpu: 0,
            seq: at,
            actor: *actor,
            what: what.clone(),
        });
    }
    correlator.finish()
}

fn owner(ending: &Ending) -> Option<(u32, Confidence, Provenance)> {
    let owner = ending.owner?;
    Some((owner.task.pid, owner.confidence, owner.from))
}

fn reset(address: u64, flow: Flow, condition: Condition) -> What {
    What::RstReceived {
        socket: socket(address, flow),
        condition,
    }
}

const HELD: Condition = Condition {
    file: Some(FileRefs::Held),
    dead: Some(false),
    inode: Some(INODE),
    ..NOTHING
};

const WAITING: Condition = Condition {
    file: Some(FileRefs::None),
    dead: Some(false),
    ..NOTHING
};

const NOTHING: Condition = Condition {
    unread: None,
    unacked: None,
    unsent: None,
    write_seq: None,
    rcv_nxt: None,
    dead: None,
    fin_received: None,
    fin_read: None,
    linger: None,
    err: None,
    rtt_us: None,
    bytes_acked: None,
    bytes_received: None,
    shutdown: None,
    file: None,
    inode: None,
    backlog: None,
    timers: Timers::UNKNOWN,
};

fn listens(address: u64, local: &str, inode: u32, by: u32) -> (Actor, What) {
    let what = What::StateChanged {
        socket: Socket {
            state: Some(TcpState::Close),
            ..socket(address, flow(local, 0))
        },
        condition: Condition {
            inode: Some(inode),
            ..NOTHING
        },
        held_back: HeldBack::default(),
        from: TcpState::Close,
        to: TcpState::Listen,
    };
    (Actor::Task(task(by)), what)
}

#[test]
fn a_socket_older_than_the_attach_belongs_to_its_only_holder() {
    let of = flow("10.0.0.1:80", 1);
    let story = [(Actor::Softirq, reset(1, of, HELD))];
    for (pids, expected) in [
        (
            &[7, 7][..],
            Some((7, Confidence::Likely, Provenance::Procfs)),
        ),
        (&[7, 8][..], None),
    ] {
        let told = endings(vec![known(TcpState::Established, of, pids)], &story);
        assert_eq!(owner(&told[0]), expected, "{pids:?}");
    }
}

#[test]
fn who_accepts_wins_over_an_older_look() {
    let of = flow("10.0.0.1:80", 1);
    let accepted = What::Accepted {
        socket: id(1),
        inode: Some(INODE),
    };
    let story = [
        (Actor::Task(task(8)), accepted),
        (Actor::Softirq, reset(1, of, HELD)),
    ];
    let told = endings(vec![known(TcpState::Established, of, &[7])], &story);
    let expected = (8, Confidence::Exact, Provenance::Accepted);
    assert_eq!(owner(&told[0]), Some(expected));
}

#[test]
fn who_accepts_does_not_own_what_had_the_address_before() {
    let of = flow("10.0.0.1:80", 1);
    let closed = What::StateChanged {
        socket: socket(1, of),
        condition: NOTHING,
        held_back: HeldBack::default(),
        from: TcpState::Established,
        to: TcpState::FinWait1,
    };
    let accepted = What::Accepted {
        socket: SocketId {
            address: 1,
            cookie: None,
        },
        inode: Some(INODE),
    };
    let story = [
        (Actor::Task(task(7)), closed),
        (Actor::Task(task(8)), accepted),
    ];
    let told = endings(Vec::new(), &story);
    let expected = (7, Confidence::Exact, Provenance::Acted);
    assert_eq!(owner(&told[0]), Some(expected));
}

#[test]
fn after_a_close_that_left_it_open_an_older_look_says_nothing() {
    let of = flow("10.0.0.1:80", 1);
    let left = What::HeldOpen {
        socket: socket(1, of),
        inode: Some(INODE),
        references: 1,
    };
    let story = [
        (Actor::Task(task(7)), left),
        (Actor::Softirq, reset(1, of, HELD)),
    ];
    let told = endings(vec![known(TcpState::Established, of, &[7])], &story);
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].owner.unwrap().task.pid, 7);
    assert_eq!(owner(&told[1]), None);
    assert_eq!(told[1].after, Some(told[0].id()));
}

#[test]
fn a_new_look_names_who_holds_it_and_drops_who_does_not() {
    let of = flow("10.0.0.1:80", 1);
    let accepted = What::Accepted {
        socket: id(1),
        inode: Some(INODE),
    };
    let story = [
        (Actor::Task(task(7)), accepted),
        (Actor::Softirq, reset(1, of, HELD)),
    ];
    let told = &endings(Vec::new(), &story)[0];
    let after = |holders: Option<&[u32]>| {
        let mut ending = told.clone();
        let found = holders.map(|pids| pids.iter().map(|&pid| holder(pid)).collect());
        looked(&mut ending, found);
        owner(&ending)
    };
    let accepted = |confidence| Some((7, confidence, Provenance::Accepted));
    assert_eq!(after(Some(&[8, 7])), accepted(Confidence::Exact));
    assert_eq!(
        after(Some(&[8])),
        Some((8, Confidence::Likely, Provenance::Procfs))
    );
    assert_eq!(after(Some(&[8, 9])), None);
    assert_eq!(after(Some(&[])), accepted(Confidence::Likely));
    assert_eq!(after(None), accepted(Confidence::Likely));
}

#[test]
fn a_connection_nobody_accepted_belongs_to_the_only_listener_it_can_be_for() {
    let of = flow("10.0.0.1:80", 1);
    let waiting = (Actor::Softirq, reset(1, of, WAITING));
    let any = listens(100, "0.0.0.0:80", 50, 7);
    let exact = listens(101, "10.0.0.1:80", 51, 8);
    let other = listens(102, "10.0.0.2:80", 52, 9);
    let of_listener = |pid| Some((pid, Confidence::Likely, Provenance::Listener));
    for (listeners, expected) in [
        (vec![any.clone()], of_listener(7)),
        (vec![any.clone(), exact.clone()], of_listener(8)),
        (vec![any.clone(), other.clone()], of_listener(7)),
        (
            vec![exact.clone(), listens(103, "10.0.0.1:80", 53, 10)],
            None,
        ),
        (vec![other], None),
    ] {
        let story = [listeners, vec![waiting.clone()]].concat();
        let told = endings(Vec::new(), &story);
        assert_eq!(owner(&told[0]), expected, "{story:?}");
    }
}

#[test]
fn of_several_listeners_the_one_the_kernel_chose_counts() {
    let of = flow("10.0.0.1:80", 1);
    let story = [
        listens(100, "10.0.0.1:80", 50, 7),
        listens(101, "10.0.0.1:80", 51, 8),
        (
            Actor::Softirq,
            What::Queued {
                socket: id(1),
                listener: id(101),
            },
        ),
        (Actor::Softirq, reset(1, of, WAITING)),
    ];
    let told = &endings(Vec::new(), &story)[0];
    assert_eq!(told.owner.unwrap().task.pid, 8);
    assert_eq!(told.look.unwrap().inode, 51);
}

#[test]
fn a_listener_older_than_the_attach_is_known_by_the_look() {
    let story = [(Actor::Softirq, reset(1, flow("10.0.0.1:80", 1), WAITING))];
    let listener = known(TcpState::Listen, flow("0.0.0.0:80", 0), &[7]);
    let told = &endings(vec![listener], &story)[0];
    assert_eq!(told.owner.unwrap().task.pid, 7);
}

#[test]
fn a_stray_segment_names_the_ending_before_and_how_its_owner_ended() {
    let of = flow("10.0.0.1:80", 1);
    let closed = What::StateChanged {
        socket: socket(1, of),
        condition: Condition {
            file: Some(FileRefs::Released),
            ..NOTHING
        },
        held_back: HeldBack::default(),
        from: TcpState::Established,
        to: TcpState::FinWait1,
    };
    let gone = What::Destroyed {
        socket: socket(1, of),
        condition: NOTHING,
        held_back: HeldBack::default(),
    };
    let exited = What::ProcessExited {
        task: Task {
            exit: Some(Exit::Status(3)),
            ..task(7)
        },
    };
    let stray = What::RstAnswered {
        flow: of,
        socket: None,
        state: None,
        condition: Condition::default(),
        provoked_by: Segment {
            seq: 1,
            ack: 2,
            flags: SegmentFlags(SegmentFlags::ACK),
        },
        reason: None,
    };
    let by = Actor::Task(task(7));
    let story = [
        (by, closed),
        (Actor::Softirq, gone),
        (by, exited),
        (Actor::Softirq, stray),
    ];
    let told = endings(Vec::new(), &story);
    let (stray, before) = (&told[0], &told[1]);
    assert_eq!(stray.after, Some(before.id()));
    let expected = (7, Confidence::Likely, Provenance::Before);
    assert_eq!(owner(stray), Some(expected));
    assert_eq!(stray.owner.unwrap().task.exit, Some(Exit::Status(3)));
    assert_eq!(before.owner.unwrap().confidence, Confidence::Exact);
}
