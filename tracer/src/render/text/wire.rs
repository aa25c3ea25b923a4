//! The segments of an ending in one line of text.

use std::{
    fmt,
    io::{self, Write},
};

use crate::{
    model::{
        stray::Stray,
        wire::{CountedFrom, Sighting, WireSegment},
    },
    render::{Devices, Explained, time::human},
    tally::Delay,
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
        let named = stray.sightings.iter().filter_map(|it| devices.of(it));
        for (place, name) in named.enumerate() {
            write!(f, "{}{name}", if place == 0 { " on " } else { ", " })?;
        }
        Ok(())
    })
}

/// `lo: 1204 sent, kernel → wire p50 4.16µs, p99 18.2µs, max 1.20ms`.
pub(super) fn delay(delay: &Delay, out: &mut dyn Write) -> io::Result<()> {
    match &delay.device {
        Some(device) => write!(out, "{device}: ")?,
        None => write!(out, "a device without a name: ")?,
    }
    let (verb, way) = if delay.sent {
        ("sent", "kernel → wire")
    } else {
        ("received", "wire → kernel")
    };
    let (p50, p99, max) = (
        human(delay.p50_ns),
        human(delay.p99_ns),
        human(delay.max_ns),
    );
    let segments = delay.segments;
    write!(
        out,
        "{segments} {verb}, {way} p50 {p50}, p99 {p99}, max {max}"
    )?;
    if delay.contrary > 0 {
        write!(out, ", {} the other way round", delay.contrary)?;
    }
    writeln!(out)
}

/// `sent [F.] on lo 4.16µs after it was queued`.
fn shown(segment: &WireSegment, devices: &Devices) -> impl fmt::Display {
    let device = segment.sightings.first().and_then(|it| devices.of(it));
    fmt::from_fn(move |f| {
        let verb = if segment.sent { "sent" } else { "received" };
        write!(f, "{verb} [{}]", segment.flags)?;
        if let Some(device) = device {
            write!(f, " on {device}")?;
        }
        match segment.delay_ns().zip(segment.counted_from) {
            Some((ns, from)) => {
                let (ns, side) = (ns.unsigned_abs(), if ns < 0 { "before" } else { "after" });
                write!(f, " {}", human(ns))?;
                // What changes nothing one would read from it is not told.
                if let Some(error) = segment.error_ns().filter(|&it| it >= ns / 4 && it > 0) {
                    write!(f, " ±{}", human(error))?;
                }
                let what = match from {
                    CountedFrom::Act(_) => "the kernel's act",
                    CountedFrom::Closing(_) => "the socket was closed",
                };
                write!(f, " {side} {what}")?;
            }
            // The hook of the act ran later, and nothing before it is known; a SYN ends nothing.
            None if segment.kernel.is_some() || segment.flags.opens() => {}
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
        let Some(name) = devices.of(it).filter(|_| place != before) else {
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
