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
const MEMBERS: &[&str] = &["fuzz", "tracer", "tracer-common", "tracer-ebpf", "xtask"];

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
        let mut sources = Vec::new();
        for file in rust_files(&root, Path::new(member))? {
            let text = read(&root, &file)?;
            sources.push((file, text));
        }
        let tests: Vec<PathBuf> = sources
            .iter()
            .flat_map(|(file, text)| test_modules(file, text))
            .collect();
        for (file, text) in &sources {
            let is_test = is_test(file)
                || tests
                    .iter()
                    .any(|module| file.starts_with(module) || file.with_extension("") == *module);
            findings.extend(files::judge(file, text, is_test));
            if !is_test {
                findings.extend(imports::judge(file, text));
            }
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

/// The modules a file declares for tests alone, each as its path without `.rs`.
fn test_modules(file: &Path, text: &str) -> Vec<PathBuf> {
    let inside = match file.file_stem().and_then(|stem| stem.to_str()) {
        Some("lib" | "main") | None => file.with_file_name(""),
        Some(_) => file.with_extension(""),
    };
    text.split("#[cfg(test)]\n")
        .skip(1)
        .filter_map(|rest| rest.lines().next()?.strip_suffix(';')?.split_once("mod "))
        .map(|(_, name)| inside.join(name))
        .collect()
}

/// True of a file that holds tests alone, which may be long and may reach everywhere.
fn is_test(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests")
        || file.file_name().is_some_and(|name| name == "tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_declared_for_tests_is_one() {
        let text = "mod join;\n#[cfg(test)]\nmod properties;\n#[cfg(test)]\npub(crate) mod made;\n";
        let expected = [
            "tracer/src/correlate/properties",
            "tracer/src/correlate/made",
        ];
        let found = test_modules(Path::new("tracer/src/correlate.rs"), text);
        assert_eq!(found, expected.map(PathBuf::from));
        let found = test_modules(
            Path::new("tracer/src/lib.rs"),
            "#[cfg(test)]\nmod arbitrary;\n",
        );
        assert_eq!(found, [PathBuf::from("tracer/src/arbitrary")]);
    }

    #[test]
    fn a_test_module_in_the_file_is_no_other_file() {
        let text = "#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
        assert_eq!(
            test_modules(Path::new("tracer/src/order.rs"), text),
            Vec::<PathBuf>::new()
        );
    }
}
