//! Functions that were inlined: the chain of calls that one address stands for.

use super::{
    Frame, GoBinary, GoError, Version, function::Function, lines, read::Reader, table::Format,
};

/// Calls inlined into each other at most: a chain that is longer is a circle.
const DEPTH: usize = 256;

/// Which lists of a function hold its inlining, `cmd/internal/objabi/funcdata.go`.
struct Lists {
    /// Of the tables by address: which call an address belongs to.
    calls: u32,
    /// Of the further data: the calls.
    tree: u8,
}

const fn lists(version: Version) -> Lists {
    match version.minor {
        ..=13 => Lists { calls: 1, tree: 2 },
        14 | 15 => Lists { calls: 2, tree: 4 },
        _ => Lists { calls: 2, tree: 3 },
    }
}

/// The frames at `pc`, innermost first.
pub(super) fn frames(
    reader: &mut Reader,
    binary: &GoBinary,
    function: &Function,
    pc: u64,
) -> Result<Vec<Frame>, GoError> {
    let table = &binary.table;
    let mut frames = Vec::new();
    let place = |reader: &mut Reader, pc| -> Result<(String, u32), GoError> {
        let file = lines::file(reader, table, function, pc)?;
        Ok((file, lines::line(reader, table, function, pc)?))
    };
    let (mut file, mut line) = place(reader, pc)?;
    if let Some(tree) = Tree::of(reader, binary, function)? {
        let entry = function.entry;
        let mut call = lines::value(reader, table, tree.calls, entry, pc)?;
        while let Some(index) = call.and_then(|call| u64::try_from(call).ok()) {
            if frames.len() >= DEPTH {
                let what = "calls inlined in a circle";
                return Err(GoError::Damaged { at: tree.at, what });
            }
            let inlined = tree.call(reader, index)?;
            frames.push(Frame {
                function: table.name_at(reader, inlined.name)?,
                file,
                line,
                inlined: true,
            });
            match inlined.from {
                From::Pc(offset) => {
                    let pc = entry.saturating_add(u64::from(offset));
                    (file, line) = place(reader, pc)?;
                    call = lines::value(reader, table, tree.calls, entry, pc)?;
                }
                From::Line(number, called_at, parent) => {
                    file = lines::named(reader, table, function, number)?;
                    line = called_at;
                    call = Some(parent);
                }
            }
        }
    }
    frames.push(Frame {
        function: table.name(reader, function)?,
        file,
        line,
        inlined: false,
    });
    Ok(frames)
}

/// The calls that were inlined into a function.
struct Tree {
    calls: u32,
    /// Where the calls are in the file.
    at: u64,
    format: Format,
}

/// Where a call was made.
enum From {
    /// At an instruction, by its offset from the entry.
    Pc(u32),
    /// At a line of a file, in another inlined call or, if that is negative, in the function.
    Line(i32, u32, i32),
}

/// One inlined call.
struct Call {
    name: u32,
    from: From,
}

impl Tree {
    fn of(
        reader: &mut Reader,
        binary: &GoBinary,
        function: &Function,
    ) -> Result<Option<Self>, GoError> {
        let lists = lists(binary.version);
        let Some(calls) = function.table(reader, lists.calls)? else {
            return Ok(None);
        };
        let Some(data) = function.data(reader, &binary.table, lists.tree)? else {
            return Ok(None);
        };
        let format = binary.table.format;
        let address = if format >= Format::Go118 {
            match binary.module.and_then(|module| module.data) {
                Some(base) => base.saturating_add(data),
                None => return Ok(None),
            }
        } else {
            data
        };
        let at = binary.image.place(address, 1)?;
        Ok(Some(Self { calls, at, format }))
    }

    /// `inlinedCall` of `runtime/symtab.go`, since 1.20 of `symtabinl.go`.
    fn call(&self, reader: &mut Reader, index: u64) -> Result<Call, GoError> {
        let size = if self.format >= Format::Go120 { 16 } else { 20 };
        let at = self.at.saturating_add(index.saturating_mul(size));
        if self.format >= Format::Go120 {
            // funcID, nameOff, parentPc, startLine
            return Ok(Call {
                name: reader.u32(at.saturating_add(4))?,
                from: From::Pc(reader.u32(at.saturating_add(8))?),
            });
        }
        // parent and funcID, file, line, func, parentPc
        let parent = reader.u16(at)?.cast_signed();
        let file = reader.u32(at + 4)?.cast_signed();
        Ok(Call {
            name: reader.u32(at + 12)?,
            from: From::Line(file, reader.u32(at + 8)?, i32::from(parent)),
        })
    }
}
