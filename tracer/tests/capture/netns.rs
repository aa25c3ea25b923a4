//! Network namespaces of a test's own, made and removed with `ip`.

use std::{
    fs::File,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use nix::sched::{CloneFlags, setns};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A namespace with its loopback device up; it goes with its value.
pub(crate) struct Netns {
    pub(crate) name: String,
}

impl Netns {
    /// # Errors
    /// Why there is none: no `ip`, or it may not make one.
    pub(crate) fn new() -> Result<Self, String> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("finrst-{}-{number}", std::process::id());
        ip(&format!("netns add {name}"))?;
        let it = Self { name };
        it.ip("link set lo up")?;
        Ok(it)
    }

    /// Two namespaces with a `veth` device each, named `ve`, and addresses on them.
    pub(crate) fn pair() -> Result<(Self, Self), String> {
        let (here, there) = (Self::new()?, Self::new()?);
        ip(&format!(
            "link add ve netns {} type veth peer name ve netns {}",
            here.name, there.name
        ))?;
        for (it, end) in [(&here, 1), (&there, 2)] {
            it.up(
                "ve",
                &format!("10.98.0.{end}/24"),
                &format!("fd98::{end}/64"),
            )?;
        }
        Ok((here, there))
    }

    /// Brings a device up with an address of each version.
    pub(crate) fn up(&self, device: &str, v4: &str, v6: &str) -> Result<(), String> {
        self.ip(&format!("addr add {v4} dev {device}"))?;
        self.ip(&format!("addr add {v6} dev {device} nodad"))?;
        self.ip(&format!("link set {device} up"))
    }

    /// Runs `ip` inside.
    pub(crate) fn ip(&self, words: &str) -> Result<(), String> {
        ip(&format!("-n {} {words}", self.name))
    }

    /// Runs a program inside.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Does something inside, on a thread of its own.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.name)).unwrap();
        let enter = || {
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        };
        thread::scope(|scope| scope.spawn(enter).join().unwrap())
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let _ = ip(&format!("netns del {}", self.name));
    }
}

fn ip(words: &str) -> Result<(), String> {
    let mut command = Command::new("ip");
    command.args(words.split_whitespace()).stdin(Stdio::null());
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "ip {words}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Err(format!("ip: {error}")),
    }
}
