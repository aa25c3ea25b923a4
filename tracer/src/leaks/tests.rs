//! What counts as leaked, and how old it is at the least.

use super::*;
use crate::{model::holder::Provenance, tests::known};

const SECOND: u64 = 1_000_000_000;
const ENDS: (&str, &str) = ("10.0.0.1:80", "10.0.0.2:4000");

fn held(state: TcpState, pids: &[u32]) -> KnownSocket {
    let holder = |pid| Holder {
        pid,
        start_ns: None,
        fd: Some(pid + 1),
        comm: Comm(*b"leaky\0\0\0\0\0\0\0\0\0\0\0"),
        uid: 0,
        from: Provenance::SockDiag,
    };
    KnownSocket {
        inode: NonZeroU64::new(9),
        holders: pids.iter().copied().map(holder).collect(),
        in_state_ns: Some(90 * SECOND),
        ..known(state, ENDS)
    }
}

#[test]
fn a_state_leaks_by_whether_somebody_holds_it() {
    let of = |socket: &KnownSocket| Leak::of(socket);
    for (state, with, without) in [
        (
            TcpState::CloseWait,
            Some(Leak::NotClosed),
            Some(Leak::NotClosed),
        ),
        (
            TcpState::FinWait2,
            Some(Leak::HalfClosed),
            Some(Leak::Orphaned),
        ),
        (
            TcpState::FinWait1,
            Some(Leak::NotAcknowledged),
            Some(Leak::Orphaned),
        ),
        (
            TcpState::Closing,
            Some(Leak::NotAcknowledged),
            Some(Leak::Orphaned),
        ),
        (
            TcpState::LastAck,
            Some(Leak::Orphaned),
            Some(Leak::Orphaned),
        ),
        (TcpState::Established, None, None),
        (TcpState::TimeWait, None, None),
        (TcpState::Listen, None, None),
    ] {
        assert_eq!(of(&held(state, &[1])), with, "{state:?}");
        assert_eq!(of(&known(state, ENDS)), without, "{state:?}");
    }
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
    let found = Looks::new(60 * SECOND).take(&sockets, MonoNs(0));
    assert_eq!((found.sockets(), found.younger), (5, 0));
    let ((owner, leak), first) = found.groups.first().unwrap();
    assert_eq!(
        (owner.process().map(|it| it.0), *leak),
        (Some(5), Leak::NotClosed)
    );
    assert_eq!((first.sockets, first.unread, first.unacked), (2, 6, 2));
    assert_eq!(
        (first.oldest_ns, first.descriptor),
        (Some(90 * SECOND), Some(6))
    );
    let with = first.mostly_with().unwrap();
    assert_eq!(with, ("10.0.0.2".parse().unwrap(), 0, 2));
    for owner in [Owner::Several, Owner::Unseen] {
        assert_eq!(found.of((owner, Leak::NotClosed)), 1, "{owner:?}");
    }
}

#[test]
fn young_sockets_and_those_without_an_age_do_not_count() {
    let mut young = held(TcpState::CloseWait, &[5]);
    young.in_state_ns = Some(SECOND);
    let mut ageless = young.clone();
    ageless.in_state_ns = None;
    let found = Looks::new(60 * SECOND).take(&[young, ageless], MonoNs(0));
    assert_eq!((found.sockets(), found.younger, found.ageless), (0, 2, 1));
}

#[test]
fn what_was_there_at_an_earlier_look_is_as_old_as_that() {
    let orphan = known(TcpState::LastAck, ENDS);
    let mut looks = Looks::new(60 * SECOND);
    for (at, leaked) in [(0, 0), (30, 0), (60, 1)] {
        let found = looks.take(std::slice::from_ref(&orphan), MonoNs(at * SECOND));
        assert_eq!(found.sockets(), leaked, "at {at}");
    }
    // In another state, and after it was gone, it begins anew.
    let closing = KnownSocket {
        state: TcpState::Closing,
        ..orphan.clone()
    };
    assert_eq!(looks.take(&[closing], MonoNs(90 * SECOND)).sockets(), 0);
    assert_eq!(looks.take(&[], MonoNs(100 * SECOND)).sockets(), 0);
    assert_eq!(looks.take(&[orphan], MonoNs(200 * SECOND)).sockets(), 0);
}
