//! The shape of a segment of an ending.

use serde::Serialize;

use super::{End, Text, end};
use crate::{
    model::{
        foreign::Foreign,
        observation::SegmentFlags,
        segment::Direction,
        stray::Stray,
        wire::{CountedFrom, Sighting as ModelSighting, WireSegment},
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
    wire_error_ns: Option<u64>,
    device: Option<Text<&'a Foreign>>,
    kernel_to_wire_ns: Option<i64>,
    counted_from: Option<&'static str>,
    retransmits: u32,
    sightings: S,
}

/// One sighting.
#[derive(Serialize)]
pub(super) struct Sighting<'a> {
    mono_ns: u64,
    netns: Option<u32>,
    device: Option<Text<&'a Foreign>>,
    direction: Option<&'static str>,
    /// Who sent it and who it was for where it was seen, if that is not what the socket says.
    source: Option<End>,
    destination: Option<End>,
}

/// Body of a `segment` line: one that no ending tells.
#[derive(Serialize)]
struct Alone<S> {
    reason: &'static str,
    source: End,
    destination: End,
    flags: Text<SegmentFlags>,
    seq: u32,
    ack: u32,
    payload_bytes: u32,
    sightings: S,
}

/// A segment that no ending tells, its devices by name.
pub(in crate::render) fn stray<'a>(
    stray: &'a Stray,
    devices: &'a Devices,
) -> impl Serialize + use<'a> {
    let headers = &stray.headers;
    let sightings = stray.sightings.iter();
    Alone {
        reason: stray.why.code(),
        source: end(headers.source),
        destination: end(headers.destination),
        flags: Text(headers.flags),
        seq: headers.seq,
        ack: headers.ack,
        payload_bytes: headers.payload_bytes,
        sightings: sightings
            .map(|it| sighting(it, devices))
            .collect::<Vec<_>>(),
    }
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
        wire_time: first.map(|it| Text(clock.rfc3339_of(it))),
        wire_mono_ns: first.map(|it| it.at.0),
        wire_error_ns: segment.error_ns(),
        device: first.and_then(|it| name(it, devices)),
        kernel_to_wire_ns: segment.delay_ns(),
        counted_from: segment.counted_from.map(CountedFrom::code),
        retransmits: segment.retransmits,
        sightings: sightings
            .map(|it| sighting(it, devices))
            .collect::<Vec<_>>(),
    }
}

fn sighting<'a>(seen: &ModelSighting, devices: &'a Devices) -> Sighting<'a> {
    let (source, destination) = seen.tuple.unzip();
    Sighting {
        mono_ns: seen.at.0,
        netns: seen.netns,
        device: name(seen, devices),
        direction: direction(seen.direction),
        source: source.map(end),
        destination: destination.map(end),
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

fn name<'a>(seen: &ModelSighting, devices: &'a Devices) -> Option<Text<&'a Foreign>> {
    devices.of(seen).map(Text)
}
