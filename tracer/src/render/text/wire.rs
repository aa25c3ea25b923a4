//! The segments of an ending in one line of text.

use std::{
    fmt,
    io::{self, Write},
};

use crate::{
    model::{
        foreign::Foreign,
        segment::Device,
        stray::Stray,
        wire::{Sighting, WireSegment},
    },
    render::{Devices, Explained, time::human},
};

/// Writes what was seen on the wire; nothing without a capture.
pub(super) fn line(explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Some(segments) = &explained.ending.segments else {
        return Ok(());
    };
    if segments.is_empty() {
        return writeln!(out, "    wire: no FIN or RST was seen");
    }
    for (place, segment) in segments.iter().enumerate() {
        let before = if place == 0 { "    wire: " } else { "; " };
        write!(out, "{before}{}", shown(segment, explained.devices))?;
    }
    writeln!(out)
}

/// `[R] sent_by_no_socket on lo, lo`: a segment that no ending tells.
pub(super) fn alone(stray: &Stray, devices: &Devices) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        write!(f, "[{}] {}", stray.headers.flags, stray.why.code())?;
        let named = stray.sightings.iter().filter_map(|it| device(it, devices));
        for (place, name) in named.enumerate() {
            write!(f, "{}{name}", if place == 0 { " on " } else { ", " })?;
        }
        Ok(())
    })
}

fn device<'a>(seen: &Sighting, devices: &'a Devices) -> Option<&'a Foreign> {
    match seen.device {
        Device::Index(index) => devices.get(&(seen.netns, index)),
        Device::Interface(_) => None,
    }
}

/// `sent [F.] on lo 4.16µs after it was queued`.
fn shown(segment: &WireSegment, devices: &Devices) -> impl fmt::Display {
    let first = segment.sightings.first();
    let device = first.and_then(|it| device(it, devices));
    fmt::from_fn(move |f| {
        let verb = if segment.sent { "sent" } else { "received" };
        write!(f, "{verb} [{}]", segment.flags)?;
        if let Some(device) = device {
            write!(f, " on {device}")?;
        }
        match segment.delay_ns() {
            Some(ns) if ns >= 0 => {
                write!(f, " {} after the kernel's act", human(ns.unsigned_abs()))?;
            }
            Some(ns) => write!(f, " {} before the kernel's act", human(ns.unsigned_abs()))?,
            None => f.write_str(", for no act that was seen")?,
        }
        elsewhere(&segment.sightings, devices, f)?;
        match segment.retransmits {
            0 => Ok(()),
            1 => f.write_str(", then once more"),
            times => write!(f, ", then {times} times more"),
        }
    })
}

/// ` (passed port0, wan0 as 192.0.2.1:9 → 192.0.2.7:80)`: the devices after the first.
fn elsewhere(sightings: &[Sighting], devices: &Devices, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut before = sightings.first().map(|it| (it.netns, it.device));
    let mut tuple = None;
    let mut open = false;
    for it in sightings.iter().skip(1) {
        let place = Some((it.netns, it.device));
        let Some(name) = device(it, devices).filter(|_| place != before) else {
            continue;
        };
        before = place;
        write!(f, "{}{name}", if open { ", " } else { " (passed " })?;
        open = true;
        if it.tuple != tuple {
            tuple = it.tuple;
            match tuple {
                Some((source, destination)) => write!(f, " as {source} → {destination}")?,
                None => f.write_str(" as before")?,
            }
        }
    }
    f.write_str(if open { ")" } else { "" })
}
