//! The programs that end connections: one of C, and as many copies of it as are wanted.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::shell;

/// Functions of the program that close, each in its turn.
pub(super) const SITES: u64 = 64;
/// What it does.
const SOURCE: &str = include_str!("ender.c");

/// How connections end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// By a close with data unread: one reset each.
    Reset,
    /// By two closes: a FIN each way.
    Fin,
}

/// The program, compiled.
pub(super) struct Compiled {
    scratch: TempDir,
    copies: std::cell::Cell<u32>,
}

/// One that runs.
pub(super) struct Ender {
    child: Child,
    cue: Option<ChildStdin>,
    out: BufReader<ChildStdout>,
}

impl Compiled {
    /// Compiles it.
    ///
    /// # Errors
    /// There is no gcc.
    pub(super) fn new() -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir_in(shell::root().join("target"))?;
        let source = scratch.path().join("ender.c");
        fs::write(&source, SOURCE)?;
        let mut compiler = Command::new("gcc");
        compiler.args(["-g", "-O2", "-o"]);
        shell::run(compiler.arg(scratch.path().join("ender")).arg(&source))?;
        let copies = std::cell::Cell::new(0);
        Ok(Self { scratch, copies })
    }

    /// Starts it.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(&self) -> anyhow::Result<Ender> {
        Ender::start(&self.program())
    }

    /// Starts a program that is another file than all before.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start_another(&self) -> anyhow::Result<Ender> {
        let number = self.copies.get();
        self.copies.set(number + 1);
        let copy = self.scratch.path().join(format!("ender-{number}"));
        fs::copy(self.program(), &copy)?;
        Ender::start(&copy)
    }

    fn program(&self) -> PathBuf {
        self.scratch.path().join("ender")
    }
}

impl Ender {
    fn start(program: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("no {}", program.display()))?;
        let cue = child.stdin.take();
        let out = child.stdout.take().context("stdout is piped")?;
        Ok(Self {
            child,
            cue,
            out: BufReader::new(out),
        })
    }

    /// Ends so many connections, one after the other, and returns when they are.
    ///
    /// # Errors
    /// It could not.
    pub(super) fn end(&mut self, manner: Manner, connections: u64) -> anyhow::Result<()> {
        let letter = match manner {
            Manner::Reset => 'r',
            Manner::Fin => 'f',
        };
        let cue = self.cue.as_mut().context("it was let go")?;
        writeln!(cue, "{letter} {connections}")?;
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        ensure!(line == "done\n", "the program failed");
        Ok(())
    }
}

impl Drop for Ender {
    /// Lets it go: it ends at the end of its cues.
    fn drop(&mut self) {
        self.cue = None;
        let _reaped = self.child.wait();
    }
}
