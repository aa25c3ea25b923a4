//! Tables by address: runs of a value, each with the length of code it holds for.
//!
//! The format is of the runtime's `pcvalue`: pairs of numbers, how much the value changes and for
//! how much code it then holds, until the first of a pair is zero.

use super::{
    GoError,
    function::Function,
    read::Reader,
    table::{Format, Table},
};

/// Runs of a table looked at: more than any function has code for lines of.
const RUNS: u32 = 1 << 20;

/// The value of a table at an address; `None` where the table says nothing.
pub(super) fn value(
    reader: &mut Reader,
    table: &Table,
    offset: u32,
    entry: u64,
    pc: u64,
) -> Result<Option<i32>, GoError> {
    if offset == 0 {
        return Ok(None);
    }
    let start = table.by_address.saturating_add(u64::from(offset));
    let (mut at, mut until, mut value) = (start, entry, -1_i32);
    for run in 0..RUNS {
        let (change, len) = reader.varint(at)?;
        // The first change may be none, for the value begins at -1.
        if change == 0 && run > 0 {
            return Ok(None);
        }
        value = value.wrapping_add(signed(change));
        at = at.saturating_add(len);
        let (length, len) = reader.varint(at)?;
        at = at.saturating_add(len);
        until = until.saturating_add(u64::from(length) * u64::from(table.quantum));
        if pc < until {
            return Ok((value >= 0).then_some(value));
        }
    }
    let what = "a table by address that does not end";
    Err(GoError::Damaged { at: start, what })
}

/// Numbers with a sign have it in the lowest bit.
fn signed(zigzag: u32) -> i32 {
    let half = (zigzag >> 1).cast_signed();
    if zigzag & 1 == 0 { half } else { !half }
}

/// The line of an address in a function; zero when the table says nothing.
pub(super) fn line(
    reader: &mut Reader,
    table: &Table,
    function: &Function,
    pc: u64,
) -> Result<u32, GoError> {
    let line = value(reader, table, function.lines, function.entry, pc)?;
    Ok(line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0))
}

/// The file of an address in a function; empty when the table says nothing.
pub(super) fn file(
    reader: &mut Reader,
    table: &Table,
    function: &Function,
    pc: u64,
) -> Result<String, GoError> {
    match value(reader, table, function.files, function.entry, pc)? {
        Some(number) => named(reader, table, function, number),
        None => Ok(String::new()),
    }
}

/// The name of a file by its number in the function's unit.
pub(super) fn named(
    reader: &mut Reader,
    table: &Table,
    function: &Function,
    number: i32,
) -> Result<String, GoError> {
    let Ok(number) = u64::try_from(number) else {
        return Ok(String::new());
    };
    if table.format == Format::Go12 {
        // A list of offsets from the start of the table, whose first is the length of the list.
        if number == 0 || number >= u64::from(reader.u32(table.files)?) {
            return Ok(String::new());
        }
        let offset = reader.u32(table.files.saturating_add(4 * number))?;
        return reader.string(table.at.saturating_add(u64::from(offset)));
    }
    let index = number.saturating_add(u64::from(function.unit));
    let at = table.units.saturating_add(index.saturating_mul(4));
    if at >= table.files {
        let what = "a file that no unit has";
        return Err(GoError::Damaged { at, what });
    }
    match reader.u32(at)? {
        // The linker dropped the file.
        u32::MAX => Ok(String::new()),
        offset => reader.string(table.files.saturating_add(u64::from(offset))),
    }
}
