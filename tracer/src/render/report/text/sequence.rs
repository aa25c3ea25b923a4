//! What happened to a connection in the order of time: the kernel's events, and the segments between
//! both ends.

use std::{
    fmt::{self, Write as _},
    io::{self, Write},
};

use crate::{
    model::{
        ending::{Act, Ending},
        observation::SegmentFlags,
        time::MonoNs,
        wire::WireSegment,
    },
    render::{Explained, text::caller, time::human, words},
};

/// Width of a time, and of what a segment's arrow is made of.
const TIME: usize = 9;

/// Writes one line for each thing, with its time since the first and the gap before it.
pub(super) fn write(explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut steps = steps(explained);
    steps.sort_by_key(|(at, _)| *at);
    let Some(&(first, _)) = steps.first() else {
        return Ok(());
    };
    let mut before = first;
    for (at, what) in steps {
        let gap = match at.since(before) {
            0 => String::new(),
            ns => human(ns).to_string(),
        };
        let since = format!("+{}", human(at.since(first)));
        writeln!(out, "    {since:>TIME$} {gap:>TIME$}  {what}")?;
        before = at;
    }
    Ok(())
}

fn steps(explained: &Explained<'_>) -> Vec<(MonoNs, String)> {
    let ending = explained.ending;
    let mut steps = Vec::new();
    // Of what has one time, the call came first.
    if let Some(call) = ending.close_called {
        steps.push((call.at, called(explained, call.seen)));
    }
    for it in &ending.states {
        let change = format!("{} → {}", it.from.name(), it.to.name());
        steps.push((it.at, change));
    }
    for act in &ending.acts {
        let how = act.how.code().replace('_', " ");
        steps.push((act.at, format!("{how}: {}", act.cause.code())));
    }
    for segment in ending.segments.iter().flatten() {
        if let Some(seen) = segment.sightings.first() {
            steps.push((seen.at, arrow(segment, explained)));
        }
    }
    if let Some(at) = ending.destroyed {
        steps.push((at, "the socket is gone".to_owned()));
    }
    steps
}

/// Who called close, and where.
fn called(explained: &Explained<'_>, seen: bool) -> String {
    let mut told = String::from(if seen { "close()" } else { "close, implied" });
    // Writing to a string does not fail.
    if let Some(task) = closer(explained.ending) {
        let _ = write!(told, " by {task}");
    }
    let stack = explained.stack().and_then(|(_, stack)| caller(stack));
    if let Some(caller) = stack {
        let _ = write!(told, " in {caller}");
    }
    told
}

fn closer(ending: &Ending) -> Option<impl fmt::Display> {
    let called = |act: &&Act| act.call.is_some();
    let act = ending.acts.iter().find(called)?;
    let task = words::task(&act.actor)?;
    Some(fmt::from_fn(move |f| {
        write!(f, "{}[{}]", task.process_comm, task.pid)
    }))
}

/// `── FIN+ACK ─▶ on lo`: away from this end, or towards it.
fn arrow(segment: &WireSegment, explained: &Explained<'_>) -> String {
    let names = [
        (SegmentFlags::SYN, "SYN"),
        (SegmentFlags::FIN, "FIN"),
        (SegmentFlags::RST, "RST"),
        (SegmentFlags::ACK, "ACK"),
    ];
    let flags = names.iter().filter(|(flag, _)| segment.flags.has(*flag));
    let flags: Vec<_> = flags.map(|(_, name)| *name).collect();
    let flags = flags.join("+");
    let mut told = if segment.sent {
        format!("── {flags} ─▶")
    } else {
        format!("◀─ {flags} ──")
    };
    let device = segment.sightings.first();
    if let Some(device) = device.and_then(|it| explained.devices.of(it)) {
        let _ = write!(told, " on {device}");
    }
    if segment.retransmits > 0 {
        let _ = write!(told, ", then {} more", segment.retransmits);
    }
    told
}
