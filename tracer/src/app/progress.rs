//! How far long work on a file is: a bar on standard error, where people watch.

use std::{
    fmt,
    fs::File,
    io::{self, IsTerminal, Read, Write},
    path::Path,
};

use crate::{
    enrich::clock,
    model::{foreign::Foreign, time::MonoNs},
    render::time::human,
};

/// Nanoseconds between two looks of the bar: work that is done before shows none.
const EVERY_NS: u64 = 200_000_000;

/// Eighths of a cell there are in the bar, and how they look.
const EIGHTHS: u64 = 8 * 24;
const BLOCKS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// The longest name that is shown, in characters.
const NAME: usize = 28;

/// A bar, gone when it is dropped.
pub(super) struct Progress {
    /// What is worked on.
    name: String,
    /// Bytes of the file; `None` when nobody is to be told.
    bytes: Option<u64>,
    began: MonoNs,
    next: MonoNs,
    shown: bool,
}

impl Progress {
    /// Work on a file of so many bytes; none is shown where that is not known.
    pub(super) fn new(path: &Path, bytes: Option<u64>) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = Foreign::from(name.as_encoded_bytes()).to_string();
        let now = clock::now();
        Self {
            name: shortened(&name),
            bytes: bytes.filter(|_| io::stderr().is_terminal()),
            began: now,
            next: now.after(EVERY_NS),
            shown: false,
        }
    }

    /// So many bytes are done.
    pub(super) fn at(&mut self, bytes: u64) {
        let Some(all) = self.bytes else { return };
        let now = clock::now();
        if now < self.next {
            return;
        }
        self.next = now.after(EVERY_NS);
        self.shown = true;
        let bar = bar(bytes, all, now.since(self.began));
        let _ = write!(io::stderr(), "\r{} {bar}\x1b[K", self.name);
    }
}

/// A file that is read to its end, with a bar.
pub(super) struct Watched {
    file: File,
    read: u64,
    progress: Progress,
}

impl Watched {
    /// A file of that path; the bar is not for the `quiet`.
    pub(super) fn new(file: File, path: &Path, quiet: bool) -> Self {
        let found = file.metadata().ok().filter(|it| it.is_file() && !quiet);
        Self {
            file,
            read: 0,
            progress: Progress::new(path, found.map(|it| it.len())),
        }
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read += u64::try_from(count).unwrap_or(0);
        self.progress.at(self.read);
        Ok(count)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// The end of a long name says more than its begin.
fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length - NAME + 1).collect();
    format!("…{end}")
}

/// `▐██████▌                 ▌  27 %, 3.1s left`.
fn bar(done: u64, all: u64, elapsed_ns: u64) -> impl fmt::Display {
    let done = done.min(all);
    let of = |whole: u64| {
        let part = u128::from(done) * u128::from(whole) / u128::from(all.max(1));
        u64::try_from(part).unwrap_or(whole)
    };
    let left = u128::from(elapsed_ns) * u128::from(all - done) / u128::from(done.max(1));
    let left = u64::try_from(left).unwrap_or(u64::MAX);
    let (eighths, percent) = (of(EIGHTHS), of(100));
    fmt::from_fn(move |f| {
        let place = usize::try_from(eighths % 8).unwrap_or(0);
        let begun = BLOCKS.get(place).copied().unwrap_or("");
        let whole = usize::try_from(eighths / 8).unwrap_or(0);
        let cells = usize::try_from(EIGHTHS / 8).unwrap_or(0);
        let bar = format!("{}{begun}", "█".repeat(whole));
        write!(f, "▕{bar:<cells$}▏ {percent:>3} %, {} left", human(left))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_keeps_its_width_and_says_how_long_it_takes() {
        for done in 0..=300 {
            let shown = bar(done, 300, 1_000_000_000).to_string();
            let end = shown.chars().skip(1).position(|c| c == '▏' || c == '%');
            assert!(
                end.is_some() && shown.chars().nth(25) == Some('▏'),
                "{shown}"
            );
        }
        let half = bar(50, 100, 2_000_000_000).to_string();
        assert!(half.ends_with("▏  50 %, 2.00s left"), "{half}");
        assert!(bar(0, 0, 0).to_string().ends_with("  0 %, 0ns left"));
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(shortened("run.finrst"), "run.finrst");
        let long = shortened(&format!("{}run.finrst", "x".repeat(50)));
        assert_eq!(long.chars().count(), NAME);
        assert!(long.starts_with("…x") && long.ends_with("xrun.finrst"));
    }
}
