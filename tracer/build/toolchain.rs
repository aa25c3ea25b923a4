//! Finds what can build the kernel object: a compiler with its library's sources, and bpf-linker.
//!
//! Looks, and installs nothing: `cargo xtask setup` does that.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow, bail};

use super::cargo_home;

/// Debian's compiler for browsers, newer than the release's own: package `rustc-web`.
pub(crate) const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// The linker of the target; cargo finds it by this name.
const LINKER: &str = "bpf-linker";

/// The oldest compiler the hooks build with, as `rust-version` in the manifests.
const OLDEST: (u32, u32) = (1, 95);

/// A compiler and a linker that belong together.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    /// The cargo that drives the build.
    pub(crate) cargo: PathBuf,
    /// The compiler, which has the sources of `core`.
    pub(crate) rustc: PathBuf,
    /// The bpf-linker.
    pub(crate) linker: PathBuf,
    /// What the three call themselves.
    pub(crate) versions: Versions,
}

/// What decides the bytes of an object, besides its sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    /// The compiler's release and commit: `1.95.0 (59807616e 2026-04-14)`.
    pub(crate) rustc: String,
    /// The LLVM inside the compiler: `22.1.2`.
    pub(crate) llvm: String,
    /// The linker's own words: `bpf-linker 0.13.0`.
    pub(crate) linker: String,
}

impl fmt::Display for Versions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "rustc {}, LLVM {}, {}",
            self.rustc, self.llvm, self.linker
        )
    }
}

impl Toolchain {
    /// Finds a usable toolchain: the active compiler, else Debian's.
    ///
    /// # Errors
    /// As [`Toolchain::find_compiler`] and [`Toolchain::find_linker`].
    pub(crate) fn find() -> Result<Self> {
        let compiler = Self::find_compiler()?;
        let linker = Self::find_linker()?;
        let versions = Versions {
            rustc: compiler.version,
            llvm: compiler.llvm,
            linker: first_line(&linker, &["--version"])?,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        Ok(Self {
            cargo: cargo.into(),
            rustc: compiler.rustc,
            linker,
            versions,
        })
    }

    /// Finds a compiler that has the sources of `core`.
    ///
    /// # Errors
    /// Says of each compiler why it will not do.
    pub(crate) fn find_compiler() -> Result<Compiler> {
        let active = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
        let mut refused = Vec::new();
        for rustc in [PathBuf::from(active), PathBuf::from(DEBIAN_RUSTC)] {
            match Compiler::describe(&rustc) {
                Ok(compiler) => return Ok(compiler),
                Err(error) => refused.push(format!("{}: {error:#}", rustc.display())),
            }
        }
        bail!(
            "no compiler can build the kernel object: {}",
            refused.join("; ")
        )
    }

    /// Finds bpf-linker on `PATH`, else where `cargo install` puts it.
    ///
    /// # Errors
    /// When it is in neither place.
    pub(crate) fn find_linker() -> Result<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let home = cargo_home().join("bin");
        std::env::split_paths(&path)
            .chain([home.clone()])
            .map(|directory| directory.join(LINKER))
            .find(|candidate| candidate.is_file())
            .ok_or_else(|| anyhow!("{LINKER} is neither on PATH nor in {}", home.display()))
    }

    /// Where the compiler is installed.
    ///
    /// # Errors
    /// When the compiler does not run.
    pub(crate) fn sysroot(&self) -> Result<PathBuf> {
        sysroot(&self.rustc)
    }

    /// `PATH` with the linker's directory at its end, where it hides nothing.
    ///
    /// # Errors
    /// When a directory's name cannot stand in `PATH`.
    pub(crate) fn path_with_linker(&self) -> Result<OsString> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let last = self.linker.parent().map(Path::to_owned);
        Ok(std::env::join_paths(
            std::env::split_paths(&path).chain(last),
        )?)
    }
}

/// A compiler that can build the hooks.
#[derive(Clone, Debug)]
pub(crate) struct Compiler {
    rustc: PathBuf,
    version: String,
    llvm: String,
}

impl Compiler {
    /// What the compiler says of itself, if it can build the hooks.
    fn describe(rustc: &Path) -> Result<Self> {
        let library = sysroot(rustc)?.join("lib/rustlib/src/rust/library/core/Cargo.toml");
        if !library.is_file() {
            bail!(
                "the sources of core are not installed ({} is missing)",
                library.display()
            );
        }
        let verbose = run(rustc, &["-vV"])?;
        let field = |name: &str| {
            verbose
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(|value| value.trim().to_owned())
                .ok_or_else(|| anyhow!("`rustc -vV` names no {name}"))
        };
        let version = field("rustc ")?;
        let mut numbers = version
            .split(['.', '-', ' '])
            .map(|part| part.parse::<u32>().ok());
        let found = (numbers.next().flatten(), numbers.next().flatten());
        if !matches!(found, (Some(major), Some(minor)) if (major, minor) >= OLDEST) {
            bail!("rustc {version} is older than {}.{}", OLDEST.0, OLDEST.1);
        }
        Ok(Self {
            rustc: rustc.to_owned(),
            version,
            llvm: field("LLVM version:")?,
        })
    }
}

fn sysroot(rustc: &Path) -> Result<PathBuf> {
    Ok(PathBuf::from(first_line(rustc, &["--print", "sysroot"])?))
}

fn first_line(program: &Path, arguments: &[&str]) -> Result<String> {
    Ok(run(program, arguments)?
        .lines()
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned())
}

fn run(program: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!(
            "{} {} ends with {}",
            program.display(),
            arguments.join(" "),
            output.status
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}
