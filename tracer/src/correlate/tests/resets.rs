//! What is known of an RST that came: whether TCP can have sent it.

use super::{asking, world::*};
use crate::{
    correlate::{Correlator, Limits},
    model::{
        ending::NotByTcp,
        flow::Flow,
        observation::{Observation, Segment, SegmentFlags, What},
        process::Actor,
        reason::ReasonNames,
        socket::{Condition, Socket, SocketId},
        state::TcpState,
        time::MonoNs,
    },
};

/// A socket of a flow.
fn socket(flow: Flow, address: u64) -> Socket {
    Socket {
        id: SocketId {
            address,
            cookie: None,
        },
        flow,
        uid: None,
        state: Some(TcpState::Established),
    }
}

/// The client is reset, and is gone.
fn is_reset(world: &mut World, client: Flow) {
    world.observe(What::RstReceived {
        socket: socket(client, 1),
        condition: Condition::default(),
    });
    world.is_gone(client, 1, TcpState::Established);
}

/// An RST of the server's is seen on its way out, and at the client.
fn crosses(world: &mut World) {
    let there = tuple(SERVER, CLIENT);
    for place in [(3, 1, true), (1, 1, false)] {
        world.sees(place, there, (RST, 100, 0));
    }
}

/// What is known of the RST that ended the one connection there was.
fn known(world: &mut World) -> Option<NotByTcp> {
    let endings = world.ends();
    let client = endings.iter().find(|it| it.flow.local == end(CLIENT));
    client.unwrap().not_by_tcp
}

#[test]
fn an_rst_that_left_here_and_that_no_hook_saw_sent_is_not_tcps() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    crosses(&mut world);
    is_reset(&mut world, client);
    let left = NotByTcp::LeftHere { netns: Some(3) };
    assert_eq!(known(&mut world), Some(left));
}

#[test]
fn an_rst_that_a_socket_sent_there_is_tcps() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    world.observe(What::RstSent {
        socket: socket(flow(SERVER, CLIENT, 3), 2),
        condition: Condition::default(),
        reason: None,
    });
    crosses(&mut world);
    is_reset(&mut world, client);
    assert_eq!(known(&mut world), None);
}

fn answered(from: Flow) -> What {
    What::RstAnswered {
        flow: from,
        socket: None,
        state: None,
        condition: Condition::default(),
        provoked_by: Segment {
            seq: 1,
            ack: 100,
            flags: SegmentFlags(SegmentFlags::ACK),
        },
        reason: None,
    }
}

#[test]
fn an_answer_for_nobody_has_its_stack_whether_segments_are_captured_or_not() {
    for answer_ns in [0, 50_000_000] {
        let limits = Limits {
            answer_ns,
            ..Limits::default()
        };
        let mut correlator = Correlator::new(limits, ReasonNames::default());
        for (seq, what) in (1..).zip([answered(flow(SERVER, CLIENT, 3)), asking::stack(1)]) {
            correlator.observe(&Observation {
                at: MonoNs(1_000),
                cpu: 0,
                seq,
                actor: Actor::Softirq,
                what,
            });
        }
        let endings = correlator.finish();
        let stacks: Vec<_> = endings
            .iter()
            .map(|it| it.acts[0].stack.is_some())
            .collect();
        assert_eq!(stacks, [true], "{answer_ns}");
    }
}

#[test]
fn an_rst_that_answers_for_nobody_is_tcps_and_one_on_another_tuple_changes_nothing() {
    let left = NotByTcp::LeftHere { netns: Some(3) };
    for (port, expected) in [(4000, None), (4001, Some(left))] {
        let mut world = World::new();
        let client = flow(CLIENT, SERVER, 1);
        world.connects(client, 1);
        let mut from = flow(SERVER, CLIENT, 3);
        from.remote.set_port(port);
        world.observe(answered(from));
        crosses(&mut world);
        is_reset(&mut world, client);
        assert_eq!(known(&mut world), expected, "{port}");
    }
}

#[test]
fn an_rst_of_another_host_may_be_its_tcps() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    world.sees((2, 1, false), tuple(SERVER, CLIENT), (RST, 100, 0));
    crosses(&mut world);
    is_reset(&mut world, client);
    assert_eq!(known(&mut world), None);
}

#[test]
fn an_rst_that_came_in_under_another_tuple_only_passes_through() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    world.sees((3, 2, false), tuple(OUTSIDE, CLIENT), (RST, 100, 0));
    crosses(&mut world);
    is_reset(&mut world, client);
    assert_eq!(known(&mut world), None);
}

#[test]
fn where_records_were_lost_or_filtered_any_rst_may_be_tcps() {
    for lost in [true, false] {
        let mut world = World::new();
        world.correlator.limits.every_reset = lost;
        let client = flow(CLIENT, SERVER, 1);
        world.connects(client, 1);
        crosses(&mut world);
        is_reset(&mut world, client);
        if lost {
            world.correlator.lost(world.now);
        }
        assert_eq!(known(&mut world), None, "{lost}");
    }
}

#[test]
fn without_a_capture_a_peer_that_is_open_here_and_sent_none_tells_the_same() {
    for (open, expected) in [(true, Some(NotByTcp::PeerLives)), (false, None)] {
        let mut world = World::new();
        let client = flow(CLIENT, SERVER, 1);
        world.connects(client, 1);
        world.connects(client.reversed(), 2);
        if !open {
            world.closes(client.reversed(), 2, 100);
        }
        is_reset(&mut world, client);
        assert_eq!(known(&mut world), expected, "{open}");
    }
}

#[test]
fn an_error_that_an_icmp_message_may_have_left_is_no_rst() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    world.connects(client.reversed(), 2);
    world.observe(What::RstReceived {
        socket: socket(client, 1),
        condition: Condition {
            err: Some(111),
            ..Condition::default()
        },
    });
    world.is_gone(client, 1, TcpState::Established);
    assert_eq!(known(&mut world), None);
}
