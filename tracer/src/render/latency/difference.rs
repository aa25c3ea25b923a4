//! Two runs, or two processes of one, held against each other: as a table or as a JSON line.

use std::io::{self, Write};

use anstyle::Style;

use crate::{
    latency::{
        difference::{Difference, Differences},
        spread::whole,
    },
    model::time::MonoNs,
    render::{Format, Options, json::Json, schema::latency, text::row::Row, time::human},
};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();

const WHAT: usize = 20;
const NUMBER: usize = 9;

/// Writes how the second run differs from the first, each by its name; `at` is when the second one
/// ended.
///
/// # Errors
/// Those of `out`.
pub fn write(
    (format, options): (Format, Options),
    names: (&str, &str),
    at: MonoNs,
    differences: &Differences,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => line_of(&mut Json::new(options), names, at, differences, out),
        Format::Text | Format::Pcapng => table(options.colour, names, differences, out),
    }
}

pub(super) fn line_of(
    json: &mut Json,
    names: (&str, &str),
    at: MonoNs,
    differences: &Differences,
    out: &mut dyn Write,
) -> io::Result<()> {
    let body = latency::difference(names, differences);
    json.line("difference", at, body, out)
}

pub(super) fn table(
    colour: bool,
    (before, after): (&str, &str),
    differences: &Differences,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut row = Row::new(colour);
    for (name, what, endings) in [
        ("A", before, differences.endings.0),
        ("B", after, differences.endings.1),
    ] {
        row.cell(0, BOLD, format_args!("{name}: {what}, {endings} endings"));
        row.finish(out)?;
    }
    let none = match differences.endings {
        (0, 0) => "neither had an ending",
        (0, _) => "A had no ending",
        (_, 0) => "B had no ending",
        (_, _) => "",
    };
    if !none.is_empty() {
        row.cell(0, PLAIN, format_args!("nothing to compare: {none}"));
        return row.finish(out);
    }
    row.cell(WHAT, DIM, "");
    for name in ["A", "B", "CHANGE"] {
        row.right(NUMBER, DIM, name);
    }
    row.cell(0, DIM, "WITH 95 % BETWEEN");
    row.finish(out)?;
    line(&mut row, "by RST", &differences.reset, percent, out)?;
    line(&mut row, "leaked", &differences.leaked, percent, out)?;
    for it in &differences.phases {
        let name = it.phase.name();
        line(&mut row, &format!("{name} avg"), &it.mean, duration, out)?;
        line(&mut row, &format!("{name} p50"), &it.p50, duration, out)?;
        line(&mut row, &format!("{name} p99"), &it.p99, duration, out)?;
    }
    Ok(())
}

fn line(
    row: &mut Row,
    name: &str,
    it: &Difference,
    shown: fn(f64) -> String,
    out: &mut dyn Write,
) -> io::Result<()> {
    row.cell(WHAT, PLAIN, name);
    row.right(NUMBER, PLAIN, shown(it.before));
    row.right(NUMBER, PLAIN, shown(it.after));
    let signed = |number: f64| {
        let sign = if number < 0.0 { '-' } else { '+' };
        format!("{sign}{}", shown(number.abs()))
    };
    if let Some(change) = it.change {
        let (style, note) = if it.may_be_chance() {
            (DIM, ", may be chance")
        } else {
            (BOLD, "")
        };
        row.right(NUMBER, style, signed(change.value));
        let (low, high) = (signed(change.low), signed(change.high));
        row.cell(0, style, format_args!("{low} … {high}{note}"));
    } else {
        row.right(NUMBER, DIM, "-");
        row.cell(0, DIM, "too few to say");
    }
    row.finish(out)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn duration(ns: f64) -> String {
    human(whole(ns)).to_string()
}
