//! The shape of a segment of an ending.

use serde::Serialize;

use super::Text;
use crate::{
    model::{
        foreign::Foreign,
        observation::SegmentFlags,
        segment::Direction,
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

/// A segment, its devices by name and its time by the wall.
pub(super) fn segment<'a>(
    segment: &'a WireSegment,
    devices: &'a Devices,
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
        device: first.and_then(|it| name(it, devices)),
        kernel_to_wire_ns: segment.delay_ns(),
        retransmits: segment.retransmits,
        sightings: sightings
            .map(|it| sighting(it, devices))
            .collect::<Vec<_>>(),
    }
}

fn sighting<'a>(seen: &ModelSighting, devices: &'a Devices) -> Sighting<'a> {
    Sighting {
        mono_ns: seen.at.0,
        device: name(seen, devices),
        direction: match seen.direction {
            Direction::Transmitted => Some("tx"),
            Direction::Received => Some("rx"),
            Direction::Unknown => None,
        },
    }
}

fn name<'a>(seen: &ModelSighting, devices: &'a Devices) -> Option<Text<&'a Foreign>> {
    devices.of(seen).map(Text)
}
