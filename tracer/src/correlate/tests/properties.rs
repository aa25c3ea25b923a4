//! What holds for every sequence of observations, likely or not.

use std::num::NonZeroU64;

use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::correlate::{Correlator, Counters, Limits};
use crate::model::{
    clock::Timed,
    ending::Ending,
    flow::Flow,
    observation::{HeldBack, Observation, Segment, SegmentFlags, What},
    process::{Actor, Comm, Exit, Task},
    reason::ReasonNames,
    segment::Seen,
    socket::{Condition, FileRefs, Socket, SocketId},
    state::TcpState,
    time::MonoNs,
};

const SMALL: Limits = Limits {
    sockets: 3,
    answer_ns: 0,
    every_reset: true,
    reach_ns: 0,
    acts: 4,
    transitions: 5,
    settle_ns: 1_000,
    grace_ns: 10,
};

fn correlator(limits: Limits) -> Correlator {
    Correlator::new(limits, ReasonNames::new([(11, "TCP_ABORT_ON_CLOSE")]))
}

fn state() -> impl Strategy<Value = TcpState> {
    (1_u32..=12).prop_map(|raw| TcpState::from_kernel(raw).unwrap())
}

fn task(pid: u32, exit: Option<Exit>) -> Task {
    Task {
        pid,
        tid: pid,
        comm: Comm(*b"worker\0\0\0\0\0\0\0\0\0\0"),
        process_comm: Comm::default(),
        start_ns: None,
        uid: 0,
        goroutine: None,
        exit,
        executing: false,
    }
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        (1_u32..4).prop_map(|pid| Actor::Task(task(pid, None))),
        (1_u32..4).prop_map(|pid| Actor::Task(task(pid, Some(Exit::Signal(9))))),
        Just(Actor::KernelThread(task(9, None))),
        Just(Actor::Softirq),
        Just(Actor::Unknown),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let flag = || option::of(any::<bool>());
    let err = option::of(select(vec![0_u32, 32, 103, 104, 110, 111, 113]));
    let file = select(vec![FileRefs::None, FileRefs::Held, FileRefs::Released]);
    (
        option::of(0_u32..3),
        flag(),
        flag(),
        option::of(option::of(0_u32..3)),
        err,
        option::of(file),
    )
        .prop_map(
            |(unread, dead, fin_received, linger, err, file)| Condition {
                unread,
                dead,
                fin_received,
                linger,
                err,
                file,
                ..Condition::default()
            },
        )
}

fn flow(number: u64) -> Flow {
    Flow {
        local: ([10, 0, 0, 1], 1000 + u16::try_from(number).unwrap()).into(),
        remote: ([10, 0, 0, 2], 80).into(),
        netns: Some(1),
    }
}

fn id() -> impl Strategy<Value = SocketId> {
    (0_u64..5, 0_u64..3).prop_map(|(address, cookie)| SocketId {
        address,
        cookie: NonZeroU64::new(cookie),
    })
}

fn socket() -> impl Strategy<Value = Socket> {
    (id(), option::of(state())).prop_map(|(id, state)| Socket {
        id,
        flow: flow(id.address),
        uid: None,
        state,
    })
}

fn held_back() -> impl Strategy<Value = HeldBack> {
    let at = || option::weighted(0.1, (0_u64..5_000).prop_map(MonoNs));
    (at(), at()).prop_map(|(fin_received, rst_received)| HeldBack {
        fin_received,
        rst_received,
    })
}

fn transition() -> impl Strategy<Value = What> {
    (socket(), condition(), held_back(), state(), state()).prop_map(
        |(socket, condition, held_back, from, to)| What::StateChanged {
            socket,
            condition,
            held_back,
            from,
            to,
        },
    )
}

/// Anything else the type admits, whether a kernel would do it or not.
fn what() -> impl Strategy<Value = What> {
    let call = (socket(), condition(), any::<bool>(), any::<bool>());
    let answer = (id(), any::<bool>(), option::of(state()), 0_u8..=255);
    prop_oneof![
        (socket(), condition())
            .prop_map(|(socket, condition)| What::CloseCalled { socket, condition }),
        call.prop_map(|(socket, condition, send, receive)| What::ShutdownCalled {
            socket,
            condition,
            send,
            receive,
        }),
        socket().prop_map(|socket| What::FinQueued {
            socket,
            seq: Some(1),
            unsent: None,
        }),
        (socket(), condition(), option::of(0_u32..20)).prop_map(|(socket, condition, reason)| {
            What::RstSent {
                socket,
                condition,
                reason,
            }
        }),
        answer.prop_map(|(id, known, state, flags)| What::RstAnswered {
            flow: flow(id.address),
            socket: known.then_some(id),
            state,
            condition: Condition::default(),
            provoked_by: Segment {
                seq: 1,
                ack: 2,
                flags: SegmentFlags(flags),
            },
            reason: None,
        }),
        (socket(), condition())
            .prop_map(|(socket, condition)| What::RstReceived { socket, condition }),
        socket().prop_map(|socket| What::FinRetransmitted { socket, seq: 1 }),
        (socket(), condition(), held_back()).prop_map(|(socket, condition, held_back)| {
            What::Destroyed {
                socket,
                condition,
                held_back,
            }
        }),
        holding(),
        Just(What::ProcessExited {
            task: task(1, None)
        }),
    ]
}

/// What tells of holders and ends nothing.
fn holding() -> impl Strategy<Value = What> {
    prop_oneof![
        id().prop_map(|socket| What::Accepted {
            socket,
            inode: Some(7)
        }),
        socket().prop_map(|socket| What::HeldOpen {
            socket,
            inode: Some(7),
            references: 1,
        }),
        id().prop_map(|socket| What::Queued {
            socket,
            listener: socket,
        }),
    ]
}

fn observation(at: impl Strategy<Value = u64>) -> impl Strategy<Value = Observation> {
    let what = prop_oneof![1 => transition(), 2 => what()];
    (at, actor(), what).prop_map(|(at, actor, mut what)| {
        // What was held back happened before the event that brings it.
        if let What::StateChanged { held_back, .. } | What::Destroyed { held_back, .. } = &mut what
        {
            let before = |it: MonoNs| it.min(MonoNs(at));
            held_back.fin_received = held_back.fin_received.map(before);
            held_back.rst_received = held_back.rst_received.map(before);
        }
        Observation {
            at: MonoNs(at),
            cpu: 0,
            seq: 0,
            actor,
            what,
        }
    })
}

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0_u64..5_000, 1 => any::<u64>()]
}

/// A segment of one of the connections, from either end.
fn sighting() -> impl Strategy<Value = Seen> {
    (0..5_u64, any::<bool>(), crate::record::tests::seen()).prop_map(|(number, back, mut seen)| {
        let flow = flow(number);
        let flow = if back { flow.reversed() } else { flow };
        (seen.headers.source, seen.headers.destination) = (flow.local, flow.remote);
        seen
    })
}

/// What may be seen, what may be captured, and how many nanoseconds after what was before.
fn step() -> BoxedStrategy<(Option<Observation>, Option<Seen>, u64)> {
    let seen = option::of(observation(Just(0)).boxed());
    (seen, option::of(sighting()), 0..2_000_000_000_u64).boxed()
}

/// Everything told of a run: each watermark is the time of the observation that comes next.
fn run(limits: Limits, seen: &[Observation]) -> (Vec<Ending>, Counters) {
    let mut correlator = correlator(limits);
    let mut endings = Vec::new();
    for observation in seen {
        endings.extend(correlator.settle(observation.at));
        correlator.observe(observation);
    }
    endings.extend(correlator.finish());
    (endings, correlator.counters())
}

fn address(seen: &Observation) -> Option<u64> {
    match &seen.what {
        What::CloseCalled { socket, .. }
        | What::ShutdownCalled { socket, .. }
        | What::FinQueued { socket, .. }
        | What::RstSent { socket, .. }
        | What::StateChanged { socket, .. }
        | What::RstReceived { socket, .. }
        | What::FinRetransmitted { socket, .. }
        | What::HeldOpen { socket, .. }
        | What::CloseAsked { socket }
        | What::Destroyed { socket, .. } => Some(socket.id.address),
        What::Accepted { socket, .. } | What::Queued { socket, .. } => Some(socket.address),
        // Nobody's answers know whose the tuple was before.
        What::RstAnswered { flow, .. } => Some(u64::from(flow.local.port()) - 1_000),
        What::Stack(taken) => Some(taken.socket.address),
        What::SegmentSeen(_)
        | What::ProcessExited { .. }
        | What::ProcessExeced { .. }
        | What::ProcessForked { .. } => None,
    }
}

/// The endings in an order that does not depend on when each was told.
fn sorted(endings: impl IntoIterator<Item = Ending>) -> Vec<String> {
    let mut told: Vec<_> = endings.into_iter().map(|e| format!("{e:?}")).collect();
    told.sort();
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_panics_or_outgrows_the_limits(
        seen in vec(observation(any_time()), 0..200)
    ) {
        let mut correlator = correlator(SMALL);
        for observation in &seen {
            correlator.observe(observation);
            prop_assert!(correlator.sockets() <= SMALL.sockets);
            prop_assert!(correlator.sockets.waiting() <= correlator.sockets());
            prop_assert!(correlator.sockets.found_by_flow() <= correlator.sockets());
            for ending in correlator.settle(observation.at) {
                prop_assert!(!ending.acts.is_empty());
                prop_assert!(ending.acts.len() <= SMALL.acts + 1);
                prop_assert!(ending.states.len() <= SMALL.transitions);
                prop_assert!(ending.acts.is_sorted_by_key(|act| act.at));
            }
        }
        correlator.finish();
        prop_assert_eq!(correlator.sockets(), 0);
        prop_assert_eq!(correlator.sockets.waiting(), 0);
        prop_assert_eq!(correlator.sockets.found_by_flow(), 0);
    }

    #[test]
    fn the_same_sequence_at_one_instant_always_tells_the_same(
        seen in vec(observation(Just(7)), 0..60)
    ) {
        prop_assert_eq!(run(SMALL, &seen), run(SMALL, &seen));
    }

    #[test]
    fn sockets_change_nothing_in_each_others_endings(
        mut seen in vec(observation(0_u64..5_000), 0..120)
    ) {
        seen.sort_by_key(|observation| observation.at);
        let roomy = Limits { sockets: 100, ..SMALL };
        let (together, _) = run(roomy, &seen);
        let alone = (0..5).map(Some).chain([None]).flat_map(|number| {
            let mut own = correlator(roomy);
            let mut endings = Vec::new();
            for observation in &seen {
                // Time passes for everybody.
                endings.extend(own.settle(observation.at));
                if address(observation) == number {
                    own.observe(observation);
                }
            }
            endings.extend(own.finish());
            endings
        });
        // How far a run has come is known from everybody's events.
        let alike = |mut ending: Ending| {
            ending.until = MonoNs(0);
            ending
        };
        let together = together.into_iter().map(alike);
        prop_assert_eq!(sorted(together), sorted(alone.map(alike)));
    }

    #[test]
    fn sleep_changes_no_ending(
        mut seen in vec(observation(0_u64..5_000), 0..120), awake in 1_usize..4
    ) {
        seen.sort_by_key(|observation| observation.at);
        let roomy = Limits { sockets: 100, ..SMALL };
        let mut sleepy = correlator(roomy);
        sleepy.sockets = crate::correlate::sockets::Sockets::new(roomy.sockets).with_awake(awake);
        let mut endings = Vec::new();
        for observation in &seen {
            endings.extend(sleepy.settle(observation.at));
            sleepy.observe(observation);
            prop_assert!(sleepy.sockets.awake() <= awake);
            prop_assert!(sleepy.sockets.found_by_flow() <= sleepy.sockets());
        }
        endings.extend(sleepy.finish());
        prop_assert_eq!(sleepy.sockets.found_by_flow(), 0);
        let (awake, counters) = run(roomy, &seen);
        prop_assert_eq!(sorted(endings), sorted(awake));
        prop_assert_eq!(sleepy.counters(), counters);
    }

    #[test]
    fn asking_often_or_once_tells_the_same(
        mut seen in vec(observation(0_u64..5_000), 0..120)
    ) {
        seen.sort_by_key(|observation| observation.at);
        let mut asked_once = correlator(SMALL);
        for observation in &seen {
            asked_once.observe(observation);
        }
        prop_assert_eq!(run(SMALL, &seen).0, asked_once.finish());
    }

    #[test]
    fn a_turn_that_is_not_due_tells_nothing_and_forgets_nothing(
        steps in vec(step(), 0..60)
    ) {
        let limits = Limits {
            settle_ns: 1_000_000_000,
            grace_ns: 50_000_000,
            answer_ns: 50_000_000,
            ..SMALL
        };
        let (mut always, mut when_due) = (correlator(limits), correlator(limits));
        let mut now = MonoNs(0);
        for (observation, sighting, ns) in steps {
            now = now.after(ns);
            for correlator in [&mut always, &mut when_due] {
                if let Some(observation) = &observation {
                    correlator.observe(&Observation { at: now, ..observation.clone() });
                }
                if let Some(seen) = &sighting {
                    correlator.sight(Timed { at: now, error_ns: Some(0) }, flow(0).netns, seen);
                }
            }
            let watermark = now.before(20_000_000);
            let told = always.settle(watermark);
            if when_due.due(watermark) {
                prop_assert_eq!(told, when_due.settle(watermark));
            } else {
                prop_assert!(told.is_empty());
            }
            prop_assert_eq!(always.strays(), when_due.strays());
        }
        prop_assert_eq!(always.finish(), when_due.finish());
    }

    #[test]
    fn the_order_of_different_sockets_at_one_instant_does_not_matter(
        seen in vec(observation(Just(7)), 0..60)
    ) {
        let mut grouped = seen.clone();
        grouped.sort_by_key(address);
        let roomy = Limits { sockets: 100, ..SMALL };
        prop_assert_eq!(sorted(run(roomy, &seen).0), sorted(run(roomy, &grouped).0));
    }
}

fn changed(number: u64, at: u64, from: TcpState, to: TcpState) -> Observation {
    Observation {
        at: MonoNs(at),
        cpu: 0,
        seq: 0,
        actor: Actor::Task(task(1, None)),
        what: What::StateChanged {
            socket: Socket {
                id: SocketId {
                    address: number,
                    cookie: None,
                },
                flow: flow(number),
                uid: None,
                state: Some(from),
            },
            condition: Condition::default(),
            held_back: HeldBack::default(),
            from,
            to,
        },
    }
}

#[test]
fn a_full_table_forgets_the_socket_untouched_for_longest_and_tells_what_it_knew() {
    let mut correlator = correlator(SMALL);
    for number in 0..3 {
        let at = 10 + number;
        correlator.observe(&changed(
            number,
            at,
            TcpState::Established,
            TcpState::CloseWait,
        ));
    }
    correlator.observe(&changed(0, 20, TcpState::CloseWait, TcpState::LastAck));
    correlator.observe(&changed(9, 21, TcpState::SynSent, TcpState::Established));
    let told = correlator.settle(MonoNs(21));
    let addresses: Vec<_> = told
        .iter()
        .filter_map(|ending| Some(ending.socket?.address))
        .collect();
    assert_eq!(addresses, [1]);
    assert_eq!(correlator.counters().evicted, 1);
    assert_eq!(correlator.sockets(), 3);
}

#[test]
fn an_address_that_connects_anew_is_another_socket() {
    let mut correlator = correlator(SMALL);
    correlator.observe(&changed(1, 1, TcpState::Established, TcpState::FinWait1));
    correlator.observe(&changed(1, 2, TcpState::Close, TcpState::SynSent));
    let told = correlator.settle(MonoNs(2).after(SMALL.grace_ns));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].first_seen, MonoNs(1));
    assert!(correlator.finish().is_empty());
}

#[test]
fn another_cookie_at_the_address_is_another_socket() {
    let with_cookie = |at, cookie| {
        let mut seen = changed(1, at, TcpState::Established, TcpState::CloseWait);
        let What::StateChanged { socket, .. } = &mut seen.what else {
            unreachable!("it is a state change")
        };
        socket.id.cookie = NonZeroU64::new(cookie);
        seen
    };
    let mut correlator = correlator(SMALL);
    correlator.observe(&with_cookie(1, 5));
    correlator.observe(&with_cookie(2, 6));
    let told = correlator.settle(MonoNs(2).after(SMALL.grace_ns));
    assert_eq!(told.len(), 1);
    assert_eq!(correlator.finish().len(), 1);
}

#[test]
fn what_finds_no_room_in_an_ending_is_counted() {
    let mut correlator = correlator(SMALL);
    for at in 0..8 {
        correlator.observe(&changed(1, at, TcpState::SynRecv, TcpState::Established));
    }
    correlator.finish();
    assert_eq!(correlator.counters().truncated, 3);
}

#[test]
fn nothing_to_tell_allocates_nothing() {
    let mut correlator = correlator(SMALL);
    correlator.observe(&changed(1, 1, TcpState::Established, TcpState::CloseWait));
    assert_eq!(correlator.settle(MonoNs(u64::MAX)).capacity(), 0);
}

#[test]
fn a_handshake_finished_twice_is_one_connection() {
    let at_other_cpu = |number, at, from, to| {
        let mut seen = changed(number, at, from, to);
        let What::StateChanged { socket, .. } = &mut seen.what else {
            unreachable!("it is a state change")
        };
        socket.flow = flow(1);
        seen
    };
    let mut correlator = correlator(SMALL);
    correlator.observe(&changed(1, 1, TcpState::Listen, TcpState::SynRecv));
    correlator.observe(&at_other_cpu(2, 2, TcpState::Listen, TcpState::SynRecv));
    correlator.observe(&at_other_cpu(2, 3, TcpState::SynRecv, TcpState::Close));
    let mut second = changed(2, 4, TcpState::Close, TcpState::Close);
    let What::StateChanged { socket, .. } = second.what else {
        unreachable!("it is a state change")
    };
    second.what = What::Destroyed {
        socket,
        condition: Condition::default(),
        held_back: HeldBack::default(),
    };
    correlator.observe(&second);
    assert!(correlator.finish().is_empty(), "it never was a connection");
}
