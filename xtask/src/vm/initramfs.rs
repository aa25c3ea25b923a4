//! The world inside a guest: busybox, the programs with their libraries, modules, and `/init`.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use flate2::{Compression, write::GzEncoder};

use super::{cpio::Archive, kernels::Kernel, libraries, modules};
use crate::shell;

/// How much more patience the tests need in a guest, which is emulated.
///
/// Tests that prove an absence wait this much longer, so a large number costs time every run.
const SLOWNESS: u32 = 3;

/// Writes the image; `programs` are put into its root under their names.
///
/// # Errors
/// When a program or a library of it is missing, or the image cannot be written.
pub(super) fn write(
    image: &Path,
    programs: &[(&str, &Path)],
    kernel: &Kernel,
    ways: &[&str],
    tests: &[String],
) -> Result<()> {
    let file = fs::File::create(image)?;
    let mut archive = Archive::new(GzEncoder::new(file, Compression::fast()));
    for directory in ["dev", "proc", "root", "run", "sys", "tmp"] {
        archive.directory(directory)?;
    }
    archive.device("dev/console", (5, 1))?;
    archive.file(
        "init",
        0o755,
        init(ways, tests, kernel.has_btf()).as_bytes(),
    )?;
    archive.file("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\n")?;
    let busybox = shell::find("busybox").context("there is no busybox: run `cargo xtask setup`")?;
    archive.file("bin/busybox", 0o755, &fs::read(busybox)?)?;
    for (position, module) in modules::collect(&kernel.modules())?.iter().enumerate() {
        let name = format!("modules/{position:02}-{}.ko", module.name);
        archive.file(&name, 0o644, &module.object)?;
    }
    let mut needed = BTreeSet::new();
    for (name, program) in programs {
        needed.extend(libraries::of(program)?);
        archive.file(name, 0o755, &without_debug_information(program, image)?)?;
    }
    for library in needed {
        let name = library
            .strip_prefix("/")
            .unwrap_or(&library)
            .to_string_lossy()
            .into_owned();
        archive.file(&name, 0o755, &fs::read(&library)?)?;
    }
    archive.finish()?.finish()?.flush()?;
    Ok(())
}

/// A program as small as it runs: the guest unpacks it byte by byte, slowly.
fn without_debug_information(program: &Path, beside: &Path) -> Result<Vec<u8>> {
    let small: PathBuf = beside.with_extension("stripped");
    let mut strip = shell::program("strip", &["--strip-debug", "-o"]);
    shell::read(strip.args([&small, program]))?;
    let bytes = fs::read(&small)?;
    fs::remove_file(&small)?;
    Ok(bytes)
}

/// File systems of the guest: type, name, place.
const MOUNTS: &str = "\
proc proc /proc
sysfs sysfs /sys
devtmpfs devtmpfs /dev
tmpfs tmpfs /tmp
tmpfs tmpfs /run
cgroup2 cgroup2 /sys/fs/cgroup
bpf bpf /sys/fs/bpf
tracefs tracefs /sys/kernel/tracing
debugfs debugfs /sys/kernel/debug
";

/// What a guest says once it is up, before any test.
pub(super) const TESTS_BEGIN: &str = "vm tests";

/// The first program of the guest.
///
/// What it says to the host begins with `vm `; the lines of the tests begin with `lab `.
fn init(ways: &[&str], tests: &[String], has_btf: bool) -> String {
    let btf = if has_btf {
        ""
    } else {
        "stty -F /dev/ttyS1 raw\ngzip -c /sys/kernel/btf/vmlinux >/dev/ttyS1\n"
    };
    let tests: String = ways.iter().map(|way| run_lab(way, tests)).collect();
    format!(
        "#!/bin/busybox sh\n\
         /bin/busybox --install -s /bin\n\
         export PATH=/bin HOME=/root FINRST_SLOW={SLOWNESS} FINRST_GUEST=1\n\
         while read kind name place; do\n\
         mount -t $kind $name $place || echo vm cannot mount $place\n\
         done <<END\n{MOUNTS}END\n\
         ip link set lo up\n\
         for module in /modules/*.ko; do insmod $module || echo vm cannot load $module; done\n\
         echo vm kernel $(uname -r)\n\
         {btf}\
         echo {TESTS_BEGIN}\n\
         {tests}\
         echo vm done\n\
         poweroff -f\n"
    )
}

fn run_lab(way: &str, tests: &[String]) -> String {
    let tests = tests.join(" ");
    format!(
        "/xtask lab --way {way} --finrst /finrst --lines {tests} 2>&1\n\
         echo vm way {way} ended with $? after $(cut -d. -f1 /proc/uptime) seconds of this boot\n"
    )
}
