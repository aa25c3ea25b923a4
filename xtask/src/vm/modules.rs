//! The kernel modules the tests need, with those they need themselves, in loading order.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// What the tests use of a kernel beyond its core; a kernel may have it built in, or not at all.
const WANTED: &[&str] = &[
    "inet_diag",
    "tcp_diag",
    "veth",
    "nf_tables",
    "nft_reject_inet",
];

/// One module, ready to be loaded.
#[derive(Debug)]
pub(super) struct Module {
    /// Its name.
    pub(super) name: String,
    /// The object file, decompressed.
    pub(super) object: Vec<u8>,
}

/// The wanted modules found below a directory, each after what it depends on.
///
/// # Errors
/// When the directory cannot be read, or a module not decompressed.
pub(super) fn collect(directory: &Path) -> Result<Vec<Module>> {
    let mut files = BTreeMap::new();
    index(&directory.join("kernel"), &mut files)?;
    let mut ordered = Vec::new();
    for wanted in WANTED {
        add(wanted, &files, &mut ordered)?;
    }
    Ok(ordered)
}

fn index(directory: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            index(&entry.path(), files)?;
        } else if let Some((name, _)) = entry.file_name().to_string_lossy().split_once(".ko") {
            files.insert(name.replace('-', "_"), entry.path());
        }
    }
    Ok(())
}

fn add(name: &str, files: &BTreeMap<String, PathBuf>, ordered: &mut Vec<Module>) -> Result<()> {
    let Some(file) = files.get(&name.replace('-', "_")) else {
        return Ok(());
    };
    if ordered.iter().any(|module| module.name == name) {
        return Ok(());
    }
    let object = read(file)?;
    for needed in depends(&object) {
        add(&needed, files, ordered)?;
    }
    ordered.push(Module {
        name: name.to_owned(),
        object,
    });
    Ok(())
}

/// A module's object, decompressed by busybox where it is packed.
fn read(file: &Path) -> Result<Vec<u8>> {
    let unpack = match file.extension().and_then(|extension| extension.to_str()) {
        Some("ko") => return Ok(std::fs::read(file)?),
        Some("xz") => "unxz",
        Some("gz") => "gunzip",
        Some(other) => bail!("nothing here unpacks {other}: {}", file.display()),
        None => bail!("{} is no module", file.display()),
    };
    let busybox = shell::find("busybox").context("there is no busybox")?;
    let output = shell::program(busybox, &[unpack, "-c"])
        .arg(file)
        .output()?;
    if !output.status.success() {
        bail!("cannot unpack {}", file.display());
    }
    Ok(output.stdout)
}

/// The names in the entry `depends=a,b` of a module's `.modinfo`.
fn depends(object: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = object.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let value = object.get(at + KEY.len()..).unwrap_or_default();
    let value = value.split(|byte| *byte == 0).next().unwrap_or_default();
    let names = String::from_utf8_lossy(value);
    names
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(directory: &Path, name: &str, needs: &str) {
        let object = format!("ELF\0license=GPL\0depends={needs}\0name={name}\0");
        std::fs::write(directory.join(format!("{name}.ko")), object).unwrap();
    }

    #[test]
    fn a_module_comes_after_what_it_depends_on_and_once() {
        let directory = tempfile::tempdir().unwrap();
        let net = directory.path().join("kernel/net");
        std::fs::create_dir_all(&net).unwrap();
        module(&net, "tcp_diag", "inet_diag");
        module(&net, "inet_diag", "");
        module(&net, "nf_tables", "nfnetlink,libcrc32c");
        module(&net, "nfnetlink", "");
        module(&net, "unwanted", "");
        let names: Vec<String> = collect(directory.path())
            .unwrap()
            .into_iter()
            .map(|module| module.name)
            .collect();
        assert_eq!(names, ["inet_diag", "tcp_diag", "nfnetlink", "nf_tables"]);
    }
}
