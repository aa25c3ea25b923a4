//! Which endings tell the SYNs of their connection, and how long those are kept.

use super::world::*;
use crate::model::{
    ending::Ending,
    observation::{Segment, SegmentFlags, What},
    socket::{Condition, SocketId},
    state::TcpState,
};

const SECOND: u64 = 1_000_000_000;

/// The flags of the segments an ending tells, which end sent them, and how often again.
fn told(ending: &Ending) -> Vec<(u8, bool, u32)> {
    let segments = segments(ending).iter();
    segments
        .map(|it| (it.flags.0, it.sent, it.retransmits))
        .collect()
}

/// The kernel answered a segment: the server's listener did, or nobody.
fn answers(world: &mut World, state: Option<TcpState>, provoked_by: Segment) {
    world.observe(What::RstAnswered {
        flow: flow(SERVER, CLIENT, 1),
        socket: state.map(|_| SocketId {
            address: 7,
            cookie: None,
        }),
        state,
        condition: Condition::default(),
        provoked_by,
        reason: None,
    });
}

#[test]
fn a_connection_that_nobody_answered_shows_its_syns_after_two_minutes() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    // The port is not chosen yet when the state changes.
    let mut unbound = client;
    unbound.local.set_port(0);
    world.goes(unbound, 1, TcpState::Close, TcpState::SynSent, None);
    for _ in 0..7 {
        world.sees((1, 1, true), tuple(CLIENT, SERVER), (SYN, 99, 0));
        world.now = world.now.after(18 * SECOND);
        assert_eq!(world.correlator.settle(world.now), []);
    }
    world.is_gone(client, 1, TcpState::SynSent);
    let endings = world.ends();
    assert_eq!(endings.len(), 1);
    assert_eq!(told(&endings[0]), [(SYN, true, 6)]);
    assert_eq!(segments(&endings[0])[0].kernel, None);
    assert_eq!(world.whys(), []);
}

#[test]
fn a_connection_that_came_to_be_shows_no_syn_and_keeps_none() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    let server = client.reversed();
    world.goes(client, 1, TcpState::Close, TcpState::SynSent, None);
    world.sees((1, 1, true), tuple(CLIENT, SERVER), (SYN, 99, 0));
    world.sees((1, 1, false), tuple(CLIENT, SERVER), (SYN, 99, 0));
    world.sees((1, 1, true), tuple(SERVER, CLIENT), (SYN_ACK, 6, 0));
    world.goes(client, 1, TcpState::SynSent, TcpState::Established, None);
    world.goes(server, 2, TcpState::Listen, TcpState::SynRecv, None);
    world.goes(server, 2, TcpState::SynRecv, TcpState::Established, None);
    assert_eq!(world.correlator.wire.openings(), 0);
    world.closes(client, 1, 100);
    world.sees((1, 1, true), tuple(CLIENT, SERVER), (FIN, 100, 0));
    world.is_gone(client, 1, TcpState::FinWait2);
    let endings = world.ends();
    assert_eq!(told(&endings[0]), [(FIN, true, 0)]);
    assert_eq!(world.whys(), []);
}

#[test]
fn a_refused_connection_shows_its_syn_at_both_ends() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.goes(client, 1, TcpState::Close, TcpState::SynSent, None);
    for out in [true, false] {
        world.sees((1, 1, out), tuple(CLIENT, SERVER), (SYN, 99, 0));
    }
    let provoked_by = Segment {
        flags: SegmentFlags(SYN),
        seq: 99,
        ack: 0,
    };
    answers(&mut world, None, provoked_by);
    let refusal = RST | SegmentFlags::ACK;
    for out in [true, false] {
        world.sees((1, 1, out), tuple(SERVER, CLIENT), (refusal, 0, 0));
    }
    world.is_gone(client, 1, TcpState::SynSent);
    let endings = world.ends();
    let ours = |ending: &&Ending| ending.flow == client;
    let connecting = endings.iter().find(ours).unwrap();
    let answer = endings.iter().find(|it| !ours(it)).unwrap();
    assert_eq!(told(connecting), [(SYN, true, 0), (refusal, false, 0)]);
    assert_eq!(told(answer), [(SYN, false, 0), (refusal, true, 0)]);
    assert!(segments(answer)[0].kernel.is_some());
    assert_eq!(world.whys(), []);
}

#[test]
fn an_answer_to_the_end_of_a_handshake_shows_all_of_it_and_of_no_other() {
    let mut world = World::new();
    let there = tuple(CLIENT, SERVER);
    world.sees((1, 1, false), there, (SYN, 50, 0));
    world.sees((1, 1, false), there, (SYN, 99, 0));
    world.sees((1, 1, true), tuple(SERVER, CLIENT), (SYN_ACK, 6, 0));
    world.now = world.now.after(2 * SECOND);
    world.sees((1, 1, true), tuple(SERVER, CLIENT), (SYN_ACK, 6, 0));
    let provoked_by = Segment {
        flags: SegmentFlags(SegmentFlags::ACK),
        seq: 100,
        ack: 7,
    };
    answers(&mut world, Some(TcpState::NewSynRecv), provoked_by);
    world.sees((1, 1, true), tuple(SERVER, CLIENT), (RST, 7, 0));
    let endings = world.ends();
    assert_eq!(
        told(&endings[0]),
        [(SYN, false, 0), (SYN_ACK, true, 1), (RST, true, 0)]
    );
    assert_eq!(world.whys(), []);
}

#[test]
fn a_flood_of_syns_is_bounded_and_counted_and_costs_no_fin() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    for number in 0..70_000_u32 {
        let mut source = end(CLIENT);
        source.set_ip(std::net::Ipv4Addr::from_bits(number).into());
        world.sees((1, 1, false), (source, end(SERVER)), (SYN, 99, 0));
    }
    world.closes(client, 1, 100);
    world.sees((1, 1, true), tuple(CLIENT, SERVER), (FIN, 100, 0));
    assert_eq!(world.correlator.wire.openings(), 65_536);
    assert_eq!(world.correlator.strays().1, 70_000 - 65_536);
    // Where room is scarce, what waits in vain waits a second.
    world.now = world.now.after(3 * SECOND);
    world.correlator.settle(world.now);
    assert_eq!(world.correlator.wire.openings(), 0);
    world.is_gone(client, 1, TcpState::FinWait2);
    let endings = world.ends();
    assert_eq!(told(&endings[0]), [(FIN, true, 0)]);
    assert_eq!(world.whys(), []);
}
