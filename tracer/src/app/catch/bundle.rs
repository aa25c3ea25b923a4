//! The files of a directory: what was caught, and everything around it.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;

use super::{environment::Environment, trap::Caught};
use crate::{
    app::{output, replay, report, view},
    diagnose::page,
    flight::Flight,
    render::{Format, Options},
    replay::{Recorded, Recording},
};

const RECORDING: &str = "recording.finrst";

/// Writes what is in one file.
type Fill<'a> = dyn Fn(&mut BufWriter<File>) -> anyhow::Result<()> + 'a;

/// What is to be written, and where.
pub(super) struct Bundle {
    /// The directory, which is there and empty.
    pub(super) directory: PathBuf,
    pub(super) caught: Caught,
    pub(super) flight: Flight,
    /// The word for why the recording ends; `None` where it says so itself.
    pub(super) how: Option<&'static str>,
    pub(super) environment: Arc<Environment>,
    pub(super) quiet: bool,
}

impl Bundle {
    /// Writes everything that can be written, what matters most first; says whether that was all.
    ///
    /// What cannot be written is said, and costs none of the rest.
    pub(super) fn write(&self) -> bool {
        let caught = &self.caught;
        if !self.quiet {
            output::say(String::from_utf8_lossy(&caught.brief).trim_end());
        }
        let files: [(&str, &Fill<'_>); 4] = [
            ("ending.json", &|out| Ok(out.write_all(&caught.json)?)),
            ("ending.txt", &|out| Ok(out.write_all(&self.told())?)),
            ("environment.txt", &|out| {
                Ok(self.environment.write(&self.flight, out)?)
            }),
            (RECORDING, &|out| {
                self.flight.save(out, self.how)?;
                Ok(())
            }),
        ];
        let mut written = true;
        for (name, write) in files {
            written &= self.file(name, write);
        }
        let recording = self.directory.join(RECORDING);
        if self.flight.is_capturing() {
            written &= self.file("segments.pcapng", &|out| segments(&recording, out));
        }
        written &= self.report(&recording);
        // Whoever waits for a directory is to find everything in it.
        let _ = writeln!(io::stdout(), "{}", self.directory.display());
        written
    }

    /// Writes the page about the recording; says why where it cannot.
    fn report(&self, recording: &Path) -> bool {
        let path = self.directory.join("report.html");
        let Err(failure) = report::page(recording, &path) else {
            return true;
        };
        let (path, why) = (path.display(), failure.error);
        output::say(format_args!("finrst: cannot write {path}: {why:#}"));
        false
    }

    /// The ending for people, with what there is to say about its cause.
    fn told(&self) -> Vec<u8> {
        let mut told = self.caught.text.clone();
        if let Some(cause) = self.caught.cause {
            told.extend_from_slice(format!("\n{}", page(cause)).as_bytes());
        }
        told
    }

    /// Writes one file; says why where it cannot.
    fn file(&self, name: &str, write: &Fill<'_>) -> bool {
        let path = self.directory.join(name);
        let written = create(&path).and_then(|file| {
            let mut out = BufWriter::new(file);
            write(&mut out)?;
            // Full disks show themselves late.
            out.into_inner()
                .map_err(io::IntoInnerError::into_error)?
                .sync_all()?;
            Ok(())
        });
        let Err(error) = written else { return true };
        let full = error.chain().any(|cause| {
            let cause = cause.downcast_ref::<io::Error>();
            cause.is_some_and(|it| it.kind() == io::ErrorKind::StorageFull)
        });
        let hint = if full {
            "\nhint: make room, or choose another file system: -o DIR; what was written stays"
        } else {
            ""
        };
        output::say(format_args!(
            "finrst: cannot write {}: {error:#}{hint}",
            path.display()
        ));
        false
    }
}

/// Creates a file that only its owner may read.
fn create(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    Ok(options.open(path)?)
}

/// Writes every segment of a recording, with what each ending was as comments.
fn segments(recording: &Path, out: &BufWriter<File>) -> anyhow::Result<()> {
    let out = BufWriter::new(out.get_ref().try_clone()?);
    let file = File::open(recording).context("there is no recording")?;
    let recording = Recording::open(file)?;
    let settings = recording.header.settings.clone();
    let reasons = replay::reasons(&recording.header);
    let pcapng = Format::Pcapng.renderer(Options {
        clock: view::from_offset(recording.header.clock_offset_ns),
        reasons: reasons.clone(),
        colour: false,
        // It would be the same words on every packet; ending.txt has them.
        explain: false,
        stacks: false,
    });
    let mut road = view::into(
        Recorded::default(),
        &settings,
        reasons,
        pcapng,
        Box::new(out),
    );
    road.captures(settings.everything);
    road.tell_strays_too();
    recording.start(&mut road)?;
    recording.tell(&mut road, true, &mut |_bytes| {})?.stop?;
    Ok(())
}
