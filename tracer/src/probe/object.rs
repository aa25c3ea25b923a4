//! The kernel object: whether it speaks our contract, and its settings and maps before it is loaded.

use aya::{Ebpf, EbpfError};
use object::{Object, ObjectSection, ObjectSymbol};
use tracer_common::{
    CONTRACT,
    gather::mode,
    settings::{
        Offsets, Settings, stacks,
        transport::{self, RING_ENDINGS, RING_STATES},
    },
};
use zerocopy::IntoBytes;

use super::{buffer::Buffers, library, touches::TOUCHES};

/// Where the object built into finrst came from: "built from source" or "stored".
pub const ORIGIN: &str = env!("FINRST_KERNEL_OBJECT_ORIGIN");

/// Aligned as ELF readers want it.
#[repr(C, align(64))]
struct Aligned<Bytes: ?Sized>(Bytes);

/// The object built into finrst.
static EMBEDDED: &Aligned<[u8]> = &Aligned(*include_bytes!(env!("FINRST_KERNEL_OBJECT")));

/// The bytes of the object built into finrst.
#[must_use]
pub fn embedded() -> &'static [u8] {
    &EMBEDDED.0
}

/// Why the kernel object cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// It is no ELF file, or a broken one.
    #[error("cannot read the kernel object as an ELF file")]
    Elf(#[source] object::Error),
    /// It does not say which contract it speaks.
    #[error("the kernel object carries no contract version: it was not built by finrst")]
    NoContract,
    /// It speaks another contract.
    #[error("the kernel object speaks contract {found}, this finrst speaks {CONTRACT}")]
    OtherContract {
        /// What it speaks.
        found: u32,
    },
    /// Its maps could not be created.
    #[error("cannot create the maps of the kernel object")]
    Maps(#[source] Box<EbpfError>),
}

/// The contract version an object carries.
///
/// # Errors
///
/// [`ObjectError::Elf`] or [`ObjectError::NoContract`].
pub fn contract(bytes: &[u8]) -> Result<u32, ObjectError> {
    let file = object::File::parse(bytes).map_err(ObjectError::Elf)?;
    let symbol = file
        .symbols()
        .find(|symbol| symbol.name() == Ok("CONTRACT"))
        .ok_or(ObjectError::NoContract)?;
    let section = symbol.section_index().ok_or(ObjectError::NoContract)?;
    let section = file.section_by_index(section).map_err(ObjectError::Elf)?;
    let value = section
        .data_range(symbol.address(), 4)
        .map_err(ObjectError::Elf)?;
    let value = value
        .and_then(|bytes| bytes.first_chunk::<4>())
        .ok_or(ObjectError::NoContract)?;
    Ok(u32::from_le_bytes(*value))
}

/// Creates the maps and fixes the settings; no program is loaded yet. Where latencies are gathered,
/// so many `connections` that are not over are remembered.
///
/// # Errors
///
/// [`ObjectError`]: nothing was created, or what was is gone again.
pub fn open(
    bytes: &[u8],
    offsets: &Offsets,
    settings: &Settings,
    buffers: &Buffers,
    connections: u32,
) -> Result<Ebpf, ObjectError> {
    match contract(bytes)? {
        CONTRACT => {}
        found => return Err(ObjectError::OtherContract { found }),
    }
    let gathers = settings.gather != mode::OFF;
    let filtered = if settings.filters == 0 || gathers {
        1
    } else {
        65_536
    };
    let gathered = |entries: u32| if gathers { entries.max(1) } else { 1 };
    let touches = if settings.stacks & stacks::TOUCH_USER == 0 {
        1
    } else {
        TOUCHES
    };
    let mut loader = library::loader();
    for (names, bytes) in [
        (&RING_ENDINGS, buffers.endings),
        (&RING_STATES, buffers.states),
    ] {
        for (nth, name) in (0..).zip(names) {
            let ring = if settings.transport == transport::RINGBUF {
                buffers.ring(nth, bytes)
            } else {
                buffers.page_bytes()
            };
            loader.map_max_entries(name, ring);
        }
    }
    loader
        .btf(None)
        .override_global("OFFSETS", offsets.as_bytes(), true)
        .override_global("SETTINGS", settings.as_bytes(), true)
        .map_max_entries("VERDICTS", filtered)
        .map_max_entries("HELD", filtered)
        .map_max_entries("DEPARTED", filtered)
        .map_max_entries("LIVES", gathered(connections))
        .map_max_entries("SPREADS", gathered(16_384))
        .map_max_entries("NAMES", gathered(4_096))
        .map_max_entries("TOUCHES", touches)
        .allow_unsupported_maps()
        .load(bytes)
        .map_err(|error| ObjectError::Maps(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_object_speaks_our_contract() {
        assert_eq!(contract(embedded()).unwrap(), CONTRACT);
    }

    #[test]
    fn bytes_that_are_no_object_are_refused() {
        assert!(matches!(
            contract(b"not an ELF file"),
            Err(ObjectError::Elf(_))
        ));
    }
}
