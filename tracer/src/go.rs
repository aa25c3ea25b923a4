//! Go executables, read from their own tables: version, functions, lines, inlining, offsets in `g`.
//!
//! Pure: bytes come from a [`Source`], never from a path, and are never trusted. Only what a
//! question needs is read, so a binary of any size costs a few pages of memory.

mod elf;
mod error;
mod function;
mod goroutine;
mod inline;
mod lines;
mod module;
mod read;
mod table;
mod tls;
mod version;

use std::sync::Mutex;

pub use error::GoError;
pub use goroutine::Layout;
pub use read::Source;
pub use version::Version;

use elf::Image;
use module::Module;
use read::Reader;
use table::Table;

/// One step of a call chain: a function, and where in its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// The function with its package, as Go writes it: `net.(*conn).Close`.
    pub function: String,
    /// The source file as the compiler saw it; empty when the tables name none.
    pub file: String,
    /// Line in the file, from 1; zero when the tables give none.
    pub line: u32,
    /// The function has no code of its own here: it was inlined into the next frame.
    pub inlined: bool,
}

/// Where the threads of an executable of Go keep the running goroutine and its number.
///
/// Reads little: no table of functions, unless there is code of other languages in it.
///
/// # Errors
///
/// [`GoError::NotGo`] for any other file, [`GoError::Layout`] when it is not known for this one.
pub fn layout(source: Box<dyn Source>) -> Result<Layout, GoError> {
    let mut reader = Reader::new(source);
    let image = Image::read(&mut reader)?;
    let version = version::find(&mut reader, &image)?;
    let offset = tls::offset(&mut reader, &image, version)?;
    goroutine::layout(version, offset)
}

/// A Go executable.
///
/// Addresses are those of the file (`p_vaddr`): of a running process subtract what the loader
/// added, or map the offset in the file with [`GoBinary::address_of`].
pub struct GoBinary {
    image: Image,
    version: Version,
    table: Table,
    module: Option<Module>,
    /// One caller at a time: the reader keeps pages.
    reader: Mutex<Reader>,
}

impl GoBinary {
    /// Reads what identifies an executable as one of Go, and finds its tables.
    ///
    /// # Errors
    ///
    /// [`GoError::NotGo`] for any other file; otherwise what is wrong with this one, and where.
    pub fn open(source: Box<dyn Source>) -> Result<Self, GoError> {
        let mut reader = Reader::new(source);
        let image = Image::read(&mut reader)?;
        let version = version::find(&mut reader, &image)?;
        let (table, module) = tables(&mut reader, &image, version)?;
        Ok(Self {
            image,
            version,
            table,
            module,
            reader: Mutex::new(reader),
        })
    }

    /// The version of Go that built it.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Names what is at `pc`, innermost function first; empty where there is no code of Go.
    ///
    /// `pc` is an address inside an instruction: of a return address take one off.
    ///
    /// # Errors
    ///
    /// [`GoError`] when the tables are damaged there.
    pub fn symbolize(&self, pc: u64) -> Result<Vec<Frame>, GoError> {
        let reader = &mut *self.reader();
        let Some(function) = self.table.at(reader, pc)? else {
            return Ok(Vec::new());
        };
        inline::frames(reader, self, &function, pc)
    }

    /// Where the function of this name begins; `None` when the executable has none of that name.
    ///
    /// # Errors
    ///
    /// [`GoError`] when the tables are damaged.
    pub fn function(&self, name: &str) -> Result<Option<u64>, GoError> {
        let reader = &mut *self.reader();
        let found = self.table.named(reader, name)?;
        Ok(found.map(|function| function.entry))
    }

    /// Calls `each` with the first address and the name of every function, in order of address.
    ///
    /// # Errors
    ///
    /// [`GoError`] when the tables are damaged.
    pub fn functions(&self, mut each: impl FnMut(u64, &str)) -> Result<(), GoError> {
        let reader = &mut *self.reader();
        for index in 0..self.table.functions {
            let function = self.table.function(reader, index)?;
            each(function.entry, &self.table.name(reader, &function)?);
        }
        Ok(())
    }

    /// The address of what is at an offset of the file; `None` for bytes that are not loaded.
    #[must_use]
    pub fn address_of(&self, offset: u64) -> Option<u64> {
        self.image.address_of(offset)
    }

    /// The offset in the file of what is at an address; `None` for memory that is not of the file.
    #[must_use]
    pub fn offset_of(&self, address: u64) -> Option<u64> {
        self.image.offset_of(address, 1)
    }

    fn reader(&self) -> std::sync::MutexGuard<'_, Reader> {
        // A reader is whole after every call, a panicked one too: it only caches.
        self.reader
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The table of functions, and what the runtime knows of where they are.
fn tables(
    reader: &mut Reader,
    image: &Image,
    version: Version,
) -> Result<(Table, Option<Module>), GoError> {
    let (mut table, at) = table::find(reader, image)?;
    let module = module::find(reader, image, &table, at, version)?;
    table.start_text(reader, image, module.as_ref())?;
    Ok((table, module))
}
