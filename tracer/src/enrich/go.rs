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

/// What is known of executables.
pub struct Programs {
    proc: PathBuf,
    layouts: LruCache<Program, Option<Layout>>,
    closes: LruCache<Program, Option<u64>>,
}

impl Programs {
    /// Nothing known yet; `proc` is where the proc file system is mounted.
    #[must_use]
    pub fn new(proc: &Path) -> Self {
        Self {
            proc: proc.to_owned(),
            layouts: LruCache::new(PROGRAMS),
            closes: LruCache::new(PROGRAMS),
        }
    }

    /// Where the threads of a process keep their goroutine; `None` for one not of Go, one that is
    /// gone, and one whose version of Go is not known.
    pub fn layout(&mut self, pid: u32) -> Option<Layout> {
        let (program, file) = self.program(pid)?;
        if let Some(known) = self.layouts.get(&program) {
            return *known;
        }
        let layout = go::layout(Box::new(Executable(file))).ok();
        self.layouts.insert(program, layout);
        layout
    }

    /// The executable of a process, and where in it `Close` begins; `None` for one not of Go, and one
    /// that is gone. Reads the names of all functions, once for each executable.
    pub fn close(&mut self, pid: u32) -> Option<(File, u64)> {
        let (program, file) = self.program(pid)?;
        let known = self.closes.get(&program).copied();
        let offset = known.unwrap_or_else(|| close(file.try_clone().ok()?));
        self.closes.insert(program, offset);
        Some((file, offset?))
    }

    fn program(&self, pid: u32) -> Option<(Program, File)> {
        let file = File::open(self.proc.join(format!("{pid}/exe"))).ok()?;
        let meta = file.metadata().ok()?;
        let program = (meta.dev(), meta.ino(), meta.size(), meta.mtime());
        Some((program, file))
    }

    /// All processes there are now.
    #[must_use]
    pub fn processes(proc: &Path) -> Vec<u32> {
        descendants::processes(proc).collect()
    }
}

fn close(file: File) -> Option<u64> {
    let binary = GoBinary::open(Box::new(Executable(file))).ok()?;
    binary.offset_of(binary.function(CLOSE).ok()??)
}

/// A file as the parser reads it.
struct Executable(File);

impl Source for Executable {
    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(into, at)
    }
}
