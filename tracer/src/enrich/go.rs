//! Which processes run programs of Go, where their threads keep the running goroutine, and where they
//! begin to close.

use std::{
    fs::File,
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use hashlink::LruCache;

use super::descendants;
use crate::go::{self, GoBinary, Layout, Source};

/// Programs remembered at most.
const PROGRAMS: usize = 1_024;

/// An executable by what it is, not by its name: device, inode, size and last change.
type Program = (u64, u64, u64, i64);

/// The function that every close of a connection in Go goes through, `internal/poll/fd_unix.go`.
const CLOSE: &str = "internal/poll.(*FD).Close";

/// What is known of an executable; nothing of one that is not of Go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Where threads keep their goroutine; `None` where that is not known of the version of Go.
    pub layout: Option<Layout>,
    /// Where in the file `Close` begins; `None` too when nobody asked for it.
    pub close: Option<u64>,
}

/// What is known of executables.
pub struct Programs {
    proc: PathBuf,
    /// Whether anybody asks where `Close` begins: looking for it reads the names of all functions.
    callers: bool,
    known: LruCache<Program, Known>,
}

impl Programs {
    /// Nothing known yet; `proc` is where the proc file system is mounted.
    #[must_use]
    pub fn new(proc: &Path, callers: bool) -> Self {
        Self {
            proc: proc.to_owned(),
            callers,
            known: LruCache::new(PROGRAMS),
        }
    }

    /// What is known of the executable a process runs, and the file; `None` for one that is gone.
    pub fn of(&mut self, pid: u32) -> Option<(Known, File)> {
        let file = File::open(self.proc.join(format!("{pid}/exe"))).ok()?;
        let meta = file.metadata().ok()?;
        let program = (meta.dev(), meta.ino(), meta.size(), meta.mtime());
        if let Some(&known) = self.known.get(&program) {
            return Some((known, file));
        }
        let source = || file.try_clone().ok().map(|file| Box::new(Executable(file)));
        let known = Known {
            layout: source().and_then(|source| go::layout(source).ok()),
            close: source().filter(|_| self.callers).and_then(close),
        };
        self.known.insert(program, known);
        Some((known, file))
    }

    /// All processes there are now.
    #[must_use]
    pub fn processes(proc: &Path) -> Vec<u32> {
        descendants::processes(proc).collect()
    }
}

fn close(source: Box<Executable>) -> Option<u64> {
    let binary = GoBinary::open(source).ok()?;
    binary.offset_of(binary.function(CLOSE).ok()??)
}

/// A file as the parser reads it.
struct Executable(File);

impl Source for Executable {
    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(into, at)
    }
}
