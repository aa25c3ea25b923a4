//! A running finrst: its lines as they come, and how it stops.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, bail};
use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    clock::Deadline,
    told::{Ending, Line, Stray, Summary},
};

/// How often what is waited for is asked about when nothing is told.
const ATTENTION: Duration = Duration::from_millis(100);

/// The size of the pipe the endings come through, the most an ordinary user may ask for.
const PIPE_BYTES: i32 = 1 << 20;

/// A finrst that is attached and printing JSON Lines.
#[derive(Debug)]
pub(crate) struct Tracer {
    /// The process.
    child: Child,
    /// Its stdout, line by line.
    lines: Receiver<String>,
    /// Its stderr, whole, once it has ended.
    talk: Option<JoinHandle<String>>,
    /// The endings so far.
    pub(crate) endings: Vec<Ending>,
    /// The segments no ending tells.
    strays: Vec<Stray>,
    /// The closing account, once it came.
    summary: Option<Summary>,
    /// Lines that are not finrst's: the output of a command it runs.
    pub(crate) foreign: Vec<String>,
    /// The longest wait for anything.
    patience: Duration,
}

/// A finrst that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How.
    pub(crate) status: ExitStatus,
    /// Every ending it printed.
    pub(crate) endings: Vec<Ending>,
    /// Every segment it printed that no ending tells.
    pub(crate) strays: Vec<Stray>,
    /// Its closing account; `None` when it printed none.
    pub(crate) summary: Option<Summary>,
    /// Lines that are not finrst's.
    pub(crate) foreign: Vec<String>,
    /// What it said on stderr.
    pub(crate) talk: String,
}

impl Tracer {
    /// Starts it and waits until it says that everything is attached.
    ///
    /// # Errors
    /// It ended instead, or said nothing in time.
    pub(crate) fn start(mut command: Command, patience: Duration) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        // A pipe that fills while this process waits for its turn would hold the tracer up.
        fcntl(&stdout, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES)).context("a pipe of a megabyte")?;
        let stdout = BufReader::new(stdout);
        let mut stderr = child.stderr.take().context("stderr is piped")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = stdout.lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        let talk = thread::spawn(move || {
            let mut text = Vec::new();
            // What could be read is what is shown, whatever ended the reading.
            let _read = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut tracer = Self {
            child,
            lines,
            talk: Some(talk),
            endings: Vec::new(),
            strays: Vec::new(),
            summary: None,
            foreign: Vec::new(),
            patience,
        };
        let deadline = Deadline::after(patience);
        loop {
            match tracer.lines.recv_timeout(deadline.left()) {
                Ok(line) if matches!(tracer.take(&line)?, Line::Start) => return Ok(tracer),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => bail!("no `start` line within {patience:?}"),
                Err(RecvTimeoutError::Disconnected) => {
                    let ended = tracer.wait()?;
                    bail!("finrst ended with {}: {}", ended.status, ended.talk.trim());
                }
            }
        }
    }

    /// Its pid.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Reads one line; what is no line of finrst's is kept apart.
    fn take(&mut self, text: &str) -> anyhow::Result<Line> {
        if !text.starts_with("{\"schema\":") {
            self.foreign.push(text.to_owned());
            return Ok(Line::Other);
        }
        let line: Line =
            serde_json::from_str(text).with_context(|| format!("not of schema 1: {text}"))?;
        match &line {
            Line::Ending(ending) => self.endings.push((**ending).clone()),
            Line::Segment(stray) => self.strays.push((**stray).clone()),
            Line::Summary(summary) => self.summary = Some(*summary),
            Line::Start | Line::Other => {}
        }
        Ok(line)
    }

    /// Reads endings until there are enough, or until `time` has passed.
    pub(crate) fn watch(
        &mut self,
        time: Duration,
        enough: impl Fn(&[Ending]) -> bool,
    ) -> anyhow::Result<bool> {
        let deadline = Deadline::after(time);
        while !enough(&self.endings) {
            match self.lines.recv_timeout(deadline.left().min(ATTENTION)) {
                Ok(line) => drop(self.take(&line)?),
                Err(RecvTimeoutError::Timeout) if !deadline.left().is_zero() => {}
                Err(_) => return Ok(enough(&self.endings)),
            }
        }
        Ok(true)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill(self.pid(), signal).context("finrst cannot be signalled")
    }

    /// Interrupts it and waits for its end.
    pub(crate) fn stop(self) -> anyhow::Result<Ended> {
        self.signal(Signal::SIGINT)?;
        self.wait()
    }

    /// Waits for its end, reading everything it still says; kills it when it takes too long.
    pub(crate) fn wait(mut self) -> anyhow::Result<Ended> {
        let deadline = Deadline::after(self.patience);
        loop {
            match self.lines.recv_timeout(deadline.left()) {
                Ok(line) => drop(self.take(&line)?),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.child.kill().context("finrst cannot be killed")?;
                    bail!("finrst did not end within {:?}", self.patience);
                }
            }
        }
        let status = self.child.wait().context("finrst cannot be waited for")?;
        let talk = self.talk.take().and_then(|talk| talk.join().ok());
        Ok(Ended {
            status,
            endings: std::mem::take(&mut self.endings),
            strays: std::mem::take(&mut self.strays),
            summary: self.summary,
            foreign: std::mem::take(&mut self.foreign),
            talk: talk.unwrap_or_default(),
        })
    }
}

impl Drop for Tracer {
    /// A test that fails leaves no tracer behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _killed = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}
