//! The hash of everything the kernel object is made of.
//!
//! Hashes contents and names, never times or absolute paths: every clone has the same hash.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use super::{LINK_BTF, PACKAGE, RECIPE, TARGET, hex};

/// The members whose code ends up in the object.
const MEMBERS: &[&str] = &["tracer-common", PACKAGE];

/// SHA-256 over the sources, the recipe, and the parts of the root files that reach the object.
///
/// Of `Cargo.lock`, only the packages reachable from the hooks count, and of the root manifest
/// only what those packages inherit: a dependency of the command alone leaves the hash as it is,
/// so it does not ask for a new object.
///
/// # Errors
/// When a file cannot be read, or one of the two root files is not TOML of the usual shape.
pub(crate) fn hash(root: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut add = |name: &str, bytes: &[u8]| {
        hasher.update(format!("{name}\0{}\0", bytes.len()));
        hasher.update(bytes);
    };
    add(
        "recipe",
        format!("{TARGET} {LINK_BTF} {}", RECIPE.join(" ")).as_bytes(),
    );
    for file in files(root)? {
        let name = file.strip_prefix(root)?.to_string_lossy().into_owned();
        add(&name, &read(&file)?);
    }
    let lock = table(&root.join("Cargo.lock"))?;
    let packages = reachable(&lock);
    add("Cargo.lock", packages.join("\n").as_bytes());
    let manifest = table(&root.join("Cargo.toml"))?;
    add("Cargo.toml", inherited(&manifest, &packages).as_bytes());
    Ok(hex(&hasher.finalize()))
}

/// Manifests, build scripts and sources of the members, in the order of their names.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for member in MEMBERS {
        let member = root.join(member);
        for file in ["Cargo.toml", "build.rs"] {
            found.extend(Some(member.join(file)).filter(|path| path.is_file()));
        }
        walk(&member.join("src"), &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// One line for each package of the lock file the hooks need, themselves included, sorted.
fn reachable(lock: &Table) -> Vec<String> {
    let packages: Vec<&Table> = array(lock.get("package"))
        .iter()
        .filter_map(Value::as_table)
        .collect();
    let mut wanted = vec![PACKAGE.to_owned()];
    let mut seen = BTreeSet::new();
    let mut lines = BTreeSet::new();
    while let Some(dependency) = wanted.pop() {
        if !seen.insert(dependency.clone()) {
            continue;
        }
        // `name`, or `name version` where the lock file holds several versions of it.
        let mut words = dependency.split(' ');
        let (name, version) = (words.next(), words.next());
        for package in &packages {
            let of = |key: &str| package.get(key).and_then(Value::as_str);
            if of("name") != name || (version.is_some() && of("version") != version) {
                continue;
            }
            let fields =
                ["name", "version", "source", "checksum"].map(|key| of(key).unwrap_or("-"));
            lines.insert(fields.join(" "));
            let needed = array(package.get("dependencies"));
            wanted.extend(needed.iter().filter_map(Value::as_str).map(str::to_owned));
        }
    }
    lines.into_iter().collect()
}

/// What the members take from the root manifest: edition and version, features of what they use.
fn inherited(manifest: &Table, packages: &[String]) -> String {
    let workspace = manifest.get("workspace").and_then(Value::as_table);
    let part = |key: &str| {
        workspace
            .and_then(|table| table.get(key))
            .and_then(Value::as_table)
    };
    let mut kept = Table::new();
    for key in ["edition", "rust-version", "version"] {
        if let Some(value) = part("package").and_then(|table| table.get(key)) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    for name in packages.iter().filter_map(|line| line.split(' ').next()) {
        if let Some(value) = part("dependencies").and_then(|table| table.get(name)) {
            kept.insert(format!("dependency {name}"), value.clone());
        }
    }
    kept.to_string()
}

fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn table(path: &Path) -> Result<Table> {
    let text = String::from_utf8(read(path)?)?;
    text.parse()
        .with_context(|| format!("{} is not TOML", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
