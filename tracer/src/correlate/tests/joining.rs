//! Which segments an ending tells, and what is said of those that none does.

use super::world::*;
use crate::model::{
    ending::Ending,
    flow::Flow,
    known::{KnownSocket, Origin},
    observation::{Segment, SegmentFlags, What},
    socket::{Condition, Socket, SocketId},
    state::TcpState,
    stray::Why,
};

#[test]
fn copies_in_other_namespaces_are_sightings_of_one_segment() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    world.closes(client, 1, 100);
    let there = tuple(CLIENT, SERVER);
    for (netns, out) in [(1, true), (2, false), (2, true), (3, false)] {
        world.sees((netns, 5 + u32::from(out), out), there, (FIN, 90, 10));
    }
    world.is_gone(client, 1, TcpState::FinWait2);
    let endings = world.ends();
    assert_eq!(endings.len(), 1);
    let [segment] = segments(&endings[0]) else {
        panic!("{endings:?}");
    };
    assert!(segment.sent && segment.kernel.is_some());
    assert_eq!(segment.retransmits, 0);
    assert_eq!(
        places(segment),
        [(1, false), (2, false), (2, false), (3, false)]
    );
    assert_eq!(world.whys(), []);
}

#[test]
fn the_same_tuple_elsewhere_with_other_numbers_is_another_connection() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    world.closes(client, 1, 100);
    world.sees((1, 1, true), tuple(CLIENT, SERVER), (FIN, 100, 0));
    world.sees((9, 1, true), tuple(CLIENT, SERVER), (FIN, 101, 0));
    world.is_gone(client, 1, TcpState::FinWait2);
    let endings = world.ends();
    assert_eq!(places(&segments(&endings[0])[0]), [(1, false)]);
    assert_eq!(world.whys(), [Why::SentByNoSocket]);
}

#[test]
fn an_end_is_told_by_the_name_its_peer_told_it_by() {
    let mut world = World::new();
    let (client, server) = (flow(CLIENT, SERVER, 1), flow(SERVER, CLIENT, 1));
    world.connects(client, 1);
    world.connects(server, 2);
    world.closes(client, 1, 100);
    world.is_gone(client, 1, TcpState::FinWait2);
    let client = world.correlator.settle(world.now.after(LATER)).remove(0);
    // A look at the machine makes the kernel number its sockets.
    world.observe(What::FinQueued {
        socket: Socket {
            id: SocketId {
                address: 2,
                cookie: std::num::NonZeroU64::new(7),
            },
            flow: server,
            uid: None,
            state: Some(TcpState::CloseWait),
        },
        seq: None,
        unsent: None,
    });
    world.closes(server, 2, 200);
    world.is_gone(server, 2, TcpState::LastAck);
    let endings = world.ends();
    let [server] = &endings[..] else {
        panic!("{endings:?}");
    };
    assert_eq!(client.peer, Some(server.id()));
    assert_eq!(server.peer, Some(client.id()));
}

/// Both ends of a connection that is translated both ways on the router, as seen everywhere.
fn translated(world: &mut World) -> Vec<Ending> {
    let client = flow(CLIENT, VIRTUAL, NETNS[0]);
    let server = flow(SERVER, OUTSIDE, NETNS[2]);
    world.connects(client, 1);
    world.connects(server, 2);
    world.closes(client, 1, 100);
    let (before, after) = (tuple(CLIENT, VIRTUAL), tuple(OUTSIDE, SERVER));
    world.sees((1, 1, true), before, (FIN, 100, 0));
    world.sees((2, 1, false), before, (FIN, 100, 0));
    // On a bridge, between the two translations.
    world.sees((2, 2, false), (before.0, after.1), (FIN, 100, 0));
    world.sees((2, 3, true), after, (FIN, 100, 0));
    world.sees((3, 1, false), after, (FIN, 100, 0));
    world.goes(server, 2, TcpState::Established, TcpState::CloseWait, None);
    world.is_gone(client, 1, TcpState::FinWait2);
    world.is_gone(server, 2, TcpState::CloseWait);
    world.ends()
}

#[test]
fn a_translated_segment_is_one_with_two_tuples_and_its_ends_are_peers() {
    let mut world = World::new();
    let (before, after) = (tuple(CLIENT, VIRTUAL), tuple(OUTSIDE, SERVER));
    world.correlator.translated(NETNS[1], before, after);
    let endings = translated(&mut world);
    assert_eq!(endings.len(), 2);
    for ending in &endings {
        assert_eq!(segments(ending).len(), 1, "{ending:?}");
        assert_eq!(segments(ending)[0].sightings.len(), 5);
    }
    let [client, server] = [1, 3].map(|netns| {
        let mut of = endings.iter().filter(|it| it.flow.netns == Some(netns));
        of.next().unwrap()
    });
    let translated = places(&segments(client)[0]);
    assert_eq!(
        translated,
        [(1, false), (2, false), (2, true), (2, true), (3, true)]
    );
    assert_eq!(client.peer, Some(server.id()));
    assert_eq!(server.peer, Some(client.id()));
    assert_eq!(world.whys(), []);
}

#[test]
fn without_connection_tracking_nothing_is_matched_across_a_translation() {
    let mut world = World::new();
    let endings = translated(&mut world);
    for ending in &endings {
        let [segment] = segments(ending) else {
            panic!("{ending:?}");
        };
        assert!(places(segment).iter().all(|(_, other)| !other));
        assert_eq!(ending.peer, None);
    }
    assert!(!world.whys().is_empty());
}

#[test]
fn a_fin_sent_again_with_less_before_it_is_the_same_even_where_numbers_wrap() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    world.closes(client, 1, 4);
    let there = tuple(CLIENT, SERVER);
    world.sees((1, 1, true), there, (FIN, u32::MAX - 5, 10));
    world.sees((1, 1, true), there, (FIN, 0, 4));
    world.sees((1, 1, true), there, (FIN, 4, 0));
    world.is_gone(client, 1, TcpState::FinWait1);
    let endings = world.ends();
    let [segment] = segments(&endings[0]) else {
        panic!("{endings:?}");
    };
    assert_eq!((segment.retransmits, segment.sightings.len()), (2, 1));
    assert!(segment.kernel.is_some());
}

#[test]
fn of_two_connections_with_one_tuple_each_tells_its_own() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    for (address, seq) in [(1, 100), (2, 7_000)] {
        world.connects(client, address);
        world.closes(client, address, seq);
        world.sees((1, 1, true), tuple(CLIENT, SERVER), (FIN, seq, 0));
        world.is_gone(client, address, TcpState::FinWait2);
        world.now = world.now.after(100 * MS);
    }
    let endings = world.ends();
    let seqs: Vec<Vec<u32>> = endings
        .iter()
        .map(|it| segments(it).iter().map(|it| it.seq).collect())
        .collect();
    assert_eq!(seqs, [[100], [7_000]]);
}

#[test]
fn fins_that_cross_are_each_others_sent_and_received() {
    let mut world = World::new();
    let (one, two) = (flow(CLIENT, SERVER, 1), flow(SERVER, CLIENT, 1));
    world.connects(one, 1);
    world.connects(two, 2);
    world.closes(one, 1, 100);
    world.closes(two, 2, 200);
    for (tuple, seq) in [(tuple(CLIENT, SERVER), 100), (tuple(SERVER, CLIENT), 200)] {
        world.sees((1, 1, true), tuple, (FIN, seq, 0));
        world.sees((1, 1, false), tuple, (FIN, seq, 0));
    }
    for (flow, address) in [(one, 1), (two, 2)] {
        world.goes(flow, address, TcpState::FinWait1, TcpState::Closing, None);
        world.is_gone(flow, address, TcpState::Closing);
    }
    for ending in world.ends() {
        let told = segments(&ending);
        assert_eq!(told.len(), 2, "{ending:?}");
        assert!(
            told.iter()
                .all(|it| it.kernel.is_some() && it.retransmits == 0)
        );
        assert_ne!(told[0].sent, told[1].sent);
    }
}

fn answers(world: &mut World, flow: Flow, flags: u8, seq: u32) {
    world.observe(What::RstAnswered {
        flow,
        socket: None,
        state: None,
        provoked_by: Segment {
            flags: SegmentFlags(flags),
            seq,
            ack: 55,
        },
        condition: Condition::default(),
        reason: None,
    });
}

#[test]
fn an_rst_for_nobody_joins_the_fin_that_provoked_it_and_names_the_ending_before() {
    let mut world = World::new();
    let server = flow(SERVER, CLIENT, 1);
    world.connects(server, 1);
    world.closes(server, 1, 100);
    world.is_gone(server, 1, TcpState::FinWait2);
    world.now = world.now.after(3_000 * MS);
    let before = world.correlator.settle(world.now);
    world.sees((1, 1, false), tuple(CLIENT, SERVER), (FIN, 300, 0));
    answers(&mut world, server, FIN, 300);
    world.sees((1, 1, true), tuple(SERVER, CLIENT), (RST, 55, 0));
    let endings = world.ends();
    assert_eq!((before.len(), endings.len()), (1, 1));
    let told = segments(&endings[0]);
    assert_eq!(told.len(), 2);
    assert!(
        told.iter()
            .all(|it| it.kernel == Some(endings[0].acts[0].at))
    );
    assert_eq!(endings[0].after, Some(before[0].id()));
    assert_eq!(world.whys(), []);
}

#[test]
fn what_only_passes_through_and_what_comes_for_nobody_is_said_to() {
    let mut world = World::new();
    let there = tuple(CLIENT, SERVER);
    world.sees((2, 1, false), there, (FIN, 1, 0));
    world.sees((2, 2, true), there, (FIN, 1, 0));
    world.sees((2, 1, false), tuple(CLIENT, OUTSIDE), (RST, 1, 0));
    assert_eq!(world.ends(), []);
    assert_eq!(world.whys(), [Why::Forwarded, Why::ForNoSocket]);
}

#[test]
fn an_rst_no_socket_sent_is_told_even_where_one_received_it() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.goes(client, 1, TcpState::Close, TcpState::SynSent, None);
    let back = tuple(SERVER, CLIENT);
    world.sees((3, 1, true), back, (RST, 0, 0));
    world.sees((1, 1, false), back, (RST, 0, 0));
    world.observe(What::RstReceived {
        socket: Socket {
            id: SocketId {
                address: 1,
                cookie: None,
            },
            flow: client,
            uid: None,
            state: Some(TcpState::SynSent),
        },
        condition: Condition::default(),
    });
    world.is_gone(client, 1, TcpState::SynSent);
    let endings = world.ends();
    assert_eq!(places(&segments(&endings[0])[0]), [(3, false), (1, false)]);
    assert_eq!(world.whys(), [Why::SentByNoSocket]);
}

#[test]
fn what_another_host_sent_and_a_socket_here_received_is_no_stray() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    let back = tuple(SERVER, CLIENT);
    world.sees((2, 1, false), back, (FIN, 9, 0));
    world.sees((2, 2, true), back, (FIN, 9, 0));
    world.sees((1, 1, false), back, (FIN, 9, 0));
    world.goes(client, 1, TcpState::Established, TcpState::CloseWait, None);
    world.is_gone(client, 1, TcpState::CloseWait);
    let endings = world.ends();
    assert_eq!(places(&segments(&endings[0])[0]).len(), 3);
    assert_eq!(world.whys(), []);
}

#[test]
fn a_late_segment_is_of_a_connection_that_was_told_and_others_of_one_before_the_trace() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    world.closes(client, 1, 100);
    world.is_gone(client, 1, TcpState::FinWait2);
    world.now = world.now.after(3_000 * MS);
    assert_eq!(world.correlator.settle(world.now).len(), 1);
    world.sees((1, 1, false), tuple(SERVER, CLIENT), (FIN, 1, 0));
    let older = flow(CLIENT, OUTSIDE, 1);
    world.correlator.know(vec![KnownSocket {
        cookie: None,
        flow: older,
        state: TcpState::TimeWait,
        in_state_ns: None,
        uid: None,
        inode: None,
        receive_queue: 0,
        send_queue: None,
        timer: None,
        traffic: None,
        origin: Origin::SockDiag,
        holders: Vec::new(),
    }]);
    world.sees((1, 1, false), tuple(OUTSIDE, CLIENT), (FIN, 1, 0));
    assert_eq!(world.ends(), []);
    assert_eq!(world.whys(), [Why::KnownConnection, Why::OlderThanTrace]);
}

#[test]
fn a_loss_near_a_segment_is_a_reason_and_one_long_before_is_none() {
    let mut world = World::new();
    world.correlator.lost(world.now);
    world.sees((1, 1, true), tuple(CLIENT, SERVER), (FIN, 1, 0));
    world.now = world.now.after(LATER);
    world.sees((1, 1, true), tuple(CLIENT, OUTSIDE), (FIN, 1, 0));
    assert_eq!(world.ends(), []);
    assert_eq!(world.whys(), [Why::RecordsLost, Why::SentByNoSocket]);
}

#[test]
fn an_rst_that_answers_for_nobody_is_not_the_connections_that_just_went() {
    // Where the wall was set back the RST may seem to have left before its answer, within its error.
    for early in [0, 3 * MS] {
        let mut world = World::new();
        let client = flow(CLIENT, SERVER, 1);
        world.connects(client, 1);
        world.closes(client, 1, 100);
        world.sees((1, 1, true), tuple(CLIENT, SERVER), (FIN, 100, 0));
        world.is_gone(client, 1, TcpState::FinWait2);
        answers(&mut world, client, SegmentFlags::ACK, 300);
        let answered = world.now;
        (world.now, world.error_ns) = (answered.before(early), early);
        world.sees((1, 1, true), tuple(CLIENT, SERVER), (RST, 55, 0));
        world.now = world.now.max(answered);
        let endings = world.ends();
        assert_eq!(endings.len(), 2);
        for ending in &endings {
            let [segment] = segments(ending) else {
                panic!("{ending:?}");
            };
            assert!(segment.kernel.is_some());
        }
        assert_eq!(world.whys(), []);
    }
}

#[test]
fn an_answer_of_a_socket_is_not_the_one_for_nobody_that_follows_at_once() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    world.closes(client, 1, 100);
    world.observe(What::RstAnswered {
        flow: client,
        socket: Some(SocketId {
            address: 1,
            cookie: None,
        }),
        state: Some(TcpState::FinWait1),
        provoked_by: Segment {
            flags: SegmentFlags(SegmentFlags::ACK),
            seq: 300,
            ack: 55,
        },
        condition: Condition::default(),
        reason: None,
    });
    world.sees((1, 1, true), tuple(CLIENT, SERVER), (RST, 55, 0));
    world.is_gone(client, 1, TcpState::FinWait1);
    answers(&mut world, client, SegmentFlags::ACK, 310);
    world.sees((1, 1, true), tuple(CLIENT, SERVER), (RST, 55, 0));
    let endings = world.ends();
    assert_eq!(endings.len(), 2);
    for ending in &endings {
        let [segment] = segments(ending) else {
            panic!("{ending:?}");
        };
        let reset = ending.acts.last().map(|act| act.at);
        assert_eq!((segment.kernel, segment.retransmits), (reset, 0));
    }
    assert_eq!(world.whys(), []);
}

#[test]
fn what_both_ends_told_makes_room_at_once() {
    let mut world = World::new();
    let mut told = 0;
    // More within the patience of a segment than there is room for.
    for number in 0..3_000_u16 {
        let mut client = flow(CLIENT, SERVER, 1);
        client.local.set_port(2_000 + number);
        let there = (client.local, client.remote);
        let addresses = [1, 2].map(|end| u64::from(number) * 2 + end);
        world.connects(client, addresses[0]);
        world.connects(client.reversed(), addresses[1]);
        world.closes(client, addresses[0], 100);
        for device in 0..100 {
            world.sees((1, device, true), there, (FIN, 100, 0));
        }
        let (from, to) = (TcpState::Established, TcpState::CloseWait);
        world.goes(client.reversed(), addresses[1], from, to, None);
        world.is_gone(client, addresses[0], TcpState::FinWait2);
        world.is_gone(client.reversed(), addresses[1], TcpState::CloseWait);
        world.now = world.now.after(MS);
        told += world.correlator.settle(world.now).len();
    }
    told += world.ends().len();
    assert_eq!((told, world.whys()), (6_000, Vec::new()));
}

#[test]
fn an_ending_whose_address_lives_again_waits_for_its_segments() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    world.closes(client, 1, 100);
    let left = world.now;
    world.is_gone(client, 1, TcpState::FinWait2);
    // The kernel gives the address away before the capture hands over.
    world.connects(flow(CLIENT, OUTSIDE, 1), 1);
    let later = world.now;
    assert_eq!(world.correlator.settle(later), []);
    assert!(world.correlator.due(later));
    world.now = left;
    world.sees((1, 1, true), tuple(CLIENT, SERVER), (FIN, 100, 0));
    let told = world.correlator.settle(later.after(LATER));
    let [ending] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(segments(ending)[0].kernel.is_some());
    assert_eq!(world.whys(), []);
}

#[test]
fn of_endings_that_wait_with_one_tuple_each_tells_its_own() {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    for seq in [100, 200] {
        world.connects(client, 1);
        world.closes(client, 1, seq);
        world.sees((1, 1, true), tuple(CLIENT, SERVER), (FIN, seq, 0));
        world.is_gone(client, 1, TcpState::FinWait2);
    }
    world.connects(flow(CLIENT, OUTSIDE, 1), 1);
    let told = world.ends();
    let numbers = told.iter().filter(|it| it.flow == client);
    let numbers: Vec<_> = numbers
        .map(|it| segments(it).iter().map(|it| it.seq).collect::<Vec<_>>())
        .collect();
    assert_eq!(numbers, [[100], [200]]);
    assert_eq!(world.whys(), []);
}
