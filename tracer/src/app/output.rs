//! Where lines go and whether they carry colours.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{cli::Color, model::foreign::tamed};

/// Standard output in large pieces; the pipeline flushes after each turn.
pub(super) fn stdout() -> Box<dyn Write> {
    Box::new(BufWriter::with_capacity(64 << 10, io::stdout()))
}

/// A file, likewise.
pub(super) fn file(file: &Arc<File>) -> Box<dyn Write> {
    Box::new(BufWriter::with_capacity(64 << 10, Arc::clone(file)))
}

/// Whether text on standard output is to be coloured.
pub(super) fn coloured(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
    }
}

/// Whether the last line on standard error is one of progress, which gives way to whatever comes.
static PROGRESS: AtomicBool = AtomicBool::new(false);

/// What takes a line of progress away.
const AWAY: &str = "\r\x1b[K";

/// A line of talk on standard error, names of others in it or not; there is nobody to tell when that fails.
pub(super) fn say(line: impl std::fmt::Display) {
    let away = if PROGRESS.swap(false, Ordering::Relaxed) {
        AWAY
    } else {
        ""
    };
    let line = line.to_string();
    let _ = writeln!(io::stderr(), "{away}{}", tamed(&line));
}

/// How far it is, on a terminal, in place of what was said so before; an empty line takes it away.
pub(super) fn progress(line: impl std::fmt::Display) {
    let line = line.to_string();
    let shown = PROGRESS.swap(!line.is_empty(), Ordering::Relaxed);
    if shown || !line.is_empty() {
        let _ = write!(io::stderr(), "{AWAY}{line}");
    }
}

/// Fails as the next write would when the reader of standard output went away: without it a quiet
/// trace would outlive its reader until there is something to write.
///
/// # Errors
///
/// `BrokenPipe` when nobody reads any more.
#[expect(unsafe_code, reason = "the C library is asked")]
pub(super) fn still_read() -> io::Result<()> {
    let mut stdout = libc::pollfd {
        fd: libc::STDOUT_FILENO,
        events: 0,
        revents: 0,
    };
    // SAFETY: one structure of ours, which outlives the call; a timeout of zero does not wait.
    let ready = unsafe { libc::poll(&raw mut stdout, 1, 0) };
    if ready > 0 && stdout.revents & libc::POLLERR != 0 {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(())
}

/// Whether the reader went away, which is no failure.
pub(super) fn is_closed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
