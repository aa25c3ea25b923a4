//! Provides the kernel object: built from source, or the stored one while it is fresh.
//!
//! Tells the crate where it is (`FINRST_KERNEL_OBJECT`, for `include_bytes!`), where it came from
//! (`FINRST_KERNEL_OBJECT_ORIGIN`: `built from source` or `stored`), its SHA-256
//! (`FINRST_KERNEL_OBJECT_SHA256`), what built it (`FINRST_KERNEL_OBJECT_TOOLCHAIN`) and the
//! commit (`FINRST_GIT_COMMIT`, empty outside a repository).

#[path = "build/kernel_object.rs"]
mod kernel_object;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow, bail};

use kernel_object::{
    build, digest, sources,
    stored::{NOTE, OBJECT, Stored},
    toolchain::{Toolchain, Versions},
};

/// What to run when neither way gives an object.
const REMEDY: &str = "run `cargo xtask setup`, which installs what builds the kernel object, \
                      then build again";

/// Forces one of the two ways: `source` or `stored`.
const CHOICE: &str = "FINRST_KERNEL_OBJECT_FROM";

/// What the object, the recipe or the stored copy may change by, in the root of the workspace.
const INPUTS: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "tracer-common",
    "tracer-ebpf",
    "tracer/build",
    "tracer/build.rs",
    "tracer/kernel",
];

fn main() -> Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("run me by cargo")?);
    let root = here.parent().context("the crate lies in a workspace")?;
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    println!("cargo::rerun-if-env-changed={CHOICE}");

    let provided = match env::var(CHOICE).ok().as_deref() {
        None | Some("") => from_source(root).or_else(|why| instead_of_source(root, &why))?,
        Some("source") => from_source(root).context(REMEDY)?,
        Some("stored") => from_store(root).context(REMEDY)?,
        Some(other) => bail!("{CHOICE} is `source` or `stored`, not `{other}`"),
    };
    for (name, value) in [
        ("FINRST_KERNEL_OBJECT", provided.path.display().to_string()),
        ("FINRST_KERNEL_OBJECT_ORIGIN", provided.origin.to_owned()),
        ("FINRST_KERNEL_OBJECT_SHA256", digest(&provided.object)),
        (
            "FINRST_KERNEL_OBJECT_TOOLCHAIN",
            provided.versions.to_string(),
        ),
    ] {
        println!("cargo::rustc-env={name}={value}");
    }
    println!(
        "cargo::rustc-env=FINRST_GIT_COMMIT={}",
        commit(root).unwrap_or_default()
    );
    Ok(())
}

/// An object the crate can be built with.
struct Provided {
    path: PathBuf,
    origin: &'static str,
    object: Vec<u8>,
    versions: Versions,
}

/// Builds the object into cargo's directory for this script.
fn from_source(root: &Path) -> Result<Provided> {
    let toolchain = Toolchain::find()?;
    let object = build(root, &toolchain)?;
    let path =
        PathBuf::from(env::var_os("OUT_DIR").context("run me by cargo")?).join("finrst.bpf.o");
    std::fs::write(&path, &object).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Provided {
        path,
        origin: "built from source",
        object,
        versions: toolchain.versions,
    })
}

fn from_store(root: &Path) -> Result<Provided> {
    let stored = Stored::read_fresh(root, &sources::hash(root)?)?;
    Ok(Provided {
        path: root.join(OBJECT),
        origin: "stored",
        object: stored.object,
        versions: stored.versions,
    })
}

/// The stored object, for `why` there is none from source.
fn instead_of_source(root: &Path, why: &anyhow::Error) -> Result<Provided> {
    let stored = from_store(root).map_err(|stale| {
        anyhow!(
            "no kernel object.\n  from source: {why:#}\n  stored ({OBJECT}, {NOTE}): {stale:#}\n\
             hint: {REMEDY}"
        )
    })?;
    println!(
        "cargo::warning=using the stored kernel object: {}",
        first_line(&format!("{why:#}"))
    );
    Ok(stored)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The commit at hand; edits made since do not show.
fn commit(root: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .current_dir(root)
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    // A file that is not there would make cargo run this script every time.
    for file in ["HEAD", "logs/HEAD"] {
        let path = root.join(git(&["rev-parse", "--git-path", file])?);
        if path.is_file() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}
