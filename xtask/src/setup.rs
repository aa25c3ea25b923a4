//! `setup`: makes the machine able to build the kernel object and to run every test.
//!
//! Installs only what is missing, says each thing it does, and why a thing did not work before it
//! tries the next.

mod ebpf;
pub(crate) mod go;
mod packages;

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::{kernel_object::toolchain::Toolchain, shell, tally::Tally};
use packages::install;

/// Programs the tests and the benchmarks run, each with the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("bpftool", "bpftool"),
    ("bpftrace", "bpftrace"),
    ("busybox", "busybox-static"),
    ("chromedriver", "chromium-driver"),
    ("chromium", "chromium"),
    ("curl", "curl"),
    ("dpkg-deb", "dpkg"),
    ("g++", "g++"),
    ("gcc", "gcc"),
    ("haproxy", "haproxy"),
    ("initdb", "postgresql"),
    ("ip", "iproute2"),
    ("java", "default-jre-headless"),
    ("mptcpize", "mptcpize"),
    ("nft", "nftables"),
    ("nginx", "nginx-light"),
    ("node", "nodejs"),
    ("python3", "python3"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("redis-benchmark", "redis-tools"),
    ("redis-server", "redis-server"),
    ("strip", "binutils"),
    ("tcpdump", "tcpdump"),
    ("tcplife", "libbpf-tools"),
    ("tcpstates", "libbpf-tools"),
    ("tshark", "tshark"),
    ("wrk", "wrk"),
];

/// The version of cargo-deny that builds with the workspace's `rust-version`.
const CARGO_DENY: &str = "0.20.2";

/// Sets up everything.
pub(crate) fn run() -> ExitCode {
    let mut tally = Tally::default();
    steps(&mut tally);
    tally.close(false)
}

/// Sets up each part and counts it.
pub(crate) fn steps(tally: &mut Tally) {
    tally.step("setup: eBPF toolchain", toolchain);
    tally.step("setup: programs the tests run", programs);
    tally.step("setup: Go", go::install);
    tally.step("setup: cargo-deny", cargo_deny);
}

/// A compiler with the sources of `core`, and bpf-linker.
///
/// # Errors
/// When neither rustup nor apt nor cargo could provide a part; each one's answer was printed.
fn toolchain() -> Result<()> {
    if let Err(why) = Toolchain::find_compiler() {
        println!("no compiler for the kernel object: {why:#}");
        ebpf::install_library_sources()?;
    }
    if let Err(why) = Toolchain::find_linker() {
        println!("no linker for the kernel object: {why:#}");
        ebpf::install_linker()?;
    }
    println!("found {}", Toolchain::find()?.versions);
    Ok(())
}

/// What the tests run: servers, loads, virtual machines.
///
/// # Errors
/// When packages cannot be installed, or do not bring the programs.
fn programs() -> Result<()> {
    let missing = || PROGRAMS.iter().filter(|(program, _)| !usable(program));
    let packages: Vec<&str> = missing().map(|(_, package)| *package).collect();
    if !packages.is_empty() {
        println!("installing {}", packages.join(", "));
        install(&packages)?;
    }
    let still: Vec<&str> = missing().map(|(program, _)| *program).collect();
    if !still.is_empty() {
        bail!(
            "packages are installed, but there is no {}",
            still.join(", ")
        );
    }
    println!(
        "found {}",
        PROGRAMS
            .iter()
            .map(|(program, _)| *program)
            .collect::<Vec<_>>()
            .join(", ")
    );
    Ok(())
}

/// The checker of licences and sources of the dependencies.
///
/// # Errors
/// When it cannot be built.
fn cargo_deny() -> Result<()> {
    if shell::cargo(&["deny", "--version"])
        .output()
        .is_ok_and(|output| output.status.success())
    {
        println!("found cargo-deny");
        return Ok(());
    }
    println!("building cargo-deny {CARGO_DENY}: some minutes, once");
    shell::run(&mut shell::cargo(&[
        "install",
        "cargo-deny",
        "--locked",
        "--version",
        CARGO_DENY,
    ]))
    .context("cannot install cargo-deny")
}

/// Where the newest `PostgreSQL` has its programs, which are on nobody's `PATH`.
pub(crate) fn postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.flatten().map(|version| version.path().join("bin"));
    programs.filter(|it| it.join("initdb").is_file()).max()
}

/// True of a program that is there; a busybox must also do without libraries.
fn usable(program: &str) -> bool {
    if program == "initdb" {
        return postgres().is_some();
    }
    let Some(path) = shell::find(program) else {
        return false;
    };
    program != "busybox" || crate::vm::libraries::of(&path).is_ok_and(|needed| needed.is_empty())
}
