//! The kernel object kept in the repository, and the note beside it.
//!
//! For machines that cannot build one. It never speaks for sources it was not made of.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use toml::Table;

use super::{digest, toolchain::Versions};

/// Where the object is kept, relative to the root of the workspace.
pub(crate) const OBJECT: &str = "tracer/kernel/finrst.bpf.o";

/// The note beside it: what it was made of, and by what.
pub(crate) const NOTE: &str = "tracer/kernel/finrst.bpf.toml";

/// The stored object with its note, once the two were seen to belong together.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Its bytes.
    pub(crate) object: Vec<u8>,
    /// `sources::hash` of what it was built from.
    pub(crate) sources: String,
    /// What built it.
    pub(crate) versions: Versions,
}

impl Stored {
    /// Reads the stored object and its note.
    ///
    /// # Errors
    /// When one of the two is missing, the note lacks an entry, or it belongs to another object.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let (path, note) = (root.join(OBJECT), root.join(NOTE));
        let object =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = std::fs::read_to_string(&note)
            .with_context(|| format!("cannot read {}", note.display()))?;
        let table: Table = text
            .parse()
            .with_context(|| format!("{} is not TOML", note.display()))?;
        let entry = |key: &str| {
            let value = table
                .get(key)
                .and_then(|value| value.as_str())
                .map(str::to_owned);
            value.with_context(|| format!("{} has no {key}", note.display()))
        };
        if entry("object")? != digest(&object) {
            bail!("{} is not the object that {NOTE} describes", path.display());
        }
        let versions = Versions {
            rustc: entry("rustc")?,
            llvm: entry("llvm")?,
            linker: entry("linker")?,
        };
        Ok(Self {
            object,
            sources: entry("sources")?,
            versions,
        })
    }

    /// Like [`Stored::read`], for an object whose sources are the ones at hand.
    ///
    /// # Errors
    /// As [`Stored::read`], or when the sources have changed since.
    pub(crate) fn read_fresh(root: &Path, sources: &str) -> Result<Self> {
        let stored = Self::read(root)?;
        if stored.sources != sources {
            bail!("{OBJECT} was built from other sources than these");
        }
        Ok(stored)
    }
}
