//! `build-ebpf`: the kernel object from source, and the stored copy of it.

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::{
    kernel_object::{
        self, digest, sources,
        stored::{NOTE, OBJECT, Stored},
        toolchain::Toolchain,
    },
    shell,
};

/// What `xtask build-ebpf` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Store the object, with the hash of its sources and the versions of what built it.
    #[arg(long)]
    bless: bool,
}

/// Builds the object; then stores it, or says whether the stored one is still fresh.
///
/// # Errors
/// When the object cannot be built or stored, or the stored one is stale.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let root = shell::root();
    let built = Built::from_source(&root)?;
    if options.bless {
        built.store(&root)?;
    } else {
        built.compare_with_stored(&root)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An object made just now.
#[derive(Debug)]
pub(crate) struct Built {
    object: Vec<u8>,
    sources: String,
    toolchain: Toolchain,
}

impl Built {
    /// Builds the object with the toolchain at hand.
    ///
    /// # Errors
    /// When there is no toolchain (`xtask setup` is the remedy) or the build fails.
    pub(crate) fn from_source(root: &Path) -> Result<Self> {
        let toolchain = Toolchain::find().context("run `cargo xtask setup` first")?;
        println!("building with {}", toolchain.versions);
        let object = kernel_object::build(root, &toolchain)?;
        println!("built {} bytes, SHA-256 {}", object.len(), digest(&object));
        Ok(Self {
            object,
            sources: sources::hash(root)?,
            toolchain,
        })
    }

    /// Proves that the stored object is what these sources give.
    ///
    /// Byte for byte where the same versions built it; another toolchain makes other bytes, so
    /// there the hash of the sources has to do.
    ///
    /// # Errors
    /// When there is no stored object, its sources differ from these, or its bytes do.
    pub(crate) fn compare_with_stored(&self, root: &Path) -> Result<()> {
        const BLESS: &str = "the stored kernel object is stale: \
                             run `cargo xtask build-ebpf --bless` and commit it";
        let stored = Stored::read_fresh(root, &self.sources).context(BLESS)?;
        if stored.versions != self.toolchain.versions {
            println!(
                "fresh by its sources; built by another toolchain ({})",
                stored.versions
            );
        } else if stored.object == self.object {
            println!("fresh, byte for byte");
        } else {
            bail!(
                "{BLESS} (same sources and toolchain, other bytes: {})",
                digest(&stored.object)
            );
        }
        Ok(())
    }

    fn store(&self, root: &Path) -> Result<()> {
        let versions = &self.toolchain.versions;
        let note = format!(
            "# Written by `cargo xtask build-ebpf --bless`: what {OBJECT} was made of.\n\
             sources = \"{}\"\nobject = \"{}\"\nrustc = \"{}\"\nllvm = \"{}\"\nlinker = \"{}\"\n",
            self.sources,
            digest(&self.object),
            versions.rustc,
            versions.llvm,
            versions.linker
        );
        if let Some(directory) = root.join(OBJECT).parent() {
            std::fs::create_dir_all(directory)?;
        }
        for (file, bytes) in [(OBJECT, self.object.as_slice()), (NOTE, note.as_bytes())] {
            std::fs::write(root.join(file), bytes)
                .with_context(|| format!("cannot write {file}"))?;
        }
        println!("stored {OBJECT} and {NOTE}");
        self.compare_with_stored(root)
    }
}
