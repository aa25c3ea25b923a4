//! One function of the table: `_func` of the runtime, whose fields moved with the format.

use super::{
    GoError,
    read::Reader,
    table::{Format, Table},
};

/// What the table says of a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function {
    /// Its first address.
    pub(super) entry: u64,
    /// Its name, as an offset into the names.
    pub(super) name: u32,
    /// Its tables of files and of lines, as offsets into the tables by address; zero for none.
    pub(super) files: u32,
    pub(super) lines: u32,
    /// Where the files of its compilation unit begin in the index of files.
    pub(super) unit: u32,
    /// Further tables by address, and further data, and where in the file their lists begin.
    tables: u32,
    data: u8,
    lists: u64,
}

impl Function {
    /// Reads the function whose `_func` lies at an offset of the file.
    pub(super) fn read(
        reader: &mut Reader,
        format: Format,
        at: u64,
        entry: u64,
    ) -> Result<Self, GoError> {
        // The first field is the entry: an address until 1.17, since then an offset.
        let first = if format >= Format::Go118 {
            4
        } else {
            u64::from(reader.form.pointer)
        };
        let mut word = |index: u64| reader.u32(at.saturating_add(first + 4 * index));
        // name, args, deferreturn, pcsp, pcfile, pcln, npcdata
        let (name, files, lines, tables) = (word(0)?, word(4)?, word(5)?, word(6)?);
        let unit = if format >= Format::Go116 { word(7)? } else { 0 };
        // Since 1.20 startLine, then funcID, flag, padding, nfuncdata.
        let last = match format {
            Format::Go12 => 7,
            Format::Go116 | Format::Go118 => 8,
            Format::Go120 => 9,
        };
        let last = at.saturating_add(first + 4 * last);
        Ok(Self {
            entry,
            name,
            files,
            lines,
            unit,
            tables,
            data: reader.u8(last.saturating_add(3))?,
            lists: last.saturating_add(4),
        })
    }

    /// A further table by address, as an offset into these; `None` when there is none.
    pub(super) fn table(&self, reader: &mut Reader, index: u32) -> Result<Option<u32>, GoError> {
        if index >= self.tables {
            return Ok(None);
        }
        let offset = reader.u32(self.lists.saturating_add(4 * u64::from(index)))?;
        Ok((offset != 0).then_some(offset))
    }

    /// A pointer to further data: an address until 1.17, since then an offset; `None` for none.
    pub(super) fn data(
        &self,
        reader: &mut Reader,
        table: &Table,
        index: u8,
    ) -> Result<Option<u64>, GoError> {
        if index >= self.data {
            return Ok(None);
        }
        let lists = self.lists.saturating_add(4 * u64::from(self.tables));
        if table.format >= Format::Go118 {
            let offset = reader.u32(lists.saturating_add(4 * u64::from(index)))?;
            return Ok((offset != u32::MAX).then(|| u64::from(offset)));
        }
        // Pointers are aligned in memory, and so is the table they are in.
        let pointer = u64::from(reader.form.pointer);
        let lists = table.at + (lists.saturating_sub(table.at)).next_multiple_of(pointer);
        let address = reader.word(lists.saturating_add(pointer * u64::from(index)))?;
        Ok((address != 0).then_some(address))
    }
}
