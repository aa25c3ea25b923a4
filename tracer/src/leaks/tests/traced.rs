//! What hooks saw makes ages exact, and says who did what.

use super::*;
use crate::model::{
    observation::{HeldBack, Observation, What},
    process::{Actor, Confidence, Task},
    socket::{Condition, Socket, SocketId},
    stack::{Addresses, Caller, Taken},
};

const ID: SocketId = SocketId {
    address: 0x1000,
    cookie: NonZeroU64::new(7),
};

fn task(goroutine: Option<u64>) -> Task {
    Task {
        pid: 5,
        tid: 6,
        comm: Comm(*b"thread\0\0\0\0\0\0\0\0\0\0"),
        process_comm: Comm(*b"leaky\0\0\0\0\0\0\0\0\0\0\0"),
        start_ns: Some(1),
        uid: 0,
        goroutine,
        exit: None,
        executing: false,
    }
}

fn seen(at: u64, actor: Actor, what: What) -> Observation {
    Observation {
        at: MonoNs(at),
        cpu: 0,
        seq: 0,
        actor,
        what,
    }
}

fn by_task(at: u64, what: What) -> Observation {
    seen(at, Actor::Task(task(None)), what)
}

fn socket(ends: (&str, &str)) -> Socket {
    Socket {
        id: ID,
        flow: known(TcpState::Established, ends).flow,
        uid: None,
        state: None,
    }
}

fn changed(to: TcpState) -> What {
    What::StateChanged {
        socket: socket(ENDS),
        condition: Condition::default(),
        held_back: HeldBack::default(),
        from: TcpState::Established,
        to,
    }
}

fn stack(frames: &[u64], memory: u8) -> What {
    What::Stack(Box::new(Taken {
        socket: ID,
        of_seq: 0,
        caller: Caller::Task,
        pid: 5,
        tid: 6,
        start_ns: 1,
        mm: 2,
        kernel: Addresses::NotAsked,
        user: Addresses::Frames(frames.to_vec()),
        registers: vec![1],
        memory: vec![memory],
    }))
}

fn told(traced: &Traced, socket: &KnownSocket, at: u64) -> Found {
    let sockets = std::slice::from_ref(socket);
    Looks::new(SECOND).take(sockets, MonoNs(at), Some(traced))
}

#[test]
fn an_age_is_exact_where_the_change_was_seen_and_only_for_that_state() {
    let mut traced = Traced::default();
    traced.observe(&seen(3, Actor::Softirq, changed(TcpState::CloseWait)));
    let exact = |state| {
        let found = told(&traced, &held(state, &[5]), 10 * SECOND + 3);
        found.leaked.first().map(|it| (it.age_ns, it.exact))
    };
    assert_eq!(exact(TcpState::CloseWait), Some((10 * SECOND, true)));
    assert_eq!(exact(TcpState::FinWait2), Some((90 * SECOND, false)));
}

#[test]
fn who_accepted_and_who_shut_down_is_known_with_their_stacks() {
    let mut traced = Traced::default();
    traced.observe(&by_task(
        1,
        What::Accepted {
            socket: ID,
            inode: None,
        },
    ));
    traced.observe(&seen(1, Actor::Unknown, stack(&[11, 12], 0)));
    traced.observe(&seen(2, Actor::Softirq, changed(TcpState::FinWait2)));
    traced.observe(&by_task(
        3,
        What::ShutdownCalled {
            socket: socket(ENDS),
            condition: Condition::default(),
            send: true,
            receive: false,
        },
    ));
    traced.observe(&seen(3, Actor::Unknown, stack(&[21], 0)));
    let mut found = told(&traced, &held(TcpState::FinWait2, &[5]), 2 * SECOND);
    let leaked = &mut found.leaked[0];
    let frames = |touch: &Option<Touch>| {
        let touch = touch.as_ref().unwrap();
        (touch.how, touch.stack.as_ref().unwrap().user.clone())
    };
    let stack_of = |frames: &[u64]| Addresses::Frames(frames.to_vec());
    assert_eq!(frames(&leaked.got), (How::Accepted, stack_of(&[11, 12])));
    assert_eq!(frames(&leaked.last), (How::ShutDown, stack_of(&[21])));
    // Of two the later one counts.
    let sent = |at| Touch {
        how: How::Sent,
        at: MonoNs(at),
        task: task(Some(9)),
        stack: None,
    };
    leaked.touched(sent(2));
    assert_eq!(leaked.last.as_ref().unwrap().how, How::ShutDown);
    leaked.touched(sent(4));
    assert_eq!(leaked.last.as_ref().unwrap().how, How::Sent);
    assert_eq!(groups(&found).0[0].1.goroutine, Some(9));
}

#[test]
fn another_socket_at_the_same_address_inherits_nothing() {
    let mut traced = Traced::default();
    let accepted = |cookie| What::Accepted {
        socket: SocketId {
            cookie: NonZeroU64::new(cookie),
            ..ID
        },
        inode: None,
    };
    traced.observe(&by_task(1, accepted(6)));
    traced.observe(&seen(2, Actor::Softirq, changed(TcpState::CloseWait)));
    let leaked = held(TcpState::CloseWait, &[5]);
    let found = told(&traced, &leaked, 2 * SECOND);
    assert_eq!(found.leaked[0].got, None);
    traced.observe(&by_task(3, accepted(7)));
    let found = told(&traced, &leaked, 2 * SECOND);
    assert_eq!(found.leaked[0].got.as_ref().unwrap().at, MonoNs(3));
    // What is gone is forgotten.
    traced.observe(&seen(4, Actor::Softirq, changed(TcpState::Close)));
    let found = told(&traced, &leaked, 2 * SECOND);
    assert_eq!(found.leaked[0].got, None);
}

#[test]
fn sockets_of_goroutines_share_a_stack_and_others_may_differ_in_memory() {
    let mut traced = Traced::default();
    let mut kept = |goroutine, memory| {
        let What::Stack(taken) = stack(&[11, 12], memory) else {
            unreachable!()
        };
        traced.keep(&task(goroutine), &taken).unwrap()
    };
    let (one, other) = (kept(Some(1), 0), kept(Some(2), 1));
    assert!(std::sync::Arc::ptr_eq(&one, &other));
    assert!(one.memory.is_empty());
    let (one, other) = (kept(None, 0), kept(None, 1));
    assert_eq!((one.memory[0], other.memory[0]), (0, 1));
}

#[test]
fn a_close_that_leaves_a_copy_open_is_exactly_as_old_as_that() {
    let mut traced = Traced::default();
    traced.observe(&by_task(
        40 * SECOND,
        What::HeldOpen {
            socket: socket(ENDS),
            inode: None,
            references: 1,
        },
    ));
    let socket = KnownSocket {
        traffic: Some(used(60_000)),
        ..held(TcpState::Established, &[6])
    };
    let found = told(&traced, &socket, 100 * SECOND);
    let leaked = &found.leaked[0];
    assert_eq!(
        (leaked.leak, leaked.age_ns, leaked.exact),
        (Leak::ClosedButHeld, 60 * SECOND, true)
    );
    assert_eq!(leaked.last.as_ref().unwrap().how, How::Closed);
}

#[test]
fn time_wait_and_orphans_are_of_who_closed_first() {
    let mut traced = Traced::default();
    traced.observe(&by_task(1, changed(TcpState::FinWait1)));
    let time_wait = known(TcpState::TimeWait, ENDS);
    let listener = held(TcpState::Listen, &[8]);
    let mut other = time_wait.clone();
    other.flow.remote = "10.0.0.3:4000".parse().unwrap();
    let mut unknown = other.clone();
    unknown.flow.local = "10.0.0.1:40000".parse().unwrap();
    let sockets = [listener, time_wait, other, unknown];
    let told = ports::ports(sockets.iter(), &(32_768..=60_999), Some(&traced));
    let owed: Vec<_> = told
        .owed
        .iter()
        .map(|it| (it.process.map(|it| it.0), it.confidence))
        .collect();
    assert_eq!(
        owed,
        [
            (None, Confidence::Unknown),
            (Some(5), Confidence::Exact),
            (Some(8), Confidence::Likely),
        ]
    );
    assert_eq!((told.ephemeral, told.of_services), (1, vec![(80, 2)]));
    let mut orphans = [known(TcpState::FinWait2, ENDS)];
    attribute(&mut orphans, Some(&traced));
    let orphan = &orphans[0];
    assert_eq!(Leak::of(orphan, MonoNs(0), None), Some(Leak::Orphaned));
    assert_eq!(Owner::of(orphan).process().unwrap().0, 5);
}
