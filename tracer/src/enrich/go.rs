//! Which processes run programs of Go, and where their threads keep the running goroutine.

use std::{
    fs::File,
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use hashlink::LruCache;

use super::descendants;
use crate::go::{self, Layout, Source};

/// Programs remembered at most.
const PROGRAMS: usize = 1_024;

/// An executable by what it is, not by its name: device, inode, size and last change.
type Program = (u64, u64, u64, i64);

/// What is known of executables.
pub struct Programs {
    proc: PathBuf,
    known: LruCache<Program, Option<Layout>>,
}

impl Programs {
    /// Nothing known yet; `proc` is where the proc file system is mounted.
    #[must_use]
    pub fn new(proc: &Path) -> Self {
        Self {
            proc: proc.to_owned(),
            known: LruCache::new(PROGRAMS),
        }
    }

    /// Where the threads of a process keep their goroutine; `None` for one not of Go, one that is
    /// gone, and one whose version of Go is not known.
    pub fn layout(&mut self, pid: u32) -> Option<Layout> {
        let file = File::open(self.proc.join(format!("{pid}/exe"))).ok()?;
        let meta = file.metadata().ok()?;
        let program = (meta.dev(), meta.ino(), meta.size(), meta.mtime());
        if let Some(known) = self.known.get(&program) {
            return *known;
        }
        let layout = go::layout(Box::new(Executable(file))).ok();
        self.known.insert(program, layout);
        layout
    }

    /// All processes there are now.
    #[must_use]
    pub fn processes(proc: &Path) -> Vec<u32> {
        descendants::processes(proc).collect()
    }
}

/// A file as the parser reads it.
struct Executable(File);

impl Source for Executable {
    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(into, at)
    }
}
