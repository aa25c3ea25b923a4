//! The segments of an ending in one line of text.

use std::{
    fmt,
    io::{self, Write},
};

use crate::{
    model::{segment::Device, wire::WireSegment},
    render::{Explained, time::human},
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
        write!(out, "{before}{}", shown(segment, explained))?;
    }
    writeln!(out)
}

/// `sent [F.] on lo 4.16µs after it was queued`.
fn shown(segment: &WireSegment, explained: &Explained<'_>) -> impl fmt::Display {
    let &Explained {
        devices, ending, ..
    } = explained;
    let device = segment.sightings.first().and_then(|it| match it.device {
        Device::Index(index) => devices.get(&(ending.flow.netns, index)),
        Device::Interface(_) => None,
    });
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
        match segment.retransmits {
            0 => Ok(()),
            1 => f.write_str(", then once more"),
            times => write!(f, ", then {times} times more"),
        }
    })
}
