//! What the runtime knows of its own executable, `runtime.firstmoduledata`: where code and data are.

use super::{
    GoError, Version,
    elf::{CHUNK, Image},
    read::Reader,
    table::{Format, Table},
};

/// Bytes of data looked through at most.
const SEARCHED: u64 = 64 << 20;

// Fields of `moduledata` in words (`runtime/symtab.go`): a pointer, six slices, and `findfunctab`
// come before these.
const MIN_PC: u64 = 20;
const TEXT: u64 = 22;

/// What is needed of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Module {
    /// The address functions are offsets from.
    pub(super) text: u64,
    /// The address further data of functions are offsets from; `None` where they have addresses.
    pub(super) data: Option<u64>,
}

/// Finds it by its first field, which points to the table of functions at `address`.
///
/// Needed since 1.18 only, when addresses became offsets. `None` when it is not found, or does not
/// agree with the table: then nothing is known of inlining.
pub(super) fn find(
    reader: &mut Reader,
    image: &Image,
    table: &Table,
    address: u64,
    version: Version,
) -> Result<Option<Module>, GoError> {
    if table.format < Format::Go118 || reader.form.pointer != 8 {
        return Ok(None);
    }
    if let Some(section) = image.section(".go.module") {
        let fields = Fields::read(reader, image, section.address)?;
        return fields.module(reader, table, version);
    }
    let mut places = Vec::new();
    image.relocated(reader, |place, value| {
        if value == address {
            places.push(place);
        }
    })?;
    if places.is_empty() {
        places = in_place(reader, image, address)?;
    }
    for place in places {
        let Ok(fields) = Fields::read(reader, image, place) else {
            continue;
        };
        if let Some(module) = fields.module(reader, table, version)? {
            return Ok(Some(module));
        }
    }
    Ok(None)
}

/// Where data of the file holds an address.
fn in_place(reader: &Reader, image: &Image, address: u64) -> Result<Vec<u64>, GoError> {
    let wanted = if reader.form.big_endian {
        address.to_be_bytes()
    } else {
        address.to_le_bytes()
    };
    let (mut places, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    for segment in image.segments.iter().filter(|segment| segment.writable()) {
        let mut done = 0;
        while done < segment.size.min(SEARCHED) {
            let many = reader.stream(segment.offset.saturating_add(done), &mut chunk)?;
            let read = chunk.get(..many).unwrap_or_default();
            for (index, word) in read.as_chunks::<8>().0.iter().enumerate() {
                if *word == wanted && places.len() < 64 {
                    let index = u64::try_from(index).unwrap_or(u64::MAX);
                    let place = segment.address.saturating_add(done);
                    places.push(place.saturating_add(index.saturating_mul(8)));
                }
            }
            done = done.saturating_add(u64::try_from(CHUNK).unwrap_or(u64::MAX));
        }
    }
    Ok(places)
}

/// The first fields, as the loader leaves them.
struct Fields([u64; 48]);

impl Fields {
    fn read(reader: &mut Reader, image: &Image, address: u64) -> Result<Self, GoError> {
        let size = 48 * 8;
        let mut at = image.place(address, size)?;
        let mut fields = [0; 48];
        for field in &mut fields {
            *field = reader.u64(at)?;
            at += 8;
        }
        image.relocated(reader, |place, value| {
            let index = place.checked_sub(address).map(|from| from / 8);
            let index = index.and_then(|index| usize::try_from(index).ok());
            if let Some(field) = index.and_then(|index| fields.get_mut(index)) {
                *field = value;
            }
        })?;
        Ok(Self(fields))
    }

    fn get(&self, index: u64) -> u64 {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.0.get(index).copied().unwrap_or(0)
    }

    /// What is needed, if the fields agree with the table about the first function.
    fn module(
        &self,
        reader: &mut Reader,
        table: &Table,
        version: Version,
    ) -> Result<Option<Module>, GoError> {
        let (text, first) = (self.get(TEXT), self.get(MIN_PC));
        let start = table.entry(reader, 0)?.saturating_sub(table.text);
        if text == 0 || text.checked_add(start) != Some(first) {
            return Ok(None);
        }
        let data = match self.get(functions_data(version)) {
            0 => None,
            data => Some(data),
        };
        Ok(Some(Module { text, data }))
    }
}

/// Which field is `gofunc`.
const fn functions_data(version: Version) -> u64 {
    match version.minor {
        ..=19 => 38,
        // covctrs and ecovctrs came.
        20..=26 => 40,
        // typedesclen, itaboffset and itabsize came.
        _ => 43,
    }
}
