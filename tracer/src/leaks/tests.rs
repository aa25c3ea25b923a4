//! What counts as leaked, how old it is, and whose it is.

use std::num::NonZeroU64;

use super::{group::Groups, *};
use crate::{
    model::{
        flow::Flow,
        holder::{Holder, Provenance},
        known::{KnownSocket, Traffic},
        process::Comm,
        state::TcpState,
        time::MonoNs,
    },
    tests::known,
};

mod traced;

const SECOND: u64 = 1_000_000_000;
const ENDS: (&str, &str) = ("10.0.0.1:80", "10.0.0.2:4000");

fn holder(pid: u32, from: Provenance) -> Holder {
    Holder {
        pid,
        start_ns: None,
        fd: Some(pid + 1),
        comm: Comm(*b"leaky\0\0\0\0\0\0\0\0\0\0\0"),
        uid: 0,
        from,
    }
}

fn held(state: TcpState, pids: &[u32]) -> KnownSocket {
    let holder = |&pid| holder(pid, Provenance::Procfs);
    KnownSocket {
        inode: NonZeroU64::new(9),
        holders: pids.iter().map(holder).collect(),
        in_state_ns: Some(90 * SECOND),
        ..known(state, ENDS)
    }
}

/// Something was received and sent this many milliseconds ago.
fn used(ms: u32) -> Traffic {
    Traffic {
        sent_ms: ms,
        received_ms: ms,
        acked: 40,
        received: 50,
        unsent: 0,
    }
}

fn groups(found: &Found) -> Groups {
    Groups::of(&found.leaked, &Names::default())
}

fn look(sockets: &[KnownSocket]) -> Found {
    Looks::new(60 * SECOND).take(sockets, MonoNs(0), None)
}

#[test]
fn a_state_leaks_by_whether_somebody_holds_it() {
    use TcpState::{
        CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, TimeWait,
    };
    let of = |socket: &KnownSocket| Leak::of(socket, MonoNs(0), None);
    let orphaned = Some(Leak::Orphaned);
    for (state, with, without) in [
        (CloseWait, Some(Leak::NotClosed), Some(Leak::NotAccepted)),
        (FinWait2, Some(Leak::HalfClosed), orphaned),
        (FinWait1, Some(Leak::NotAcknowledged), orphaned),
        (Closing, Some(Leak::NotAcknowledged), orphaned),
        (LastAck, orphaned, orphaned),
        (Established, None, Some(Leak::NotAccepted)),
        (TimeWait, None, None),
        (Listen, None, None),
    ] {
        assert_eq!(of(&held(state, &[1])), with, "{state:?}");
        assert_eq!(of(&known(state, ENDS)), without, "{state:?}");
    }
}

#[test]
fn who_never_read_has_everything_that_came_and_who_reads_slowly_has_not() {
    let with = |received, unread| KnownSocket {
        receive_queue: unread,
        traffic: Some(Traffic {
            received,
            ..used(90_000)
        }),
        ..held(TcpState::Established, &[1])
    };
    let of = |socket: &KnownSocket| Leak::of(socket, MonoNs(0), None);
    assert_eq!(of(&with(50, 50)), Some(Leak::NeverRead));
    assert_eq!(of(&with(51, 50)), None);
    assert_eq!(of(&with(0, 0)), None);
    let found = look(&[with(50, 50)]);
    let only = &found.leaked[0];
    assert_eq!((only.age_ns, only.exact), (90 * SECOND, false));
}

#[test]
fn a_connection_closed_while_held_leaks_when_it_was_used_before_and_not_since() {
    let of = |traffic| {
        let socket = KnownSocket {
            traffic: Some(traffic),
            ..held(TcpState::Established, &[1])
        };
        Leak::of(&socket, MonoNs(100 * SECOND), Some(MonoNs(40 * SECOND)))
    };
    assert_eq!(of(used(60_000)), Some(Leak::ClosedButHeld));
    assert_eq!(of(used(59_000)), None);
    // Handed to a child that waits for a first request; the SYN was acknowledged.
    let fresh = Traffic {
        acked: 1,
        received: 0,
        ..used(61_000)
    };
    assert_eq!(of(fresh), None);
}

#[test]
fn sockets_are_grouped_by_who_holds_them_alone() {
    let sockets = [
        held(TcpState::CloseWait, &[5]),
        held(TcpState::CloseWait, &[5]),
        held(TcpState::CloseWait, &[5, 6]),
        held(TcpState::FinWait2, &[5]),
        held(TcpState::CloseWait, &[]),
    ];
    let found = look(&sockets);
    let groups = groups(&found);
    assert_eq!((groups.sockets(), found.younger), (5, 0));
    let (key, first) = groups.0.first().unwrap();
    assert_eq!(
        (key.owner.process().map(|it| it.0), key.leak),
        (Some(5), Leak::NotClosed)
    );
    assert_eq!((first.sockets, first.unread, first.unacked), (2, 4, 2));
    assert_eq!((first.oldest_ns, first.exact), (90 * SECOND, false));
    assert_eq!((first.descriptor, &first.members), (Some(6), &vec![0, 1]));
    let with = first.mostly_with().unwrap();
    assert_eq!(with, ("10.0.0.2".parse().unwrap(), 0, 2));
    for owner in [Owner::Several, Owner::Unseen] {
        let key = group::Key {
            owner,
            ..key.clone()
        };
        assert_eq!(groups.with(&key), 1, "{owner:?}");
    }
}

#[test]
fn what_waits_at_a_listener_is_its_holders() {
    let listener = KnownSocket {
        flow: Flow {
            local: "0.0.0.0:80".parse().unwrap(),
            ..known(TcpState::Listen, ENDS).flow
        },
        ..held(TcpState::Listen, &[5])
    };
    let waiting = KnownSocket {
        in_state_ns: Some(90 * SECOND),
        ..known(TcpState::CloseWait, ENDS)
    };
    let mut elsewhere = waiting.clone();
    elsewhere.flow.netns = Some(2);
    let mut sockets = [listener, waiting, elsewhere];
    attribute(&mut sockets, None);
    let found = look(&sockets);
    let told: Vec<_> = found.leaked.iter().map(|it| (it.leak, it.owner)).collect();
    let owner = Owner::of(&sockets[0]);
    assert_eq!(
        told,
        [
            (Leak::NotAccepted, owner),
            (Leak::NotAccepted, Owner::Nobody)
        ]
    );
}

#[test]
fn young_sockets_and_those_without_an_age_do_not_count() {
    let mut young = held(TcpState::CloseWait, &[5]);
    young.in_state_ns = Some(SECOND);
    let mut ageless = young.clone();
    ageless.in_state_ns = None;
    let found = look(&[young, ageless]);
    assert_eq!(
        (found.leaked.len(), found.younger, found.ageless),
        (0, 2, 1)
    );
}

#[test]
fn what_was_there_at_an_earlier_look_is_as_old_as_that() {
    let orphan = known(TcpState::LastAck, ENDS);
    let mut looks = Looks::new(60 * SECOND);
    let mut leaked = |sockets: &[KnownSocket], at| {
        let found = looks.take(sockets, MonoNs(at * SECOND), None);
        found.leaked.len()
    };
    for (at, told) in [(0, 0), (30, 0), (60, 1)] {
        assert_eq!(leaked(std::slice::from_ref(&orphan), at), told, "at {at}");
    }
    // In another state, and after it was gone, it begins anew.
    let closing = KnownSocket {
        state: TcpState::Closing,
        ..orphan.clone()
    };
    assert_eq!(leaked(&[closing], 90), 0);
    assert_eq!(leaked(&[], 100), 0);
    assert_eq!(leaked(&[orphan], 200), 0);
}
