//! A line: two objects as one, in memory that is used again.

use std::io;

use serde::{Serialize, ser::Error as _};
use serde_json::Error;

use super::Writer;

/// One line under construction, its memory used again for the next.
#[derive(Default)]
pub(in crate::render) struct Line(Vec<u8>);

impl Line {
    /// Two objects as one: the members of the first, then those of the second.
    ///
    /// # Errors
    ///
    /// One of them has no shape in JSON, says itself that it has none, or is no object.
    pub(in crate::render) fn joined(
        &mut self,
        first: &impl Serialize,
        second: &impl Serialize,
    ) -> Result<&[u8], Error> {
        self.fill(|writer| join(writer, first, second))
    }

    /// Writes two objects as one line.
    ///
    /// # Errors
    ///
    /// Those of `out`, and of [`joined`](Self::joined).
    pub(in crate::render) fn write(
        &mut self,
        first: &impl Serialize,
        second: &impl Serialize,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        out.write_all(self.fill(|writer| {
            join(writer, first, second)?;
            writer.push(b'\n');
            Ok(())
        })?)
    }

    pub(super) fn fill(
        &mut self,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
    ) -> Result<&[u8], Error> {
        let mut writer = Writer {
            bytes: &mut self.0,
            at: 0,
        };
        write(&mut writer)?;
        let end = writer.at;
        Ok(self.0.get(..end).unwrap_or_default())
    }
}

fn join(
    writer: &mut Writer<'_>,
    first: &impl Serialize,
    second: &impl Serialize,
) -> Result<(), Error> {
    first.serialize(&mut *writer)?;
    let first = writer.pop();
    let seam = writer.at;
    second.serialize(&mut *writer)?;
    let empty = writer.at == seam + 2;
    match (first, writer.bytes.get_mut(..=seam)) {
        (Some(b'}'), Some([.., before, open @ b'{'])) => {
            if empty {
                *open = b'}';
                writer.at = seam + 1;
            } else if *before == b'{' {
                writer.bytes.copy_within(seam + 1..writer.at, seam);
                writer.at -= 1;
            } else {
                *open = b',';
            }
            Ok(())
        }
        _ => Err(Error::custom("what is joined must be objects")),
    }
}
