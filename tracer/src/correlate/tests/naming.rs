//! What an end goes by, where the ending of another tells of it.

use super::world::*;
use crate::model::state::TcpState::{CloseWait, Established, FinWait2, LastAck, SynRecv};

#[test]
fn what_comes_late_changes_no_name_that_was_told() {
    let mut world = World::new();
    let (client, server) = (flow(CLIENT, SERVER, 1), flow(SERVER, CLIENT, 1));
    let before = world.now;
    world.now = world.now.after(50 * MS);
    world.goes(server, 2, SynRecv, Established, None);
    world.connects(client, 1);
    world.closes(client, 1, 5);
    world.is_gone(client, 1, FinWait2);
    let (told, now) = (world.correlator.settle(world.now.after(LATER)), world.now);
    assert_eq!(told.len(), 1);
    world.now = before;
    world.goes(server, 2, Established, CloseWait, None);
    world.now = now;
    world.goes(server, 2, CloseWait, LastAck, Some(9));
    world.is_gone(server, 2, LastAck);
    let endings = world.ends();
    assert_eq!(endings.len(), 1);
    assert!(endings[0].acts[0].at < endings[0].first_seen);
    assert_eq!(told[0].peer, Some(endings[0].id()));
    assert_eq!(endings[0].peer, Some(told[0].id()));
}
