//! What the delay from the kernel to the wire counts from.

use super::world::*;
use crate::model::{
    ending::Ending,
    flow::Flow,
    observation::{Segment, SegmentFlags, What},
    socket::{Condition, Socket, SocketId},
    state::TcpState,
    wire::CountedFrom,
};

/// An RST that no segment provoked.
fn resets(world: &mut World, flow: Flow) {
    world.observe(What::RstSent {
        socket: Socket {
            id: SocketId {
                address: 1,
                cookie: None,
            },
            flow,
            uid: None,
            state: Some(TcpState::Close),
        },
        condition: Condition::default(),
        reason: None,
    });
}

fn leaves(world: &mut World) {
    world.sees((1, 1, true), tuple(CLIENT, SERVER), (RST, 100, 0));
}

/// The one ending of a connection to which this happened.
fn told(happens: impl FnOnce(&mut World, Flow)) -> Ending {
    let mut world = World::new();
    let client = flow(CLIENT, SERVER, 1);
    world.connects(client, 1);
    happens(&mut world, client);
    world.is_gone(client, 1, TcpState::Close);
    let mut endings = world.ends();
    assert_eq!(endings.len(), 1);
    endings.remove(0)
}

fn closes(world: &mut World, flow: Flow) {
    world.goes(flow, 1, TcpState::Established, TcpState::Close, None);
}

#[test]
fn an_rst_whose_hook_runs_first_counts_from_its_act() {
    let ending = told(|world, client| {
        closes(world, client);
        resets(world, client);
        leaves(world);
    });
    let segment = &segments(&ending)[0];
    let act = segment.kernel.unwrap();
    assert_eq!(segment.counted_from, Some(CountedFrom::Act(act)));
    assert_eq!(segment.delay_ns(), Some(1_000));
}

#[test]
fn an_rst_whose_hook_runs_late_counts_from_the_close_before_it() {
    let ending = told(|world, client| {
        closes(world, client);
        leaves(world);
        resets(world, client);
    });
    let segment = &segments(&ending)[0];
    assert!(segment.kernel.unwrap() > segment.sightings[0].at);
    let closed = ending.states.last().unwrap();
    assert_eq!(segment.counted_from, Some(CountedFrom::Closing(closed.at)));
    assert_eq!(segment.delay_ns(), Some(1_000));
    assert_eq!(ending.phases().rst_to_wire, Some(1_000));
}

#[test]
fn an_rst_before_everything_that_is_known_has_no_delay() {
    let ending = told(|world, client| {
        leaves(world);
        resets(world, client);
        closes(world, client);
    });
    let segment = &segments(&ending)[0];
    assert!(segment.kernel.is_some());
    assert_eq!((segment.counted_from, segment.delay_ns()), (None, None));
    assert_eq!(ending.phases().rst_to_wire, None);
}

#[test]
fn a_fin_seen_early_within_the_error_of_the_clocks_took_no_time() {
    for (error_ns, expected) in [(1_000, Some(0)), (999, None)] {
        let mut world = World::new();
        let client = flow(CLIENT, SERVER, 1);
        world.connects(client, 1);
        world.error_ns = error_ns;
        world.sees((1, 1, true), tuple(CLIENT, SERVER), (FIN, 100, 0));
        world.closes(client, 1, 100);
        world.is_gone(client, 1, TcpState::FinWait2);
        let endings = world.ends();
        assert_eq!(segments(&endings[0])[0].delay_ns(), expected);
    }
}

#[test]
fn an_answer_is_stamped_before_it_leaves() {
    let mut world = World::new();
    let provoked_by = Segment {
        flags: SegmentFlags(SegmentFlags::SYN),
        seq: 99,
        ack: 0,
    };
    world.observe(What::RstAnswered {
        flow: flow(SERVER, CLIENT, 1),
        socket: None,
        state: None,
        condition: Condition::default(),
        provoked_by,
        reason: None,
    });
    world.sees(
        (1, 1, true),
        tuple(SERVER, CLIENT),
        (RST | SegmentFlags::ACK, 0, 0),
    );
    let endings = world.ends();
    let segment = &segments(&endings[0])[0];
    assert_eq!(segment.delay_ns(), Some(1_000));
    assert!(matches!(segment.counted_from, Some(CountedFrom::Act(_))));
}
