//! Debian packages.

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// Installs packages with apt, refreshing its lists when it does not know one of them.
///
/// # Errors
/// When there is no apt, or it refuses twice.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    if shell::find("apt-get").is_none() {
        bail!(
            "there is no apt-get here; install by hand what {} stands for",
            packages.join(" ")
        );
    }
    if let Err(first) = attempt(packages) {
        println!("{first:#}; refreshing the lists of packages and trying again");
        shell::run(&mut shell::program("apt-get", &["update", "--quiet"]))?;
        attempt(packages).context("apt-get cannot install what is needed")?;
    }
    Ok(())
}

fn attempt(packages: &[&str]) -> Result<()> {
    let mut apt = shell::program("apt-get", &["install", "--yes", "--quiet"]);
    apt.arg("--no-install-recommends")
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    shell::run(&mut apt)
}
