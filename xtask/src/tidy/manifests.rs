//! Rules of manifests: what every member says the same way.

use std::path::Path;

use anyhow::{Context as _, Result};
use toml::{Table, Value};

/// Says what is wrong with a member's manifest.
///
/// # Errors
/// When it is not TOML.
pub(super) fn judge(file: &Path, text: &str) -> Result<Vec<String>> {
    let manifest: Table = text
        .parse()
        .with_context(|| format!("{} is not TOML", file.display()))?;
    let entry = |table: &str, key: &str| manifest.get(table).and_then(|table| table.get(key));
    let mut findings = Vec::new();
    if entry("lints", "workspace") != Some(&Value::Boolean(true)) {
        findings.push(format!(
            "{}: has no `[lints] workspace = true`",
            file.display()
        ));
    }
    if entry("package", "rust-version").is_none() {
        findings.push(format!("{}: has no `rust-version`", file.display()));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        judge(Path::new("tracer/Cargo.toml"), text).unwrap().len()
    }

    #[test]
    fn a_member_inherits_the_lints_and_names_its_compiler() {
        assert_eq!(
            findings("[package]\nrust-version.workspace = true\n[lints]\nworkspace = true"),
            0
        );
        assert_eq!(
            findings("[package]\nrust-version = \"1.95\"\n[lints]\nworkspace = true"),
            0
        );
        assert_eq!(findings("[package]\nrust-version = \"1.95\""), 1);
        assert_eq!(
            findings("[package]\nname = \"tracer\"\n[lints]\nworkspace = false"),
            2
        );
    }
}
