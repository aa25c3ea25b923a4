//! A line of cells: a long value pushes the next columns only as far as it must.

use std::{
    fmt::{Display, Write as _},
    io::{self, Write},
};

use anstyle::Style;

/// One line under construction; its buffers are used again for the next.
pub(in crate::render) struct Row {
    colour: bool,
    line: String,
    cell: String,
    /// Columns written so far, as the terminal counts them.
    written: usize,
    /// Where the next cell starts if nothing before it is too long.
    start: usize,
}

impl Row {
    pub(in crate::render) const fn new(colour: bool) -> Self {
        Self {
            colour,
            line: String::new(),
            cell: String::new(),
            written: 0,
            start: 0,
        }
    }

    /// Adds a cell with its value on the left.
    pub(in crate::render) fn cell(&mut self, width: usize, style: Style, value: impl Display) {
        self.add(width, style, value, |_, _| 0);
    }

    /// Adds a cell with its value on the right.
    pub(in crate::render) fn right(&mut self, width: usize, style: Style, value: impl Display) {
        self.add(width, style, value, usize::saturating_sub);
    }

    /// Writes the line and begins the next.
    pub(in crate::render) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.line.push('\n');
        let written = out.write_all(self.line.as_bytes());
        self.line.clear();
        (self.written, self.start) = (0, 0);
        written
    }

    fn add(
        &mut self,
        width: usize,
        style: Style,
        value: impl Display,
        indent: fn(usize, usize) -> usize,
    ) {
        self.cell.clear();
        // Writing to a string fails only as the value's own Display does, and ours do not.
        let _ = write!(self.cell, "{value}");
        let length = self.cell.chars().count();
        // A value that would end up past the next column takes up the slack before it first.
        let end = self.start + width;
        let from = self.start + indent(width, length);
        self.start = end + 1;
        if length == 0 {
            return;
        }
        let gap = usize::from(self.written > 0);
        let from = from.max(self.written + gap);
        for _ in self.written..from {
            self.line.push(' ');
        }
        let _ = if self.colour {
            write!(self.line, "{style}{}{style:#}", self.cell)
        } else {
            self.line.write_str(&self.cell)
        };
        self.written = from + length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style::new();

    fn line(cells: &[(&str, usize, bool)]) -> String {
        let mut row = Row::new(false);
        for &(value, width, right) in cells {
            if right {
                row.right(width, PLAIN, value);
            } else {
                row.cell(width, PLAIN, value);
            }
        }
        let mut out = Vec::new();
        row.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_keep_their_columns() {
        let cells = [("a", 3, false), ("b", 3, true), ("c", 3, false)];
        assert_eq!(line(&cells), "a     b c\n");
    }

    #[test]
    fn a_long_value_moves_the_next_cell_and_none_behind_it() {
        let cells = [("long", 2, false), ("b", 6, false), ("c", 3, false)];
        assert_eq!(line(&cells), "long b    c\n");
    }

    #[test]
    fn a_right_aligned_value_gives_way_to_a_long_one_before_it() {
        let cells = [("longer", 2, false), ("7", 5, true), ("c", 3, false)];
        assert_eq!(line(&cells), "longer 7 c\n");
    }

    #[test]
    fn a_line_has_no_blanks_at_its_end() {
        assert_eq!(line(&[("a", 9, false), ("", 3, false)]), "a\n");
    }

    #[test]
    fn colours_take_no_width() {
        let mut row = Row::new(true);
        row.cell(3, Style::new().bold(), "a");
        row.cell(3, PLAIN, "b");
        let mut out = Vec::new();
        row.finish(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\u{1b}[1ma\u{1b}[0m   b\n");
    }
}
