//! The Go programs of the ground truth, built by the machine's Go or by that of `xtask setup`.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use crate::{lab::outcome::Skip, setup::go, shell};

/// The server and the client, built.
///
/// # Errors
/// There is no Go, which is a [`Skip`], or it refuses them.
pub(super) fn programs() -> anyhow::Result<[PathBuf; 2]> {
    let Some((_, go)) = go::outermost().pop() else {
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
