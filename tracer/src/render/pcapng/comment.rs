//! Comments of packets: lines of `key: value`, which no name a process gives itself can forge.
//!
//! The keys of processes, users and containers are those ptcpdump writes, and in comments of their
//! own as it does, so that what reads its files reads these.

use std::fmt::{Display, Write as _};

use crate::{
    model::{
        ending::{Act, Ending, How},
        observation::SegmentFlags,
        process::Task,
        state::TcpState,
        stray::Stray,
        wire::{CountedFrom, Sighting, WireSegment},
    },
    render::{Explained, words},
};

/// Lines of one comment.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, key: &str, value: impl Display) {
        let before = if self.0.is_empty() { "" } else { "\n" };
        // Writing to a string fails only as the value's own Display does, and ours do not.
        let _ = write!(self.0, "{before}{key}: {value}");
    }

    fn add_some(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }
}

/// The comments every packet of an ending has.
pub(super) fn of_ending(explained: &Explained<'_>, explain: bool) -> Vec<String> {
    let mut comments = Vec::new();
    if let Some(owner) = explained.ending.owner {
        comments.extend(process(&owner.task, explained));
    }
    comments.push(verdict(explained));
    if explain {
        comments.push(explanation(explained));
    }
    comments
}

/// The comment of a segment that no ending tells.
pub(super) fn of_stray(stray: &Stray) -> String {
    let mut lines = Lines::default();
    lines.add("unjoined", stray.why.code());
    lines.0
}

/// Who owned the socket.
fn process(task: &Task, explained: &Explained<'_>) -> Vec<String> {
    let facts = explained.owner;
    let mut who = Lines::default();
    who.add("PID", task.pid);
    match facts.and_then(|facts| facts.exe.as_ref()) {
        Some(path) => who.add("Cmd", path),
        None => who.add("Cmd", task.process_comm),
    }
    if let Some(arguments) = facts.and_then(|facts| facts.cmdline.as_deref()) {
        let words: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        who.add("Args", words.join(" "));
    }
    let mut thread = Lines::default();
    thread.add("ThreadId", task.tid);
    thread.add("ThreadName", task.comm);
    let mut user = Lines::default();
    user.add("UserId", task.uid);
    let mut comments = vec![who.0, thread.0, user.0];
    if let Some(container) = facts.and_then(|facts| facts.container.as_ref()) {
        let mut lines = Lines::default();
        lines.add("ContainerId", &container.id);
        comments.push(lines.0);
    }
    if let Some(pod) = facts.and_then(|facts| facts.pod.as_ref()) {
        let mut lines = Lines::default();
        lines.add("PodUID", &pod.0);
        comments.push(lines.0);
    }
    comments
}

/// What the ending was.
fn verdict(explained: &Explained<'_>) -> String {
    let ending = explained.ending;
    let mut lines = Lines::default();
    let id = ending.id();
    let id = words::connection_id(id.socket, id.flow, id.first_seen);
    lines.add("ending", id);
    if let Some(decisive) = ending.decisive() {
        lines.add("cause", decisive.cause.code());
        lines.add("how", decisive.how.code());
        lines.add("confidence", words::confidence(decisive.confidence));
        let reason = decisive.reason.as_ref().map(words::ReasonWord);
        lines.add_some("kernel_reason", reason);
        let context = words::context(&decisive.actor);
        match words::task(&decisive.actor) {
            Some(Task { comm, pid, tid, .. }) => {
                lines.add("actor", format_args!("{context} {comm}[{pid}/{tid}]"));
            }
            None => lines.add("actor", context),
        }
    }
    if let Some(first) = ending.first_to_act() {
        lines.add("initiator", words::initiator(first.who));
        lines.add("initiator_proof", first.proof.code());
    }
    if let Some(owner) = ending.owner {
        let Task { pid, comm, .. } = owner.task;
        let (sure, from) = (words::confidence(owner.confidence), owner.from.code());
        lines.add("owner", format_args!("{comm}[{pid}] {sure}, {from}"));
    }
    lines.add_some("netns", ending.flow.netns);
    lines.add_some("netns_name", explained.netns_name);
    let phases = phases(ending);
    lines.add_some("phases_ns", (!phases.is_empty()).then_some(phases));
    lines.0
}

/// How long each phase took, as far as that is known.
fn phases(ending: &Ending) -> String {
    let phases = ending.phases();
    let known = [
        ("close_to_fin", phases.close_to_fin),
        ("fin_to_wire", phases.fin_to_wire),
        ("fin_to_ack", phases.fin_to_ack),
        ("fin_wait2", phases.fin_wait2),
        ("close_wait", phases.close_wait),
        ("last_ack", phases.last_ack),
        ("close_to_rst", phases.close_to_rst),
        ("rst_to_wire", phases.rst_to_wire),
        ("total", phases.total),
    ];
    let known = known.into_iter();
    let shown = known.filter_map(|(name, ns)| Some(format!("{name}={}", ns?)));
    shown.collect::<Vec<_>>().join(" ")
}

fn explanation(explained: &Explained<'_>) -> String {
    let mut lines = Lines::default();
    lines.add("why", &explained.explanation.text);
    let advice = explained.explanation.advice;
    lines.add_some("do", (!advice.is_empty()).then_some(advice));
    lines.0
}

/// What one packet was in the ending.
pub(super) fn of_packet(
    ending: &Ending,
    segment: &WireSegment,
    sighting: &Sighting,
    again: bool,
) -> String {
    let mut lines = Lines::default();
    match act(ending, segment) {
        Some(act) => {
            let (how, cause) = (act.how.code(), act.cause.code());
            lines.add("act", format_args!("{how} ({cause})"));
            lines.add_some("phase", act.state.map(TcpState::name));
        }
        None if segment.flags.opens() => lines.add("act", "none, it opens the connection"),
        None => lines.add("act", "none that was seen"),
    }
    lines.add_some("kernel_mono_ns", segment.kernel.map(|at| at.0));
    lines.add("wire_mono_ns", sighting.at.0);
    lines.add_some("kernel_to_wire_ns", segment.delay_to(sighting));
    let from = segment.counted_from.map(CountedFrom::code);
    lines.add_some("counted_from", from);
    if again {
        lines.add("retransmission", "yes");
    }
    lines.0
}

/// The act a segment was joined to.
fn act<'a>(ending: &'a Ending, segment: &WireSegment) -> Option<&'a Act> {
    let at = segment.kernel?;
    let flag = |how| match how {
        How::FinSent => Some((true, SegmentFlags::FIN)),
        How::FinReceived => Some((false, SegmentFlags::FIN)),
        How::RstSent => Some((true, SegmentFlags::RST)),
        How::RstReceived => Some((false, SegmentFlags::RST)),
        How::Timeout | How::Destroyed | How::HeldOpen => None,
    };
    let fits = |act: &&Act| {
        let own = flag(act.how);
        act.at == at && own.is_some_and(|(sent, it)| sent == segment.sent && segment.flags.has(it))
    };
    ending.acts.iter().find(fits)
}
