//! The table of functions, `runtime.pclntab`: its four formats, and the search in it.

use super::{
    GoError,
    elf::{CHUNK, Image},
    function::Function,
    module::Module,
    read::Reader,
};

/// Sections the table is in, with the names of executables that move, and before 1.26.
const SECTIONS: [&str; 4] = [
    ".gopclntab",
    ".data.rel.ro.gopclntab",
    ".data.rel.ro",
    "__gopclntab",
];

/// Functions a table has at most: forty times those of the largest executable known.
const FUNCTIONS: u64 = 1 << 24;

/// A format, by the release that began with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Format {
    /// 1.2 to 1.15.
    Go12,
    /// 1.16 and 1.17: names, files and tables have parts of their own.
    Go116,
    /// 1.18 and 1.19: addresses are offsets from the start of the code.
    Go118,
    /// Since 1.20: functions have the line they begin at.
    Go120,
}

impl Format {
    const fn of(magic: u32) -> Option<Self> {
        match magic {
            0xffff_fffb => Some(Self::Go12),
            0xffff_fffa => Some(Self::Go116),
            0xffff_fff0 => Some(Self::Go118),
            0xffff_fff1 => Some(Self::Go120),
            _ => None,
        }
    }
}

/// Where the parts of the table are, as offsets in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) format: Format,
    /// The table itself.
    pub(super) at: u64,
    /// Bytes of an instruction at least.
    pub(super) quantum: u8,
    pub(super) functions: u64,
    /// The address its offsets count from; zero where functions have addresses.
    pub(super) text: u64,
    names: u64,
    /// The index of files by unit; unused in 1.2.
    pub(super) units: u64,
    pub(super) files: u64,
    pub(super) by_address: u64,
    /// The list of functions, which their offsets count from (in 1.2 they count from `at`).
    list: u64,
    described: u64,
}

/// Finds the table, by a section or by its first bytes; says also its address.
pub(super) fn find(reader: &mut Reader, image: &Image) -> Result<(Table, u64), GoError> {
    for section in SECTIONS.iter().filter_map(|name| image.section(name)) {
        if let Ok(table) = Table::read(reader, section.offset) {
            return Ok((table, section.address));
        }
    }
    search(reader, image)?.ok_or(GoError::Damaged {
        at: 0,
        what: "an executable of Go without a table of functions",
    })
}

/// Looks for the table in everything that is loaded; linkers align it, since 1.27 to a word only.
fn search(reader: &mut Reader, image: &Image) -> Result<Option<(Table, u64)>, GoError> {
    let mut chunk = vec![0; CHUNK];
    for segment in image.segments.iter().filter(|it| !it.executable()) {
        let mut done = 0;
        while done < segment.size {
            let from = segment.offset.saturating_add(done);
            let many = reader.stream(from, &mut chunk)?;
            if many == 0 {
                // A segment may claim more than there is of the file.
                break;
            }
            let read = chunk.get(..many).unwrap_or_default();
            for (index, bytes) in read.as_chunks::<8>().0.iter().enumerate() {
                if !like_a_table(*bytes) {
                    continue;
                }
                let index = u64::try_from(index).unwrap_or(u64::MAX);
                let at = from.saturating_add(index.saturating_mul(8));
                if let (Ok(table), Some(address)) = (Table::read(reader, at), image.address_of(at))
                {
                    return Ok(Some((table, address)));
                }
            }
            done = done.saturating_add(u64::try_from(CHUNK).unwrap_or(u64::MAX));
        }
    }
    Ok(None)
}

/// The magic number in either order, two zeros, the quantum, and the size of a pointer.
const fn like_a_table(bytes: [u8; 8]) -> bool {
    let [a, b, c, d, 0, 0, 1 | 2 | 4, 4 | 8] = bytes else {
        return false;
    };
    Format::of(u32::from_le_bytes([a, b, c, d])).is_some()
        || Format::of(u32::from_be_bytes([a, b, c, d])).is_some()
}

impl Table {
    /// Reads the header, and proves that the first and the last function can be where it says.
    pub(super) fn read(reader: &mut Reader, at: u64) -> Result<Self, GoError> {
        let damaged = |what| GoError::Damaged { at, what };
        let format = Format::of(reader.u32(at)?).ok_or(damaged("no table of functions"))?;
        let [0, 0, quantum @ (1 | 2 | 4), pointer] = reader.array(at + 4)? else {
            return Err(damaged("a table of functions with another header"));
        };
        if pointer != reader.form.pointer {
            return Err(damaged("a table of functions of another machine"));
        }
        let mut word = |index: u64| reader.word(at.saturating_add(8 + u64::from(pointer) * index));
        let functions = word(0)?;
        if functions == 0 || functions > FUNCTIONS {
            return Err(damaged("a table without functions, or with too many"));
        }
        let part = |offset: u64| at.saturating_add(offset);
        let mut table = Self {
            format,
            at,
            quantum,
            functions,
            text: 0,
            names: at,
            units: at,
            files: at,
            by_address: at,
            list: part(8 + u64::from(pointer)),
            described: at,
        };
        if format > Format::Go12 {
            // After the number of files, 1.18 put the start of the code.
            let first = if format >= Format::Go118 { 3 } else { 2 };
            table.names = part(word(first)?);
            table.units = part(word(first + 1)?);
            table.files = part(word(first + 2)?);
            table.by_address = part(word(first + 3)?);
            table.list = part(word(first + 4)?);
            table.described = table.list;
        }
        if format >= Format::Go118 {
            table.text = word(2)?;
        }
        if format == Format::Go12 {
            let end = table
                .slot(reader, functions)?
                .saturating_add(u64::from(pointer));
            table.files = part(u64::from(reader.u32(end)?));
        }
        if table.entry(reader, 0)? > table.entry(reader, functions)? {
            return Err(damaged("a table whose functions are in no order"));
        }
        Ok(table)
    }

    /// Sets the address its offsets count from.
    ///
    /// The header has it from 1.18 to 1.25, but not where the loader has yet to write it.
    pub(super) fn start_text(
        &mut self,
        reader: &mut Reader,
        image: &Image,
        module: Option<&Module>,
    ) -> Result<(), GoError> {
        if self.format < Format::Go118 {
            return Ok(());
        }
        let text = image.section(".text").map(|section| section.address);
        let known = module.map(|module| module.text);
        let header = Some(self.text).filter(|&text| text != 0);
        self.text = known.or(header).or(text).ok_or(GoError::Damaged {
            at: self.at,
            what: "a table whose code is nowhere",
        })?;
        // A start of the code that is not code would name everything wrong.
        let first = self.entry(reader, 0)?;
        image.place(first, 1).map(drop)
    }

    /// Where in the list a function is.
    fn slot(&self, reader: &Reader, index: u64) -> Result<u64, GoError> {
        let size = if self.format >= Format::Go118 {
            8
        } else {
            2 * u64::from(reader.form.pointer)
        };
        let offset = index.checked_mul(size);
        offset
            .and_then(|offset| self.list.checked_add(offset))
            .ok_or(GoError::Damaged {
                at: self.list,
                what: "a function that the list cannot have",
            })
    }

    /// The first address of a function; of the number of functions, the end of the last.
    pub(super) fn entry(&self, reader: &mut Reader, index: u64) -> Result<u64, GoError> {
        let slot = self.slot(reader, index)?;
        if self.format >= Format::Go118 {
            return Ok(self.text.saturating_add(u64::from(reader.u32(slot)?)));
        }
        reader.word(slot)
    }

    /// A function by its place in the list.
    pub(super) fn function(&self, reader: &mut Reader, index: u64) -> Result<Function, GoError> {
        let entry = self.entry(reader, index)?;
        let slot = self.slot(reader, index)?;
        let offset = if self.format >= Format::Go118 {
            u64::from(reader.u32(slot + 4)?)
        } else {
            reader.word(slot + u64::from(reader.form.pointer))?
        };
        let at = self.described.saturating_add(offset);
        Function::read(reader, self.format, at, entry)
    }

    /// The function whose code an address is in; `None` outside all.
    pub(super) fn at(&self, reader: &mut Reader, pc: u64) -> Result<Option<Function>, GoError> {
        if pc < self.entry(reader, 0)? || pc >= self.entry(reader, self.functions)? {
            return Ok(None);
        }
        // The function is in low..high.
        let (mut low, mut high) = (0, self.functions);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.entry(reader, middle)? <= pc {
                low = middle;
            } else {
                high = middle;
            }
        }
        self.function(reader, low).map(Some)
    }

    /// The first function of a name; looks at all.
    pub(super) fn named(
        &self,
        reader: &mut Reader,
        name: &str,
    ) -> Result<Option<Function>, GoError> {
        for index in 0..self.functions {
            let function = self.function(reader, index)?;
            if self.name(reader, &function)? == name {
                return Ok(Some(function));
            }
        }
        Ok(None)
    }

    /// The name of a function.
    pub(super) fn name(&self, reader: &mut Reader, function: &Function) -> Result<String, GoError> {
        self.name_at(reader, function.name)
    }

    /// The name at an offset into the names.
    pub(super) fn name_at(&self, reader: &mut Reader, offset: u32) -> Result<String, GoError> {
        reader.string(self.names.saturating_add(u64::from(offset)))
    }
}
