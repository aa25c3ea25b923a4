//! What finrst may do: what it is given, what it lacks, and what it gives up.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, ensure};

use crate::{
    lab::{
        Lab, Way, accounting, played, recording::tools::Scratch, refusals, scenes, told::Ending,
        tracer::Tracer,
    },
    scene::storm::Storm,
};

/// What an ordinary user needs for everything but other network namespaces and `--wire tcx`.
const GIVEN: &str = "+bpf,+perfmon,+ipc_lock,+sys_ptrace,+dac_read_search,+syslog,+net_raw";

/// A copy of finrst anybody may run, as `nobody` with these capabilities.
fn as_nobody(lab: &Lab, scratch: &Scratch, capabilities: &str) -> anyhow::Result<Command> {
    let copy = scratch.file("finrst");
    fs::copy(&lab.finrst, &copy)?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    for set in ["--inh-caps", "--ambient-caps", "--bounding-set"] {
        command.args([set, capabilities]);
    }
    command.args([&copy, "trace", "-o", "json"]);
    if lab.way != Way::Auto {
        command.args(["--way", lab.way.name()]);
    }
    Ok(command)
}

/// An ordinary user with a few capabilities sees everything of everybody.
pub(super) fn ordinary_user(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let mut command = as_nobody(lab, &scratch, GIVEN)?;
    command.args(["--wire", "afpacket", "-v"]);
    let mut tracer = Tracer::start(command, lab.patience(Duration::from_mins(1)))?;
    // Of this process, which stays: what runs in one that is gone nobody can read.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let port = client.local_addr()?.port();
    drop((client, listener.accept()?));
    let exe = std::env::current_exe()?.display().to_string();
    let is_ours = move |ending: &Ending| {
        let owner = ending.owner.as_ref();
        let runs = owner.and_then(|owner| owner.exe.as_deref());
        ending.connection.local.port == port && runs == Some(exe.as_str())
    };
    let told = tracer.watch(lab.patience(Duration::from_secs(20)), |endings| {
        endings.iter().any(&is_ours)
    })?;
    let ended = tracer.stop()?;
    ensure!(ended.status.success(), "it ended with {}", ended.status);
    scenes::accounted(ended.summary)?;
    ensure!(told, "no ending of this process has what it runs");
    Ok(())
}

/// What is missing is named, with what to do about it.
pub(super) fn missing(lab: &Lab) -> anyhow::Result<()> {
    let without = |capability: &str| {
        let given = GIVEN.split(',').filter(|it| *it != capability);
        given.collect::<Vec<_>>().join(",")
    };
    for (capability, named) in [("+bpf", "CAP_BPF"), ("+perfmon", "CAP_PERFMON")] {
        let scratch = Scratch::new()?;
        let command = as_nobody(lab, &scratch, &without(capability))?;
        refusals::ends_with(lab, command, 3, named)?;
    }
    let scratch = Scratch::new()?;
    let mut command = as_nobody(lab, &scratch, &without("+net_raw"))?;
    command.args(["--wire", "afpacket"]);
    refusals::ends_with(lab, command, 3, "CAP_NET_RAW")?;
    // A machine may let everybody lock as much as they like.
    let paranoid = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid")?;
    if paranoid.trim() == "-1" {
        return Ok(());
    }
    let mut command = as_nobody(lab, &scratch, &without("+ipc_lock"))?;
    command.args(["--transport", "perf"]);
    let mut limited = Command::new("prlimit");
    limited
        .arg("--memlock=65536:65536")
        .arg(command.get_program());
    limited.args(command.get_args());
    refusals::ends_with(lab, limited, 3, "CAP_IPC_LOCK").map(drop)
}

/// Every thread of a finrst that traces is confined; a command it runs is not.
pub(super) fn confined(lab: &Lab) -> anyhow::Result<()> {
    let arguments = ["--", "cat", "/proc/self/status"].map(str::to_owned);
    let command = Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_mins(1)))?;
    let status = command.wait()?.foreign.join("\n");
    let ours = fs::read_to_string("/proc/self/status")?;
    for field in ["CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:"] {
        ensure!(
            value(&status, field)? == value(&ours, field)?,
            "the command's {field} is {}",
            value(&status, field)?
        );
    }
    let tracer = Tracer::start(lab.trace(&[]), lab.patience(Duration::from_mins(1)))?;
    // Names are looked for on one more thread, which there is with the first stack.
    let storm: Storm = played::play("storm", &["--connections", "100"])?;
    let tasks = fs::read_dir(format!("/proc/{}/task", tracer.pid()))?;
    for task in tasks {
        // A thread may end meanwhile.
        let Ok(status) = fs::read_to_string(task?.path().join("status")) else {
            continue;
        };
        let name = value(&status, "Name:")?;
        if name == "scan" || name == "netns" {
            // It enters network namespaces, and ends.
            continue;
        }
        let (new, calls) = (value(&status, "NoNewPrivs:")?, value(&status, "Seccomp:")?);
        ensure!((new, calls) == ("1", "2"), "{name} is not confined");
        let held = u64::from_str_radix(value(&status, "CapPrm:")?, 16)?;
        ensure!(
            held & (SYS_ADMIN | NET_ADMIN | DAC_OVERRIDE) == 0,
            "{name} holds {held:x}"
        );
    }
    accounting::told_whole(&tracer.stop()?, &storm)
}

/// Bits of capabilities, `include/uapi/linux/capability.h`.
const SYS_ADMIN: u64 = 1 << 21;
const NET_ADMIN: u64 = 1 << 12;
const DAC_OVERRIDE: u64 = 1 << 1;

/// A field of a `status` file.
fn value<'a>(status: &'a str, field: &str) -> anyhow::Result<&'a str> {
    let mut lines = status.lines();
    let value = lines.find_map(|line| line.strip_prefix(field));
    let value = value.with_context(|| format!("there is no {field} in {status}"))?;
    Ok(value.trim())
}
