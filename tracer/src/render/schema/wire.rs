//! The shape of a segment of an ending.

use serde::Serialize;

use super::Text;
use crate::{
    model::{
        foreign::Foreign,
        observation::SegmentFlags,
        segment::{Device, Direction},
        wire::{Sighting as ModelSighting, WireSegment},
    },
    render::{Devices, time::WallClock},
};

/// One FIN or RST, with every sighting of it.
#[derive(Serialize)]
pub(super) struct Segment<'a, T, S> {
    direction: &'static str,
    /// tcpdump's letters.
    flags: Text<SegmentFlags>,
    seq: u32,
    ack: u32,
    payload_bytes: u32,
    kernel_ns: Option<u64>,
    wire_time: Option<T>,
    wire_mono_ns: Option<u64>,
    device: Option<Text<&'a Foreign>>,
    kernel_to_wire_ns: Option<i64>,
    retransmits: u32,
    sightings: S,
}

/// One sighting.
#[derive(Serialize)]
pub(super) struct Sighting<'a> {
    mono_ns: u64,
    device: Option<Text<&'a Foreign>>,
    direction: Option<&'static str>,
}

/// A segment in a namespace, its devices by name and its time by the wall.
pub(super) fn segment<'a>(
    segment: &'a WireSegment,
    devices: &'a Devices,
    netns: Option<u32>,
    clock: &'a WallClock,
) -> impl Serialize + use<'a> {
    let first = segment.sightings.first();
    let sightings = segment.sightings.iter();
    Segment {
        direction: if segment.sent { "tx" } else { "rx" },
        flags: Text(segment.flags),
        seq: segment.seq,
        ack: segment.ack,
        payload_bytes: segment.payload_bytes,
        kernel_ns: segment.kernel.map(|at| at.0),
        wire_time: first.map(|it| Text(clock.rfc3339(it.at))),
        wire_mono_ns: first.map(|it| it.at.0),
        device: first.and_then(|it| name(it, devices, netns)),
        kernel_to_wire_ns: segment.delay_ns(),
        retransmits: segment.retransmits,
        sightings: sightings
            .map(|it| sighting(it, devices, netns))
            .collect::<Vec<_>>(),
    }
}

fn sighting<'a>(seen: &ModelSighting, devices: &'a Devices, netns: Option<u32>) -> Sighting<'a> {
    Sighting {
        mono_ns: seen.at.0,
        device: name(seen, devices, netns),
        direction: direction(seen.direction),
    }
}

/// The word for a direction; nothing for none.
pub(super) const fn direction(direction: Direction) -> Option<&'static str> {
    match direction {
        Direction::Transmitted => Some("tx"),
        Direction::Received => Some("rx"),
        Direction::Unknown => None,
    }
}

fn name<'a>(
    seen: &ModelSighting,
    devices: &'a Devices,
    netns: Option<u32>,
) -> Option<Text<&'a Foreign>> {
    match seen.device {
        Device::Index(index) => devices.get(&(netns, index)).map(Text),
        Device::Interface(_) => None,
    }
}
