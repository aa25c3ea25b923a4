//! The shared libraries a program needs.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::shell;

/// The libraries and the loader of a program, where it expects them; none for a static one.
///
/// # Errors
/// When one is missing on this machine, or `ldd` cannot be run.
pub(crate) fn of(program: &Path) -> Result<Vec<PathBuf>> {
    let output = shell::program("ldd", &[]).arg(program).output()?;
    if !output.status.success() {
        // It says "not a dynamic executable" and fails.
        return Ok(Vec::new());
    }
    parse(&String::from_utf8(output.stdout)?)
}

fn parse(listing: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for line in listing.lines() {
        if line.contains("=> not found") {
            bail!("a library is missing: {}", line.trim());
        }
        let named = line.split_once("=> ").map_or(line, |(_, path)| path);
        let path = named
            .split_whitespace()
            .next()
            .filter(|path| path.starts_with('/'));
        found.extend(path.map(PathBuf::from));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_loader_are_taken_and_the_kernel_page_is_not() {
        let listing = "\tlinux-vdso.so.1 (0x00007ffd)\n\
                       \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f0)\n\
                       \t/lib64/ld-linux-x86-64.so.2 (0x00007f1)\n";
        let expected = [
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/lib64/ld-linux-x86-64.so.2",
        ];
        assert_eq!(parse(listing).unwrap(), expected.map(PathBuf::from));
        assert_eq!(
            parse("\tstatically linked\n").unwrap(),
            Vec::<PathBuf>::new()
        );
    }

    #[test]
    fn a_missing_library_is_an_error() {
        assert!(parse("\tlibz.so.1 => not found\n").is_err());
    }
}
