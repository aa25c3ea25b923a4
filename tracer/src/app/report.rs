//! `finrst report`: a recording, told as a report.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, anyhow};

use super::{
    correlate, output,
    replay::{self, Asked, Opened},
    symbols::Naming,
    view::{Reporting, View},
};
use crate::{
    cli::{Color, Report},
    exit::{Exit, Failure},
    model::foreign::Foreign,
};

pub(super) fn run(report: &Report) -> Result<Exit, Failure> {
    // Before the page, which may take the place of something else.
    let opened = replay::open(&report.recording)?;
    let html = report.html.as_deref();
    let page = html.map(|it| create(it, &report.recording)).transpose()?;
    let view = view(&report.recording, report.retold.color, page.clone());
    let asked = Asked::of(&report.recording, view, &report.retold, report.quiet)?;
    let exit = tell(&asked, opened, &report.captures)?;
    if let (Some(page), Some(path)) = (page, &report.html) {
        let bytes = flushed(&page).with_context(|| format!("cannot write {}", path.display()))?;
        if !report.quiet {
            let path = path.display();
            output::say(format_args!(
                "finrst: wrote {path}, {} kB",
                bytes.div_ceil(1_000)
            ));
        }
    }
    Ok(exit)
}

/// Writes the page of a recording into a file, overwriting it, and says only what is wrong.
///
/// # Errors
///
/// There is no such recording, or the page cannot be written. A recording that is cut gives what there
/// is of it, and an exit code other than zero.
pub fn page(recording: &Path, html: &Path) -> Result<Exit, Failure> {
    let opened = replay::open(recording)?;
    let page = create(html, recording)?;
    let asked = Asked {
        path: recording,
        view: view(recording, Color::Never, Some(page)),
        kinds: &[],
        causes: &[],
        count: None,
        quiet: true,
        fail_on_loss: false,
        naming: Naming::default(),
    };
    tell(&asked, opened, &[])
}

fn tell(asked: &Asked<'_>, opened: Opened, captures: &[PathBuf]) -> Result<Exit, Failure> {
    if captures.is_empty() {
        return replay::whole(asked, opened);
    }
    correlate::with(asked, captures)
}

fn view(recording: &Path, color: Color, page: Option<Arc<File>>) -> View {
    let name = recording.file_name().unwrap_or(recording.as_os_str());
    let name = Foreign::from(name.as_encoded_bytes()).to_string();
    View::reported(color, Reporting { name, page })
}

/// Before anything is read: a page that cannot be written is a refusal. Like the recording, it is
/// nobody else's to read.
fn create(path: &Path, recording: &Path) -> Result<Arc<File>, Failure> {
    let real = |path: &Path| path.canonicalize().ok();
    if real(path).is_some_and(|it| Some(it) == real(recording)) {
        let what = anyhow!("the page would take the place of the recording");
        return Err(Failure::new(Exit::Usage, what, "give it another name"));
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let file = options.open(path);
    let file = file.with_context(|| format!("cannot create {}", path.display()));
    file.map(Arc::new)
        .map_err(|error| Failure::new(Exit::Usage, error, ""))
}

/// How many bytes there are of it, all written.
fn flushed(mut page: &File) -> io::Result<u64> {
    page.flush()?;
    Ok(page.metadata()?.len())
}
