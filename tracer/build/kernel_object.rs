//! How the kernel object is made, and how a stored one is recognised as still fresh.
//!
//! Shared by `tracer/build.rs` and `xtask`, so that both speak of the same recipe and the same
//! hash. It prints nothing and decides nothing: which object is used is its callers' business.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

pub(crate) mod sources;
pub(crate) mod stored;
mod strip;
pub(crate) mod toolchain;

use toolchain::Toolchain;

/// The package that holds the hooks.
const PACKAGE: &str = "tracer-ebpf";

/// The file cargo makes of it.
const BINARY: &str = "finrst-ebpf";

/// The target every kernel of a little-endian machine runs.
const TARGET: &str = "bpfel-unknown-none";

/// Where cargo works: never its caller's directory, whose lock the caller may be holding.
const TARGET_DIR: &str = "target/ebpf";

/// Everything that shapes the object besides sources and compiler, as arguments of cargo.
///
/// The profile is spelled out here rather than taken from the workspace, so that tuning the
/// release profile of the command never makes the stored object stale.
const RECIPE: &[&str] = &[
    "--config=profile.release.opt-level=3",
    "--config=profile.release.debug=2",
    "--config=profile.release.strip='none'",
    "--config=profile.release.lto=false",
    "--config=profile.release.codegen-units=1",
    "--config=profile.release.panic='abort'",
    "--config=profile.release.overflow-checks=false",
    "--config=profile.release.debug-assertions=false",
    "--config=profile.release.incremental=false",
    "-Zbuild-std=core",
];

/// Asks bpf-linker for `.BTF` and `.BTF.ext`; it makes them of the DWARF that `debug=2` asks for.
const LINK_BTF: &str = "-Clink-arg=--btf";

/// Lets LLVM store zeros itself, eight bytes an instruction. bpf-linker forbids it otherwise, and each
/// record would be zeroed by a loop over its bytes.
const LINK_STORES: &str = "-Clink-arg=--disable-expand-memcpy-in-order";

/// Builds the object from source and returns it stripped of DWARF.
///
/// The bytes depend on the sources and on the toolchain's versions only: every path that could
/// reach `.BTF.ext` is remapped, and the caller's own compiler settings are not inherited.
///
/// # Errors
/// When cargo cannot be run or does not succeed (its messages are in the error), or when what it
/// made is no ELF file.
pub(crate) fn build(root: &Path, toolchain: &Toolchain) -> Result<Vec<u8>> {
    let mut cargo = cargo(root, toolchain, "build")?;
    let output = cargo
        .output()
        .with_context(|| format!("cannot run {cargo:?}"))?;
    if !output.status.success() {
        bail!(
            "cargo could not build {PACKAGE} ({}):\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    let built = root
        .join(TARGET_DIR)
        .join(TARGET)
        .join("release")
        .join(BINARY);
    let bytes = std::fs::read(&built)
        .with_context(|| format!("cargo succeeded but left no {}", built.display()))?;
    strip::debug_sections(&bytes).with_context(|| format!("cannot strip {}", built.display()))
}

/// A cargo command over the hooks: the recipe, for the kernel's target, in its own directory.
///
/// `verb` is `build`, or anything that takes the same arguments (`clippy`).
///
/// # Errors
/// When the compiler cannot say where its library is.
pub(crate) fn cargo(root: &Path, toolchain: &Toolchain, verb: &str) -> Result<Command> {
    let mut cargo = Command::new(&toolchain.cargo);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(shapes_a_build) {
            cargo.env_remove(name);
        }
    }
    cargo
        .current_dir(root)
        .args([
            verb,
            "--locked",
            "--release",
            "--package",
            PACKAGE,
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(root.join(TARGET_DIR))
        .args(RECIPE)
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            rustflags(root, toolchain)?.join("\u{1f}"),
        )
        .env("PATH", toolchain.path_with_linker()?)
        .env("RUSTC", &toolchain.rustc)
        .env("RUSTC_BOOTSTRAP", "1");
    Ok(cargo)
}

/// True of what cargo or a developer may have set for another build than this one.
///
/// Homes, registries, the network and the choice of a toolchain stay as they are.
fn shapes_a_build(name: &str) -> bool {
    const KEPT: &[&str] = &[
        "CARGO_HOME",
        "CARGO_NET_",
        "CARGO_HTTP_",
        "CARGO_REGISTR",
        "RUSTUP_",
    ];
    let ours = name.starts_with("CARGO") || name.starts_with("RUST") || name == "TARGET";
    ours && !KEPT.iter().any(|kept| name.starts_with(kept))
}

/// Flags of the compiler: BTF at the link, and no path of this machine in the line information.
///
/// The names paths are given are of files that exist nowhere: LLVM copies the lines of a source
/// it can open into `.BTF` (`BTFDebug.cpp`), and whether it can must not depend on the machine.
fn rustflags(root: &Path, toolchain: &Toolchain) -> Result<Vec<String>> {
    let library = toolchain.sysroot()?.join("lib/rustlib/src/rust");
    let mut remapped = Vec::new();
    for (from, to) in [
        (library, "/~/rust"),
        (cargo_home(), "/~/cargo"),
        (root.to_owned(), "/~/finrst"),
    ] {
        // A path may be a link, and the compiler names files by either spelling.
        remapped.extend(from.canonicalize().ok().map(|real| (real, to)));
        remapped.push((from, to));
    }
    // The compiler takes the last that fits: of one inside another, that is to be the inner one.
    remapped.sort_by_key(|(from, _)| from.as_os_str().len());
    let flags = remapped
        .into_iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    let link = [LINK_BTF, LINK_STORES].map(str::to_owned);
    Ok(link.into_iter().chain(flags).collect())
}

/// Where cargo keeps the sources of the crates it downloaded.
fn cargo_home() -> PathBuf {
    std::env::var_os("CARGO_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo"),
        PathBuf::from,
    )
}

/// SHA-256 of `bytes`, in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Hexadecimal, lower case.
fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
