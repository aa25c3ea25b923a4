//! Segments off the wire: what a hook saw pass a device.

use std::num::NonZeroU64;

use tracer_common::event::{SegmentSeen, direction, vlan};

use super::{actor_without_task, flow};
use crate::model::{
    foreign::Foreign,
    observation::{SegmentFlags, What},
    process::Actor,
    segment::{Direction, Passed},
};

/// Reads a sighting; its flow is turned to how the device's namespace sees it.
pub(super) fn passed(record: &SegmentSeen) -> (Actor, What) {
    let by_sender = flow(&record.flow);
    let direction = match record.direction {
        direction::TRANSMITTED => Direction::Transmitted,
        direction::RECEIVED => Direction::Received,
        _ => Direction::Unknown,
    };
    let name = record.device.split(|&byte| byte == 0).next();
    let name = name.filter(|name| !name.is_empty());
    let what = What::SegmentSeen(Passed {
        flow: if direction == Direction::Received {
            by_sender.reversed()
        } else {
            by_sender
        },
        cookie: NonZeroU64::new(record.cookie),
        device: record.index,
        name: name.map(Foreign::from),
        direction,
        vlan: (record.vlan & vlan::TAGGED != 0).then_some(record.vlan & vlan::ID),
        seq: record.seq,
        ack: record.ack,
        flags: SegmentFlags(record.flags),
        payload_bytes: record.payload_bytes,
        window: record.window,
    });
    (actor_without_task(&record.header), what)
}
