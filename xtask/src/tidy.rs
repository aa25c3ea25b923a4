//! `tidy`: the rules of the house that no other tool checks.
//!
//! Reads files and judges them; changes nothing.

mod files;
mod imports;
mod manifests;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// The members of the workspace.
const MEMBERS: &[&str] = &["tracer", "tracer-common", "tracer-ebpf", "xtask"];

/// Prints what breaks a rule.
///
/// # Errors
/// When something does, or a file cannot be read.
pub(crate) fn run() -> Result<ExitCode> {
    check()?;
    println!("tidy");
    Ok(ExitCode::SUCCESS)
}

/// Prints what breaks a rule, file by file.
///
/// # Errors
/// When something does, or a file cannot be read.
pub(crate) fn check() -> Result<()> {
    let root = shell::root();
    let mut findings = Vec::new();
    for member in MEMBERS {
        let manifest = Path::new(member).join("Cargo.toml");
        findings.extend(manifests::judge(&manifest, &read(&root, &manifest)?)?);
        for file in rust_files(&root, Path::new(member))? {
            let text = read(&root, &file)?;
            findings.extend(files::judge(&file, &text));
            findings.extend(imports::judge(&file, &text));
        }
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} rules broken", findings.len());
    }
    Ok(())
}

/// Every Rust file of a member, relative to the root, in the order of their names.
fn rust_files(root: &Path, member: &Path) -> Result<Vec<PathBuf>> {
    let mut waiting = vec![member.to_owned()];
    let mut found = Vec::new();
    while let Some(directory) = waiting.pop() {
        let absolute = root.join(&directory);
        let entries = std::fs::read_dir(&absolute)
            .with_context(|| format!("cannot list {}", absolute.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                if entry.file_name() != "target" {
                    waiting.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(root: &Path, file: &Path) -> Result<String> {
    std::fs::read_to_string(root.join(file))
        .with_context(|| format!("cannot read {}", file.display()))
}

/// True of a file that holds tests alone, which may be long and may reach everywhere.
fn is_test(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests")
        || file.file_name().is_some_and(|name| name == "tests.rs")
}
