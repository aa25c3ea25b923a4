//! What is said below a group: the lines of code, each socket, and a stack.

use std::{
    fmt,
    io::{self, Write},
};

use super::{DIM, PLAIN, Report, age, dash};
use crate::{
    leaks::{
        Code, Leaked,
        group::{Group, Key, Line},
    },
    model::foreign::Foreign,
    render::text::{event, row::Row, stack},
};

/// Width of each column of a socket, the last one open to the right.
mod width {
    pub(super) const INDENT: usize = 5;
    pub(super) const FLOW: usize = 44;
    pub(super) const STATE: usize = 12;
    pub(super) const NUMBER: usize = 9;
    pub(super) const HOLDERS: usize = 24;
}

/// Writes which code got the sockets and touched them last; nothing where no hook saw it.
pub(super) fn code(row: &mut Row, key: &Key, group: &Group, out: &mut dyn Write) -> io::Result<()> {
    let said = match (&key.got, &key.last) {
        (None, None) => return Ok(()),
        (Some(got), None) => line(got),
        (None, Some(last)) => format!("last {}", line(last)),
        (Some(got), Some(last)) => format!("{}; last {}", line(got), line(last)),
    };
    let goroutine = group.goroutine.map(|it| format!(", goroutine {it}"));
    row.cell(width::INDENT, PLAIN, "");
    row.cell(
        0,
        DIM,
        format_args!("{said}{}", goroutine.unwrap_or_default()),
    );
    row.finish(out)
}

fn line((how, code): &Line) -> String {
    let how = how.code().replace('_', " ");
    match code {
        Some(code) => format!("{how} in {}", place(code)),
        None => format!("{how} by code without a name"),
    }
}

/// `function at file:line`, of the file only its name.
fn place(code: &Code) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        write!(f, "{}", code.function)?;
        let Some(file) = &code.file else {
            return Ok(());
        };
        let name = file.bytes().rsplit(|&byte| byte == b'/').next();
        write!(f, " at {}", Foreign::from(name.unwrap_or_default()))?;
        code.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    })
}

/// Writes each socket of a group, and the stack behind the last touch of the first.
pub(super) fn sockets(
    report: &Report<'_>,
    row: &mut Row,
    group: &Group,
    out: &mut dyn Write,
) -> io::Result<()> {
    let members = group.members.iter();
    let members: Vec<_> = members
        .filter_map(|&number| report.found.leaked.get(number))
        .collect();
    for leaked in &members {
        socket(row, leaked);
        row.finish(out)?;
    }
    let touch = members
        .first()
        .and_then(|it| it.last.as_ref().or(it.got.as_ref()));
    let taken = touch.and_then(|touch| touch.stack.as_ref());
    match taken.and_then(|taken| report.names.of(taken)) {
        Some(names) => stack::side("program", &names.user, out),
        None => Ok(()),
    }
}

fn socket(row: &mut Row, leaked: &Leaked) {
    let socket = &leaked.socket;
    row.cell(width::INDENT, PLAIN, "");
    row.cell(width::FLOW, PLAIN, event::ends(&socket.flow));
    row.cell(width::STATE, PLAIN, socket.state.name());
    row.right(width::NUMBER, PLAIN, age(leaked.age_ns, leaked.exact));
    let unsent = socket.traffic.map(|it| it.unsent.to_string());
    let unacked = socket.send_queue.map(|it| it.to_string());
    row.right(width::NUMBER, PLAIN, leaked.unread());
    row.right(width::NUMBER, PLAIN, unacked.unwrap_or_else(dash));
    row.right(width::NUMBER, PLAIN, unsent.unwrap_or_else(dash));
    let holders = socket.holders.iter().map(|it| match it.fd {
        Some(fd) => format!("{}[{}] fd {fd}", it.comm, it.pid),
        None => format!("{}[{}]", it.comm, it.pid),
    });
    let holders: Vec<_> = holders.collect();
    row.cell(width::HOLDERS, DIM, holders.join(", "));
    let touch = leaked.last.as_ref().or(leaked.got.as_ref());
    if let Some(goroutine) = touch.and_then(|touch| touch.task.goroutine) {
        row.cell(0, DIM, format_args!("goroutine {goroutine}"));
    }
}
