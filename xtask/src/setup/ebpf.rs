//! The two parts of the eBPF toolchain, each by the ways that may give it.

use anyhow::{Context as _, Result, bail};

use super::packages::install;
use crate::{kernel_object::toolchain::Toolchain, shell};

/// How long rustup may take, in seconds: where its servers cannot be reached it only waits.
const RUSTUP_LIMIT: &str = "60";

/// The bpf-linker the kernel object is built with.
const LINKER_VERSION: &str = "0.13.0";

/// The LLVM it is built on: packaged, and at least the one inside the compiler.
const LLVM: &str = "22";

/// One way to get something.
type Way = fn() -> Result<()>;

/// Gets a compiler with the sources of `core`: by rustup, else Debian's.
///
/// # Errors
/// When neither way gives one.
pub(super) fn install_library_sources() -> Result<()> {
    let ways: [(&str, Way); 2] = [
        ("rustup", sources_by_rustup),
        ("Debian's packages", sources_by_apt),
    ];
    for (name, way) in ways {
        println!("trying {name}");
        match way().and_then(|()| Toolchain::find_compiler().map(drop)) {
            Ok(()) => return Ok(()),
            Err(why) => println!("{name} did not help: {why:#}"),
        }
    }
    bail!("nothing gave a compiler with the sources of core")
}

fn sources_by_rustup() -> Result<()> {
    if shell::find("rustup").is_none() {
        bail!("there is no rustup here");
    }
    let words = [
        "--kill-after=5",
        RUSTUP_LIMIT,
        "rustup",
        "component",
        "add",
        "rust-src",
    ];
    shell::run(&mut shell::program("timeout", &words))
        .with_context(|| format!("within {RUSTUP_LIMIT} seconds"))
}

fn sources_by_apt() -> Result<()> {
    install(&["rustc-web", "rust-web-src"])
}

/// Builds bpf-linker on Debian's LLVM.
///
/// # Errors
/// When the LLVM cannot be installed, or the linker not built on it.
pub(super) fn install_linker() -> Result<()> {
    let llvm = [&format!("llvm-{LLVM}-dev"), &format!("libpolly-{LLVM}-dev")];
    let [llvm, polly] = llvm.map(String::as_str);
    println!("installing LLVM {LLVM}, which bpf-linker {LINKER_VERSION} is built on");
    install(&[llvm, polly, "zlib1g-dev", "libzstd-dev", "g++"])?;
    println!("building bpf-linker: about two minutes");
    let feature = format!("llvm-{LLVM}");
    let words = [
        "install",
        "bpf-linker",
        "--version",
        LINKER_VERSION,
        "--locked",
    ];
    let mut cargo = shell::cargo(&words);
    cargo
        .args(["--no-default-features", "--features", &feature])
        .env("LLVM_PREFIX", format!("/usr/lib/llvm-{LLVM}"));
    shell::run(&mut cargo).context("cannot build bpf-linker")
}
