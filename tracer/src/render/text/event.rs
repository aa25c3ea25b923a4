//! What the text of an event says beyond its kind.

use std::fmt;

use crate::{
    model::{
        flow::Flow,
        observation::{Observation, What},
        process::{Exit, Task},
        reason::ReasonNames,
        segment::Direction,
        socket::Condition,
        stack::Addresses,
        time::MonoNs,
    },
    render::{time::human, words},
};

/// `LOCAL → REMOTE`, IPv6 in brackets; `-` for an end that is not set.
pub(in crate::render) fn ends(flow: &Flow) -> impl fmt::Display {
    let end = |f: &mut fmt::Formatter<'_>, end| match words::end(end) {
        Some(end) => write!(f, "{end}"),
        None => f.write_str("-"),
    };
    fmt::from_fn(move |f| {
        end(f, flow.local)?;
        f.write_str(" → ")?;
        end(f, flow.remote)
    })
}

/// Time since the event before; negative for a late one.
pub(super) fn delta(before: MonoNs, at: MonoNs) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let sign = if at < before { '-' } else { '+' };
        write!(f, "{sign}{}", human(before.0.abs_diff(at.0)))
    })
}

/// The task a line is about: the actor, else the process the event happened to.
pub(super) fn task(event: &Observation) -> Option<&Task> {
    if let What::ProcessExited { task }
    | What::ProcessExeced { task }
    | What::ProcessForked { parent: task, .. } = &event.what
    {
        return Some(task);
    }
    words::task(&event.actor)
}

/// State or transition, then whatever the kind has to tell.
pub(super) fn detail(what: &What, names: &ReasonNames) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let mut facts = Facts { f, any: false };
        if let What::StateChanged { from, to, .. } = what {
            facts.say(format_args!("{} → {}", from.name(), to.name()))?;
        } else if let Some(state) = words::state(what) {
            facts.say(state.name())?;
        }
        particular(&mut facts, what)?;
        if let Some(reason) = words::event_reason(what, names) {
            facts.say(format_args!("reason={}", words::ReasonWord(&reason)))?;
        }
        words::condition(what).map_or(Ok(()), |it| condition(&mut facts, it))
    })
}

/// Words with blanks between them.
struct Facts<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    any: bool,
}

impl Facts<'_, '_> {
    fn say(&mut self, fact: impl fmt::Display) -> fmt::Result {
        let gap = if self.any { " " } else { "" };
        self.any = true;
        write!(self.f, "{gap}{fact}")
    }

    fn number(&mut self, name: &str, number: Option<u32>) -> fmt::Result {
        number.map_or(Ok(()), |number| self.say(format_args!("{name}={number}")))
    }
}

fn particular(facts: &mut Facts<'_, '_>, what: &What) -> fmt::Result {
    match what {
        What::ShutdownCalled { send, receive, .. } => facts.say(match (receive, send) {
            (true, true) => "both",
            (true, false) => "receive",
            (false, true) => "send",
            (false, false) => "neither",
        }),
        What::FinQueued { seq, unsent, .. } => {
            facts.number("seq", *seq)?;
            facts.number("unsent", *unsent)
        }
        What::RstAnswered { provoked_by, .. } => {
            let (flags, seq, ack) = (provoked_by.flags, provoked_by.seq, provoked_by.ack);
            facts.say(format_args!("to [{flags}] seq={seq} ack={ack}"))
        }
        What::FinRetransmitted { seq, .. } => facts.number("seq", Some(*seq)),
        What::ProcessExited { task } => match task.exit {
            Some(Exit::Status(status)) => facts.say(format_args!("status={status}")),
            Some(Exit::Signal(signal)) => facts.say(format_args!("signal={signal}")),
            None => Ok(()),
        },
        What::ProcessForked {
            child_pid,
            child_tid,
            ..
        } => facts.say(format_args!("child={child_pid}/{child_tid}")),
        What::Accepted { inode, .. } => facts.number("inode", *inode),
        What::HeldOpen {
            inode, references, ..
        } => {
            facts.number("references", Some(*references))?;
            facts.number("inode", *inode)
        }
        What::Queued { listener, .. } => match listener.cookie {
            Some(cookie) => facts.say(format_args!("listener={cookie:x}")),
            None => Ok(()),
        },
        What::SegmentSeen(passed) => {
            let (flags, seq, ack) = (passed.flags, passed.seq, passed.ack);
            facts.say(way(passed.direction))?;
            facts.say(format_args!("[{flags}] seq={seq} ack={ack}"))?;
            match &passed.name {
                Some(name) => facts.say(format_args!("device={name}")),
                None => facts.number("device", Some(passed.device)),
            }
        }
        What::Stack(taken) => {
            facts.number("kernel", frames(&taken.kernel))?;
            facts.number("user", frames(&taken.user))
        }
        What::CloseCalled { .. }
        | What::CloseAsked { .. }
        | What::RstSent { .. }
        | What::StateChanged { .. }
        | What::RstReceived { .. }
        | What::Destroyed { .. }
        | What::ProcessExeced { .. } => Ok(()),
    }
}

/// How many frames were taken; `None` where none were.
fn frames(side: &Addresses) -> Option<u32> {
    match side {
        Addresses::Frames(frames) => u32::try_from(frames.len()).ok(),
        Addresses::NotAsked | Addresses::Failed(_) => None,
    }
}

const fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Transmitted => "out",
        Direction::Received => "in",
        Direction::Unknown => "past",
    }
}

/// Of a condition only what is out of the ordinary.
fn condition(facts: &mut Facts<'_, '_>, condition: &Condition) -> fmt::Result {
    let unusual = |number: Option<u32>| number.filter(|&number| number != 0);
    facts.number("unread", unusual(condition.unread))?;
    facts.number("unsent", unusual(condition.unsent))?;
    facts.number("unacked", unusual(condition.unacked))?;
    facts.number("linger_jiffies", condition.linger.flatten())?;
    facts.number("err", unusual(condition.err))
}
