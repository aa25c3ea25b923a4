//! Who is said to have asked for a close.

use crate::correlate::{Correlator, Limits};
use crate::model::{
    ending::{Ending, How},
    observation::{HeldBack, Observation, What},
    process::{Actor, Comm, Task},
    reason::ReasonNames,
    socket::{Condition, FileRefs, Socket, SocketId},
    stack::{Addresses, Caller, Taken},
    state::TcpState,
    time::MonoNs,
};

const ID: SocketId = SocketId {
    address: 7,
    cookie: None,
};

fn goroutine(pid: u32, number: u64) -> Actor {
    Actor::Task(Task {
        pid,
        tid: pid,
        comm: Comm::default(),
        process_comm: Comm::default(),
        start_ns: Some(u64::from(pid)),
        uid: 0,
        goroutine: Some(number),
        exit: None,
        executing: false,
    })
}

fn socket() -> Socket {
    Socket {
        id: ID,
        flow: crate::model::flow::Flow {
            local: ([10, 0, 0, 1], 80).into(),
            remote: ([10, 0, 0, 9], 9).into(),
            netns: Some(1),
        },
        uid: None,
        state: Some(TcpState::Established),
    }
}

fn asks() -> What {
    What::CloseAsked { socket: socket() }
}

fn sends_fin() -> What {
    What::StateChanged {
        socket: socket(),
        condition: Condition {
            file: Some(FileRefs::Released),
            ..Condition::default()
        },
        held_back: HeldBack::default(),
        from: TcpState::Established,
        to: TcpState::FinWait1,
    }
}

fn closes_one_of_two() -> What {
    What::HeldOpen {
        socket: socket(),
        inode: Some(3),
        references: 1,
    }
}

pub(super) fn stack(of_seq: u64) -> What {
    What::Stack(Box::new(Taken {
        socket: ID,
        of_seq,
        caller: Caller::Task,
        pid: 1,
        tid: 1,
        start_ns: 1,
        mm: 1,
        kernel: Addresses::NotAsked,
        user: Addresses::Frames(vec![1]),
        registers: Vec::new(),
        memory: Vec::new(),
    }))
}

/// One thing each second; a stack comes at the time of what is before it.
fn endings(story: &[(Actor, What)]) -> Vec<Ending> {
    let mut correlator = Correlator::new(Limits::default(), ReasonNames::default());
    let mut at = 0;
    for (seq, (actor, what)) in (1..).zip(story) {
        if !matches!(what, What::Stack(_)) {
            at += 1_000_000_000;
        }
        correlator.observe(&Observation {
            at: MonoNs(at),
            cpu: 0,
            seq,
            actor: *actor,
            what: what.clone(),
        });
    }
    correlator.finish()
}

/// How each ended and which goroutine had asked for it.
fn asked(story: &[(Actor, What)]) -> Vec<(How, Option<u64>)> {
    let told = endings(story).into_iter().map(|ending| {
        let asked = ending.asked.and_then(|asked| asked.task.goroutine);
        (ending.decisive().unwrap().how, asked)
    });
    told.collect()
}

#[test]
fn another_goroutine_may_carry_out_what_one_asked_for() {
    let told = asked(&[(goroutine(1, 17), asks()), (goroutine(1, 6), sends_fin())]);
    assert_eq!(told, [(How::FinSent, Some(17))]);
}

#[test]
fn the_second_to_ask_does_so_in_vain() {
    let story = [
        (goroutine(1, 17), asks()),
        (goroutine(1, 18), asks()),
        (goroutine(1, 6), sends_fin()),
        (goroutine(1, 19), asks()),
    ];
    assert_eq!(asked(&story), [(How::FinSent, Some(17))]);
}

#[test]
fn what_another_process_asks_for_is_its_own_affair() {
    let told = asked(&[(goroutine(2, 17), asks()), (goroutine(1, 6), sends_fin())]);
    assert_eq!(told, [(How::FinSent, None)]);
}

#[test]
fn a_close_that_ends_nothing_uses_its_wish_up() {
    let story = [
        (goroutine(1, 17), asks()),
        (goroutine(1, 17), closes_one_of_two()),
        (goroutine(1, 18), asks()),
        (goroutine(1, 18), sends_fin()),
    ];
    let told = asked(&story);
    assert_eq!(
        told,
        [(How::HeldOpen, Some(17)), (How::FinSent, Some(18))],
        "{told:?}"
    );
}

#[test]
fn the_stack_of_a_wish_is_not_that_of_the_act() {
    let story = [
        (goroutine(1, 17), asks()),
        (goroutine(1, 17), stack(1)),
        (goroutine(1, 6), sends_fin()),
        (goroutine(1, 6), stack(3)),
    ];
    let endings = endings(&story);
    let asked = endings[0].asked.and_then(|asked| asked.stack);
    assert_eq!(asked.map(|id| id.of_seq), Some(1));
    let act = endings[0].acts[0].stack;
    assert_eq!(act.map(|id| id.of_seq), Some(3));
}
