//! What is kept can be told on its own, and is no more than there is room for.

use proptest::prelude::*;
use tracer_common::event::Kind;

use super::*;
use crate::{
    decode::{decode, tests::encode::encode},
    model::{
        flow::Flow,
        observation::{HeldBack, Observation, What},
        process::Actor,
        socket::{Condition, Socket, SocketId},
        state::TcpState,
        time::{MonoNs, Reached},
    },
    record::{Answer, Entry, Reader, Stop, tests::header},
    tally::{Account, PerKind},
    tests::arbitrary,
};

const SECOND: u64 = 1_000_000_000;

fn socket(address: u64, port: u16) -> Socket {
    Socket {
        id: SocketId {
            address,
            cookie: std::num::NonZeroU64::new(address),
        },
        flow: Flow {
            local: ([10, 0, 0, 1], port).into(),
            remote: ([10, 0, 0, 2], 80).into(),
            netns: Some(1),
        },
        uid: Some(0),
        state: Some(TcpState::Established),
    }
}

fn seen(at: u64, what: What) -> Observation {
    Observation {
        at: MonoNs(at),
        cpu: 0,
        seq: at,
        actor: Actor::Unknown,
        what,
    }
}

fn born(at: u64, socket: Socket) -> Observation {
    let what = What::StateChanged {
        socket,
        condition: Condition::default(),
        held_back: HeldBack::default(),
        from: TcpState::Close,
        to: TcpState::SynSent,
    };
    seen(at, what)
}

fn gone(at: u64, socket: Socket) -> Observation {
    let what = What::Destroyed {
        socket,
        condition: Condition::default(),
        held_back: HeldBack::default(),
    };
    seen(at, what)
}

/// A flight recorder that has heard of a run that began right away.
fn begun(keep_s: u64, memory: usize) -> Flight {
    let mut flight = Flight::new(Limits {
        keep_ns: keep_s * SECOND,
        memory,
    });
    flight.put(&Entry::Header(Box::new(header()))).unwrap();
    flight
}

/// What the kernel half would say after these records.
fn account(at: u64, emitted: u64, lost: u64) -> Account {
    let mut it = Account {
        emitted: PerKind::default(),
        lost: PerKind::default(),
        missed: Some(0),
        forgotten: 0,
        captured: None,
        clocks: None,
        at: MonoNs(at),
    };
    it.emitted.set(Kind::StateChanged, emitted);
    it.lost.set(Kind::StateChanged, lost);
    it
}

/// Plays a record and the watermark after it.
fn play(flight: &mut Flight, seen: &Observation) {
    flight.put(&Entry::Record(&encode(seen))).unwrap();
    let reached = Reached::records(seen.at);
    flight.put(&Entry::Turn(reached)).unwrap();
    flight.advance(seen.at).unwrap();
}

/// A recording of what is kept: the records and the last account.
fn saved(flight: &Flight) -> (Vec<Observation>, Option<Account>) {
    let file = flight.save(Vec::new(), Some("caught")).unwrap();
    let mut reader = Reader::new(&*file).unwrap();
    let (mut records, mut account) = (Vec::new(), None);
    while let Some(entry) = reader.entry().unwrap() {
        if let Entry::Record(record) = entry {
            records.push(decode(record).unwrap());
        } else if let Entry::Account(read) = entry {
            account = Some(*read);
        } else if let Entry::Header(header) = entry {
            assert!(header.settings.causes.is_empty() && header.settings.fin);
        }
    }
    assert_eq!(reader.stop(), Some(Stop::Whole));
    (records, account)
}

#[test]
fn of_the_time_before_the_window_only_sockets_alive_are_kept() {
    let mut flight = begun(10, 64 << 20);
    let old = socket(1, 1000);
    play(&mut flight, &born(SECOND, old));
    for second in 2..100 {
        let other = socket(second, 2000);
        play(&mut flight, &born(second * SECOND, other));
        play(&mut flight, &gone(second * SECOND + 1, other));
    }
    let (records, _) = saved(&flight);
    assert_eq!(records.first(), Some(&born(SECOND, old)));
    let second = |seen: &Observation| seen.at.0 / SECOND;
    let oldest = records.iter().skip(1).map(second).min();
    assert!((86..=90).contains(&oldest.unwrap()), "{oldest:?}");
    assert_eq!(records.len() % 2, 1, "births without ends");
    play(&mut flight, &gone(100 * SECOND, old));
    play(&mut flight, &born(120 * SECOND, socket(3, 3000)));
    let (records, _) = saved(&flight);
    assert_eq!(records, [born(120 * SECOND, socket(3, 3000))]);
}

#[test]
fn a_record_that_comes_after_the_end_of_its_socket_brings_it_not_back() {
    let mut flight = begun(1, 64 << 20);
    let it = socket(1, 1000);
    for seen in [born(SECOND, it), gone(SECOND + 2, it), born(SECOND + 1, it)] {
        flight.put(&Entry::Record(&encode(&seen))).unwrap();
    }
    flight.advance(MonoNs(2 * SECOND)).unwrap();
    flight.advance(MonoNs(9 * SECOND)).unwrap();
    assert_eq!(saved(&flight).0, []);
    // The address is another socket's now.
    let mut next = socket(1, 1001);
    next.id.cookie = std::num::NonZeroU64::new(2);
    play(&mut flight, &born(10 * SECOND, next));
    play(&mut flight, &born(20 * SECOND, socket(5, 1005)));
    let (records, _) = saved(&flight);
    assert_eq!(
        records,
        [born(10 * SECOND, next), born(20 * SECOND, socket(5, 1005))]
    );
}

#[test]
fn the_account_is_that_of_what_is_kept() {
    let mut flight = begun(10, 64 << 20);
    for second in 1..=100 {
        let it = socket(second % 7 + 1, 1000);
        play(&mut flight, &born(second * SECOND, it));
        // Every other second one more is lost.
        let (came, lost) = (second, second / 2);
        let account = account(second * SECOND + 1, came + lost, lost);
        flight.put(&Entry::Account(Box::new(account))).unwrap();
    }
    let (records, told) = saved(&flight);
    let told = told.unwrap();
    let received = u64::try_from(records.len()).unwrap();
    let counts = [told.emitted, told.lost].map(|it| it.get(Kind::StateChanged));
    assert!((4..=7).contains(&counts[1]), "{counts:?}");
    assert_eq!(counts[0], received + counts[1]);
}

#[test]
fn what_the_world_said_before_the_window_still_holds() {
    let mut flight = begun(10, 64 << 20);
    let told = |name: &str| Answer::Netns {
        inode: 1,
        name: Some(name.as_bytes().into()),
    };
    for (second, name) in [(1, "green"), (2, "blue")] {
        flight.put(&Entry::Answer(told(name))).unwrap();
        play(&mut flight, &born(second * SECOND, socket(second, 1)));
    }
    flight.advance(MonoNs(3 * SECOND)).unwrap();
    flight.advance(MonoNs(60 * SECOND)).unwrap();
    let file = flight.save(Vec::new(), Some("caught")).unwrap();
    let mut reader = Reader::new(&*file).unwrap();
    let mut answers = Vec::new();
    while let Some(entry) = reader.entry().unwrap() {
        if let Entry::Answer(answer) = entry {
            answers.push(answer);
        }
    }
    assert_eq!(answers, [told("blue")]);
}

#[test]
fn more_sockets_than_there_is_room_for_give_way_and_are_counted() {
    let memory = 1 << 20;
    let mut flight = begun(1, memory);
    for number in 1..20_000 {
        let at = SECOND + number * 1_000_000;
        play(&mut flight, &born(at, socket(number, 1000)));
        assert!(
            flight.memory() <= memory + (512 << 10),
            "{}",
            flight.memory()
        );
    }
    assert!(flight.crowded_out() > 10_000, "{}", flight.crowded_out());
    let (records, _) = saved(&flight);
    assert_eq!(records.last().map(|seen| seen.seq), Some(20_999_000_000));
}

proptest! {
    #[test]
    fn whatever_comes_there_is_a_bound_and_a_recording(
        observations in proptest::collection::vec(arbitrary::observation(), 1..200),
    ) {
        let mut flight = begun(1, 1 << 20);
        for (observation, at) in observations.into_iter().zip((1..).map(|it| it * SECOND / 8)) {
            play(&mut flight, &Observation { at: MonoNs(at), ..observation });
            prop_assert!(flight.memory() <= 2 << 20);
        }
        let (records, _) = saved(&flight);
        prop_assert!(!records.is_empty());
    }
}
