//! `finrst record`, and the file of a recording.

use std::{
    env,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, IsTerminal, Write},
    os::unix::fs::{FileTypeExt, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use tracer_common::{
    CONTRACT,
    settings::{FIELDS, MISSING, Offsets},
};
use zerocopy::IntoBytes as _;

use super::{job::Job, output, trace};
use crate::{
    cli::Record,
    enrich::clock,
    exit::{Exit, Failure},
    model::reason::ReasonNames,
    record::{Header, Medium, Point, Settings, Writer},
    render::Start,
    replay::BYTE_ORDER,
};

pub(super) fn run(asked: &Record) -> Result<Exit, Failure> {
    trace::live(&Job {
        select: &asked.select,
        stopping: &asked.stopping,
        kernel: &asked.kernel,
        wiring: &asked.wiring,
        command: &asked.command,
        quiet: asked.quiet,
        // What a replay may be asked for is for the replay to say.
        every_record: true,
        stack: asked.stack,
        go_callers: asked.go_callers,
        view: None,
        file: Some(Destination {
            path: asked.output.clone(),
            force: asked.force,
        }),
        catch: None,
    })
}

/// Who may read a recording: its owner.
const PRIVATE: u32 = 0o600;

/// Where a recording goes.
pub(super) struct Destination {
    /// The file; `-` for standard output.
    pub(super) path: PathBuf,
    /// Whether what is there may be overwritten.
    pub(super) force: bool,
}

impl Destination {
    /// Whether it is standard output.
    pub(super) fn is_stdout(&self) -> bool {
        self.path == Path::new("-")
    }

    /// Refuses a file that is there, and a terminal.
    ///
    /// # Errors
    ///
    /// Exit code 2.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.is_stdout() && io::stdout().is_terminal() {
            let what = anyhow!("a recording is nothing to show on a terminal");
            return Err(Failure::new(
                Exit::Usage,
                what,
                "give a file: -o run.finrst",
            ));
        }
        if !self.is_stdout() && !self.force && self.path.exists() && !self.is_device() {
            return Err(self.exists());
        }
        Ok(())
    }

    /// Begins the recording.
    ///
    /// # Errors
    ///
    /// Exit code 2 for a file that is there or cannot be created, 1 when it cannot be written.
    pub(super) fn begin(&self) -> Result<Box<dyn Medium>, Failure> {
        let out: Box<dyn Write> = if self.is_stdout() {
            Box::new(io::stdout())
        } else {
            Box::new(self.create()?)
        };
        let writer = Writer::new(out);
        let writer = writer.with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(Box::new(writer))
    }

    fn create(&self) -> Result<File, Failure> {
        let mut options = OpenOptions::new();
        // It has names, addresses and command lines of whatever user.
        options.write(true).mode(PRIVATE);
        if self.is_device() {
            // A pipe, or /dev/null: there is nothing to overwrite.
        } else if self.force {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        let opened = options.open(&self.path).and_then(|file| {
            if self.force && !self.is_device() {
                // One that was there keeps who may read it.
                file.set_permissions(Permissions::from_mode(PRIVATE))?;
            }
            Ok(file)
        });
        opened.map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                return self.exists();
            }
            let what = format!("cannot create {}", self.path.display());
            Failure::new(Exit::Usage, anyhow::Error::from(error).context(what), "")
        })
    }

    fn is_device(&self) -> bool {
        let kind = fs::metadata(&self.path).map(|found| found.file_type());
        kind.is_ok_and(|kind| kind.is_fifo() || kind.is_char_device())
    }

    fn exists(&self) -> Failure {
        let what = anyhow!("{} is there already", self.path.display());
        Failure::new(
            Exit::Usage,
            what,
            "another name, or --force to overwrite it",
        )
    }

    /// Says that the recording ended before the run.
    pub(super) fn say_failed(&self, error: &io::Error, goes_on: bool) {
        let hint = if error.kind() == io::ErrorKind::StorageFull {
            "\nhint: make room, or record to another file system"
        } else {
            ""
        };
        let rest = if goes_on {
            "tracing goes on without it"
        } else {
            "nothing more to do"
        };
        output::say(format_args!(
            "finrst: cannot record to {} any more: {error}; what it has can be replayed, {rest}{hint}",
            self.path.display()
        ));
    }
}

/// A recording that waits for its run to begin.
pub(super) struct Tape {
    pub(super) medium: Box<dyn Medium>,
    /// Nanoseconds from the hooks' time to the wall's, as the renderer has it.
    pub(super) clock_offset_ns: i128,
    /// The names of the kernel's reset reasons.
    pub(super) reasons: ReasonNames,
    /// What the road is set to.
    pub(super) settings: Settings,
}

impl Tape {
    /// What the recording says of the run.
    pub(super) fn header(&self, start: &Start<'_>, offsets: &Offsets) -> Header {
        let points = start.points.iter().map(|point| Point {
            name: point.name.to_owned(),
            way: point.way.map(ToOwned::to_owned),
        });
        let reasons = self.reasons.iter();
        let reasons = reasons.map(|(code, name)| (code, name.to_owned()));
        let arguments = env::args_os().map(|argument| argument.to_string_lossy().into_owned());
        Header {
            finrst: start.version.to_owned(),
            contract: CONTRACT,
            byte_order: BYTE_ORDER.to_owned(),
            machine: env::consts::ARCH.to_owned(),
            kernel: start.kernel.map(ToOwned::to_owned),
            boot_id: clock::boot_id(),
            at_ns: start.at.0,
            clock_offset_ns: self.clock_offset_ns,
            transport: start.transport.map(ToOwned::to_owned),
            points: points.collect(),
            reasons: reasons.collect(),
            offsets: by_name(offsets).collect(),
            settings: self.settings.clone(),
            command_line: arguments.collect(),
        }
    }
}

/// The fields this kernel has, by name.
fn by_name(offsets: &Offsets) -> impl Iterator<Item = (String, u16)> {
    let (pairs, _) = offsets.as_bytes().as_chunks();
    let fields = FIELDS.iter().zip(pairs);
    fields.filter_map(|(field, &bytes)| {
        let offset = u16::from_ne_bytes(bytes);
        let name = || format!("{}.{}", field.structure, field.path);
        (offset != MISSING).then(|| (name(), offset))
    })
}
