//! Text for people: one aligned line per ending, its explanation and events below it when asked.

use std::{
    fmt,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};

use super::{
    Devices, Explained, Options, Render, Start,
    time::{WallClock, human},
    words,
};
use crate::{
    model::{
        alignment::Alignment,
        clock::Sample,
        ending::{Ending, How},
        observation::Observation,
        process::Actor,
        reason::ReasonNames,
        stray::Stray,
        time::MonoNs,
    },
    tally::{Lost, Tally, kind_of},
};

mod account;
mod alignment;
mod clocks;
pub(super) mod event;
pub(super) mod row;
pub(super) mod stack;
mod wire;

pub(super) use account::account;
use account::{by_kind, count};
use row::Row;
pub(super) use stack::caller;

/// Width of each column; they make 137 with the spaces between, the last one open to the right.
mod width {
    pub(super) const TIME: usize = 15;
    pub(super) const PID: usize = 7;
    pub(super) const COMM: usize = 12;
    pub(super) const FLOW: usize = 35;
    pub(super) const HOW: usize = 12;
    pub(super) const CAUSE: usize = 23;
    pub(super) const REASON: usize = 18;
    pub(super) const CLOSE: usize = 8;
}

/// After a pause this long, an event shows the time of day again.
const SAME_STORY_NS: u64 = 1_000_000_000;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const PLAIN: Style = Style::new();

/// Writes text.
pub(super) struct Text {
    clock: WallClock,
    reasons: ReasonNames,
    explain: bool,
    stacks: bool,
    row: Row,
    /// When the event before this one happened.
    last_event: Option<MonoNs>,
}

impl Text {
    pub(super) fn new(options: Options) -> Self {
        Self {
            clock: options.clock,
            reasons: options.reasons,
            explain: options.explain,
            stacks: options.stacks,
            row: Row::new(options.colour),
            last_event: None,
        }
    }

    fn ending_line(&mut self, ending: &Ending) {
        let act = ending.decisive();
        let style = act.map_or(PLAIN, |act| style(act.how));
        let row = &mut self.row;
        row.cell(
            width::TIME,
            DIM,
            self.clock.time_of_day(words::dated(ending)),
        );
        if let Some(owner) = &ending.owner {
            row.right(width::PID, PLAIN, owner.task.pid);
            row.cell(width::COMM, BOLD, owner.task.process_comm);
        } else {
            row.right(width::PID, PLAIN, "-");
            row.cell(width::COMM, PLAIN, "-");
        }
        row.cell(width::FLOW, PLAIN, event::ends(&ending.flow));
        row.cell(width::HOW, style, act.map_or("-", |act| act.how.code()));
        row.cell(width::CAUSE, style, act.map_or("-", |act| act.cause.code()));
        match act.and_then(|act| act.reason.as_ref()) {
            Some(reason) => row.cell(width::REASON, DIM, words::ReasonWord(reason)),
            None => row.cell(width::REASON, DIM, "-"),
        }
        row.right(width::CLOSE, PLAIN, since_close(ending));
    }

    fn explanation(explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()> {
        let explanation = explained.explanation;
        write!(out, "    why: {}", explanation.text)?;
        let stack = explained.stack().map(|(_, stack)| stack);
        if let Some(caller) = stack.and_then(caller) {
            write!(out, " Called from {caller}.")?;
        }
        if let Some(asked) = &explained.ending.asked {
            write!(out, " {}", stack::asker(asked, explained.asked))?;
        }
        let mut open = false;
        for fact in explanation.evidence.iter() {
            write!(out, "{}{fact}", if open { ", " } else { " (" })?;
            open = true;
        }
        if let Some(container) = explained.owner.and_then(|it| it.container.as_ref()) {
            let between = if open { ", " } else { " (" };
            write!(out, "{between}container={container}")?;
            open = true;
        }
        writeln!(out, "{}", if open { ")" } else { "" })?;
        wire::line(explained, out)?;
        if explanation.advice.is_empty() {
            return Ok(());
        }
        writeln!(out, "    do:  {}", explanation.advice)
    }
}

impl Render for Text {
    fn clock(&mut self, sample: &Sample) {
        self.clock.learn(sample);
    }

    /// The names of the columns; how the trace runs is said elsewhere, not among the data.
    fn start(&mut self, _start: &Start<'_>, out: &mut dyn Write) -> io::Result<()> {
        let row = &mut self.row;
        row.cell(width::TIME, BOLD, "TIME");
        row.right(width::PID, BOLD, "PID");
        row.cell(width::COMM, BOLD, "COMM");
        row.cell(width::FLOW, BOLD, "LOCAL → REMOTE");
        row.cell(width::HOW, BOLD, "HOW");
        row.cell(width::CAUSE, BOLD, "CAUSE");
        row.cell(width::REASON, BOLD, "REASON");
        row.right(width::CLOSE, BOLD, "CLOSE");
        row.finish(out)
    }

    fn alignment(
        &mut self,
        alignment: &Alignment,
        _at: MonoNs,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        alignment::line(alignment, &self.clock, out)
    }

    fn event(&mut self, event: &Observation, out: &mut dyn Write) -> io::Result<()> {
        let row = &mut self.row;
        match self.last_event.replace(event.at) {
            Some(before) if event.at.since(before) < SAME_STORY_NS => {
                row.right(width::TIME, DIM, event::delta(before, event.at));
            }
            _ => row.cell(width::TIME, DIM, self.clock.time_of_day(event.at)),
        }
        if let Some(task) = event::task(event) {
            row.right(width::PID, DIM, task.pid);
            match event.actor {
                Actor::KernelThread(_) => {
                    row.cell(width::COMM, DIM, format_args!("[{}]", task.comm));
                }
                Actor::Task(_) | Actor::Softirq | Actor::Unknown => {
                    row.cell(width::COMM, DIM, task.process_comm);
                }
            }
        } else {
            row.right(width::PID, DIM, "-");
            row.cell(width::COMM, DIM, words::context(&event.actor));
        }
        match event.what.flow() {
            Some(flow) => row.cell(width::FLOW, DIM, event::ends(flow)),
            None => row.cell(width::FLOW, DIM, ""),
        }
        row.cell(width::HOW, DIM, kind_of(&event.what).name());
        row.cell(0, DIM, event::detail(&event.what, &self.reasons));
        row.finish(out)
    }

    fn ending(&mut self, explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.ending_line(explained.ending);
        self.row.finish(out)?;
        if self.explain {
            Self::explanation(explained, out)?;
        }
        if self.stacks {
            stack::lines(explained, out)?;
        }
        Ok(())
    }

    fn segment(&mut self, stray: &Stray, devices: &Devices, out: &mut dyn Write) -> io::Result<()> {
        let at = stray.sightings.first().map_or(MonoNs(0), |it| it.at);
        let row = &mut self.row;
        row.cell(width::TIME, DIM, self.clock.time_of_day(at));
        row.right(width::PID, DIM, "-");
        row.cell(width::COMM, DIM, "-");
        let (source, destination) = (stray.headers.source, stray.headers.destination);
        row.cell(width::FLOW, DIM, format_args!("{source} → {destination}"));
        row.cell(width::HOW, DIM, "segment");
        row.cell(0, DIM, wire::alone(stray, devices));
        row.finish(out)
    }

    fn lost(&mut self, lost: &Lost, out: &mut dyn Write) -> io::Result<()> {
        let time = self.clock.time_of_day(lost.at);
        writeln!(
            out,
            "{time} {} lost{}",
            count(lost.records.total(), "record"),
            by_kind(&lost.records)
        )
    }

    fn summary(&mut self, tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
        account(tally, out)?;
        let mut delays = tally.delays.iter().flatten();
        delays.try_for_each(|delay| wire::delay(delay, out))
    }
}

/// Resets shout, timeouts warn.
const fn style(how: How) -> Style {
    match how {
        How::FinSent | How::FinReceived => AnsiColor::Green.on_default(),
        How::RstSent | How::RstReceived => AnsiColor::Red.on_default(),
        How::Timeout | How::Destroyed | How::HeldOpen => AnsiColor::Yellow.on_default(),
    }
}

/// Time from the close call to the end; `~` where the call is implied, `-` where none is known.
fn since_close(ending: &Ending) -> impl fmt::Display {
    let implied = ending.close_called.is_some_and(|call| !call.seen);
    let since = words::since_close(ending);
    fmt::from_fn(move |f| match since {
        Some(ns) if implied => write!(f, "~{}", human(ns)),
        Some(ns) => write!(f, "{}", human(ns)),
        None => f.write_str("-"),
    })
}
