//! A network namespace of its own for programs of Go: nothing in it is of anybody else.

use std::{path::Path, process::Command};

use crate::shell;

/// The namespace; it goes with its value.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// Its name for `ip netns` and for `--netns`.
    pub(crate) name: String,
}

impl Namespace {
    /// Makes it, with a loopback device.
    ///
    /// # Errors
    /// `ip` cannot.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let name = format!("finrst-go-{}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        ip(&["-n", &namespace.name, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// A program to be run inside.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _gone = ip(&["netns", "delete", &self.name]);
    }
}

fn ip(words: &[&str]) -> anyhow::Result<()> {
    shell::read(Command::new("ip").args(words)).map(drop)
}
