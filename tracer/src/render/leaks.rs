//! What `finrst leaks` shows, in each format.

use std::{
    fmt,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};

use super::{
    json::writer::Line,
    schema::{Head, Text, leak},
    text::row::Row,
    time::{WallClock, human},
};
use crate::{
    latency::spread::float,
    leaks::{
        Found, Leak, Names, Owner,
        group::{Group, Groups, Key},
        ports::{Owed, Ports},
    },
    model::{process::Confidence, time::MonoNs},
};

mod each;

/// Width of each column, the last one open to the right.
mod width {
    pub(super) const OWNER: usize = 24;
    pub(super) const LEAK: usize = 16;
    pub(super) const NUMBER: usize = 9;
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();

/// Services named on a line for people.
const NAMED: usize = 4;

/// One look, to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// When it was.
    pub at: MonoNs,
    /// What it found.
    pub found: &'a Found,
    /// The same, together.
    pub groups: &'a Groups,
    /// The names of the stacks in it.
    pub names: &'a Names,
    /// What the look before found; `None` for the first.
    pub growth: Option<Growth<'a>>,
    /// The ports of the network namespace finrst runs in; `None` where nothing is known of them.
    pub ports: Option<&'a Ports>,
    /// Whether each socket is shown.
    pub each: bool,
}

/// What a look is held against.
#[derive(Clone, Copy, Debug)]
pub struct Growth<'a> {
    /// What was found then.
    pub before: &'a Groups,
    /// Nanoseconds between both.
    pub elapsed_ns: u64,
}

impl Growth<'_> {
    /// Sockets a minute that a group gained, or lost; `None` without any time between.
    fn per_minute(&self, key: &Key, now: u64) -> Option<f64> {
        let minutes = float(self.elapsed_ns) / 60e9;
        let more = float(now) - float(self.before.with(key));
        (self.elapsed_ns > 0).then(|| more / minutes)
    }
}

impl Report<'_> {
    fn per_minute(&self, key: &Key, group: &Group) -> Option<f64> {
        self.growth?.per_minute(key, group.sockets)
    }

    /// Writes aligned lines for people.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn text(
        &self,
        clock: &WallClock,
        colour: bool,
        header: bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut row = Row::new(colour);
        let again = self.growth.is_some();
        if again {
            out.write_all(b"\n")?;
        }
        if again || header && !self.groups.0.is_empty() {
            let names = ["SOCKETS", "OLDEST", "UNREAD", "UNACKED", "PER MIN"];
            let owner = if again {
                clock.time_of_day(self.at).to_string()
            } else {
                "OWNER".to_owned()
            };
            row.cell(width::OWNER, BOLD, owner);
            row.cell(width::LEAK, BOLD, "LEAK");
            for name in names {
                row.right(width::NUMBER, BOLD, name);
            }
            row.cell(width::NUMBER, BOLD, "FD");
            row.cell(0, BOLD, "MOSTLY WITH");
            row.finish(out)?;
        }
        for (key, group) in &self.groups.0 {
            self.line(&mut row, key, group);
            row.finish(out)?;
            each::code(&mut row, key, group, out)?;
            if self.each {
                each::sockets(self, &mut row, group, out)?;
            }
        }
        if header {
            self.rest(&mut row, out)?;
        }
        Ok(())
    }

    fn line(&self, row: &mut Row, key: &Key, group: &Group) {
        row.cell(width::OWNER, BOLD, name(key.owner));
        row.cell(width::LEAK, style(key.leak), key.leak.code());
        row.right(width::NUMBER, PLAIN, group.sockets);
        row.right(width::NUMBER, PLAIN, age(group.oldest_ns, group.exact));
        row.right(width::NUMBER, PLAIN, group.unread);
        row.right(width::NUMBER, PLAIN, group.unacked);
        let growth = self.per_minute(key, group);
        let growth = growth.map(|it| format!("{it:+.1}"));
        row.right(width::NUMBER, PLAIN, growth.unwrap_or_else(dash));
        let descriptor = group.descriptor.map(|fd| fd.to_string());
        row.cell(width::NUMBER, DIM, descriptor.unwrap_or_else(dash));
        if let Some((address, port, count)) = group.mostly_with() {
            let port = fmt::from_fn(move |f| match port {
                0 => Ok(()),
                port => write!(f, " port {port}"),
            });
            row.cell(0, DIM, format_args!("{address}{port}, {count}"));
        }
    }

    /// What is said below: of sockets that did not count, of `TIME_WAIT` and of ports.
    fn rest(&self, row: &mut Row, out: &mut dyn Write) -> io::Result<()> {
        let Found {
            younger, ageless, ..
        } = self.found;
        if self.groups.0.is_empty() {
            row.cell(0, PLAIN, "nothing was left over for so long");
            row.finish(out)?;
        }
        if *younger > 0 {
            let what = format_args!(
                "{younger} more are younger, or nothing tells how old ({ageless}): --watch does"
            );
            row.cell(0, DIM, what);
            row.finish(out)?;
        }
        let Some(ports) = self.ports else {
            return Ok(());
        };
        row.cell(0, DIM, format_args!("TIME_WAIT: {}", waiting(ports)));
        row.finish(out)?;
        if !ports.owed.is_empty() {
            row.cell(0, DIM, format_args!("TIME_WAIT owed by {}", owed(ports)));
            row.finish(out)?;
        }
        if let Some(it) = &ports.nearest {
            let share = 100.0 * float(it.taken) / float(it.range.max(1));
            let what = format_args!(
                "ephemeral ports: {} of {} taken from {} to {} ({share:.1} %), {} of them in TIME_WAIT",
                it.taken, it.range, it.local, it.remote, it.time_wait
            );
            let style = if share >= 80.0 { BOLD } else { DIM };
            row.cell(0, style, what);
            row.finish(out)?;
        }
        Ok(())
    }

    /// Writes JSON Lines of types `leak`, `leaked` and `leaks`, by `docs/schema/finrst.schema.json`.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn json(&self, clock: &WallClock, out: &mut dyn Write) -> io::Result<()> {
        let head = |kind| Head::new(kind, Text(clock.rfc3339(self.at)), self.at);
        let mut line = Line::default();
        for (key, group) in &self.groups.0 {
            let body = leak::leak(key, group, self.per_minute(key, group));
            line.write(&head("leak"), &body, out)?;
            let members = group.members.iter().filter(|_| self.each);
            for leaked in members.filter_map(|&it| self.found.leaked.get(it)) {
                let body = leak::leaked(leaked, self.names);
                line.write(&head("leaked"), &body, out)?;
            }
        }
        let body = leak::leaks(self.groups.sockets(), self.found, self.ports);
        line.write(&head("leaks"), &body, out)
    }
}

/// How long ago something began: exactly, or at the least.
fn age(ns: u64, exact: bool) -> impl fmt::Display {
    let more = if exact { "" } else { ">" };
    format!("{more}{}", human(ns))
}

fn dash() -> String {
    "-".to_owned()
}

/// Who it is, as people read it; names come out escaped.
fn name(owner: Owner) -> String {
    match owner {
        Owner::Several => "several processes".to_owned(),
        Owner::Unseen => "somebody unseen".to_owned(),
        Owner::Nobody => "nobody any more".to_owned(),
        Owner::Process(..) => owner
            .process()
            .map_or_else(String::new, |(pid, comm)| format!("{comm}[{pid}]")),
    }
}

/// What the program alone can mend warns.
const fn style(leak: Leak) -> Style {
    match leak {
        Leak::NotClosed | Leak::ClosedButHeld | Leak::NeverRead | Leak::NotAccepted => {
            AnsiColor::Yellow.on_default()
        }
        Leak::HalfClosed | Leak::NotAcknowledged | Leak::Orphaned => PLAIN,
    }
}

/// How many, of which services the most, and how many at ephemeral ports.
fn waiting(ports: &Ports) -> String {
    let of_services = ports.of_services.iter().take(NAMED);
    let mut named: Vec<_> = of_services
        .map(|(port, count)| format!("{count} of port {port} here"))
        .collect();
    if ports.ephemeral > 0 {
        named.push(format!("{} of ephemeral ports", ports.ephemeral));
    }
    if named.is_empty() {
        return ports.time_wait.to_string();
    }
    format!("{}, {}", ports.time_wait, named.join(", "))
}

/// Who closed first, the most first, and how that is known.
fn owed(ports: &Ports) -> String {
    let one = |it: &Owed| match (it.process, it.confidence) {
        (Some((pid, comm)), Confidence::Exact) => format!("{comm}[{pid}] {}, seen", it.sockets),
        (Some((pid, comm)), _) => format!("{comm}[{pid}] {}, likely", it.sockets),
        (None, _) => format!("unknown {}", it.sockets),
    };
    let named: Vec<_> = ports.owed.iter().take(NAMED).map(one).collect();
    let more = if ports.owed.len() > NAMED {
        "; …"
    } else {
        ""
    };
    format!("who closed first: {}{more}", named.join("; "))
}

#[cfg(test)]
mod tests;
