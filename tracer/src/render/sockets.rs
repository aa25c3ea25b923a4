//! What `finrst sockets` shows: one line a socket, in each format.

use std::{
    collections::HashMap,
    fmt,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};

use super::{
    json::writer::Line,
    schema::{Head, Text, socket},
    text::{event, row::Row},
    time::{WallClock, human},
    words,
};
use crate::model::{
    flow::Flow, foreign::Foreign, holder::Holder, known::KnownSocket, state::TcpState, time::MonoNs,
};

/// Width of each column, the last one open to the right.
mod width {
    pub(super) const STATE: usize = 11;
    pub(super) const AGE: usize = 7;
    pub(super) const QUEUE: usize = 7;
    pub(super) const FLOW: usize = 35;
    pub(super) const UID: usize = 5;
    pub(super) const NETNS: usize = 10;
    pub(super) const FROM: usize = 9;
    pub(super) const SURE: usize = 7;
}

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const PLAIN: Style = Style::new();

/// Descriptors named on a line for people; how many more there are is said.
const NAMED: usize = 4;

/// Sockets to show, in this order.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// When they were looked at, or later: what is said of ages must hold at this time.
    pub at: MonoNs,
    /// The sockets.
    pub sockets: &'a [KnownSocket],
    /// The names of the network namespaces that have one, by inode number.
    pub netns_names: &'a HashMap<u32, Foreign>,
}

impl Listing<'_> {
    /// Writes aligned lines for people.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn text(&self, colour: bool, header: bool, out: &mut dyn Write) -> io::Result<()> {
        let mut row = Row::new(colour);
        if header {
            row.cell(width::STATE, BOLD, "STATE");
            row.right(width::AGE, BOLD, "AGE");
            row.right(width::QUEUE, BOLD, "UNREAD");
            row.right(width::QUEUE, BOLD, "UNACKED");
            row.cell(width::FLOW, BOLD, "LOCAL → REMOTE");
            row.right(width::UID, BOLD, "UID");
            row.cell(width::NETNS, BOLD, "NETNS");
            row.cell(width::FROM, BOLD, "FROM");
            row.cell(width::SURE, BOLD, "SURE");
            row.cell(0, BOLD, "HELD BY");
            row.finish(out)?;
        }
        for socket in self.sockets {
            self.line(&mut row, socket);
            row.finish(out)?;
        }
        Ok(())
    }

    /// Writes JSON Lines of type `socket`, by `docs/schema/finrst.schema.json`.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn json(&self, clock: &WallClock, out: &mut dyn Write) -> io::Result<()> {
        let mut line = Line::default();
        for known in self.sockets {
            let head = Head::new("socket", Text(clock.rfc3339(self.at)), self.at);
            let body = socket::socket(known, self.netns_name(&known.flow));
            line.write(&head, &body, out)?;
        }
        Ok(())
    }

    fn netns_name(&self, flow: &Flow) -> Option<&Foreign> {
        self.netns_names.get(&flow.netns?)
    }

    fn line(&self, row: &mut Row, socket: &KnownSocket) {
        row.cell(width::STATE, style(socket.state), socket.state.name());
        row.right(width::AGE, PLAIN, age(socket.in_state_ns));
        row.right(width::QUEUE, PLAIN, socket.receive_queue);
        row.right(width::QUEUE, PLAIN, OrDash(socket.send_queue));
        row.cell(width::FLOW, PLAIN, event::ends(&socket.flow));
        row.right(width::UID, DIM, OrDash(socket.uid));
        match self.netns_name(&socket.flow) {
            Some(name) => row.cell(width::NETNS, DIM, name),
            None => row.cell(width::NETNS, DIM, OrDash(socket.flow.netns)),
        }
        row.cell(width::FROM, DIM, socket.origin.code());
        let sure = socket.confidence().map(words::confidence);
        row.cell(width::SURE, DIM, OrDash(sure));
        row.cell(0, BOLD, held_by(socket));
    }
}

/// A value, or `-` where none is known.
struct OrDash<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for OrDash<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// `>9.21s`: at the least, for more is never known.
fn age(at_least_ns: Option<u64>) -> impl fmt::Display {
    OrDash(at_least_ns.map(|ns| fmt::from_fn(move |f| write!(f, ">{}", human(ns)))))
}

/// What works shines, what waits for its process to close warns.
const fn style(state: TcpState) -> Style {
    match state {
        TcpState::Established => AnsiColor::Green.on_default(),
        TcpState::CloseWait => AnsiColor::Yellow.on_default(),
        TcpState::SynSent
        | TcpState::SynRecv
        | TcpState::NewSynRecv
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::TimeWait
        | TcpState::Close
        | TcpState::LastAck
        | TcpState::Listen
        | TcpState::Closing => PLAIN,
    }
}

/// `nginx[7]:3,4 nginx[8]:3`: each process once, with its descriptors; `-` for nobody.
fn held_by(socket: &KnownSocket) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        if socket.holders.is_empty() {
            return f.write_str(if socket.is_held() { "unknown" } else { "-" });
        }
        let mut before: Option<&Holder> = None;
        for holder in socket.holders.iter().take(NAMED) {
            let same = before.is_some_and(|before| before.pid == holder.pid);
            if !same {
                let gap = if before.is_some() { " " } else { "" };
                write!(f, "{gap}{}[{}]", holder.comm, holder.pid)?;
            }
            if let Some(fd) = holder.fd {
                write!(f, "{}{fd}", if same { "," } else { ":" })?;
            }
            before = Some(holder);
        }
        match socket.holders.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    })
}

#[cfg(test)]
mod tests;
