//! The processes whose stacks came in: their maps, read at first sight and again when they changed.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use hashlink::LruCache;

use super::{
    maps::Maps,
    modules::{FILES, Modules},
};
use crate::{
    enrich::{clock, stat::Stat},
    model::{
        stack::{Addresses, Taken},
        time::MonoNs,
    },
};

/// Processes remembered.
const PROGRAMS: usize = 256;
/// Processes read at once at most.
const BURST: u64 = 64;
/// Nanoseconds between two reads in the long run; one costs some 100 µs.
const NS_PER_READ: u64 = 2_000_000;
/// Nanoseconds after which maps are read again: a library may have been replaced by another.
const OLD: u64 = 5_000_000_000;
/// Nanoseconds after which maps are read again for an address they do not have.
const YOUNG: u64 = 100_000_000;
/// Bytes of maps read at most.
const BYTES: u64 = 1 << 20;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// What a program goes by: pid, start and address space; the last is another one after execve(2).
type Key = (u32, u64, u64);

/// An address space nobody has seen yet.
const ANY: u64 = 0;

/// A process as a stack found it.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) pid: u32,
    pub(super) maps: Maps,
    /// When its maps were read.
    read: MonoNs,
}

/// The processes known.
pub(super) struct Programs {
    proc: PathBuf,
    ns_per_tick: u64,
    known: LruCache<Key, Option<Arc<Program>>>,
    modules: Modules,
    reads_left: u64,
    /// Up to when time for reading was given.
    given: MonoNs,
}

impl Programs {
    pub(super) fn new(proc: PathBuf) -> Self {
        let ticks = clock::ticks_per_second();
        Self {
            proc,
            ns_per_tick: NS_PER_SECOND / ticks.max(1),
            known: LruCache::new(PROGRAMS),
            modules: Modules::default(),
            reads_left: BURST,
            given: MonoNs(0),
        }
    }

    /// The process of a stack taken at a time, with the files its frames may be in held open;
    /// `None` when it is gone, or there is no time to read it.
    pub(super) fn of(&mut self, at: MonoNs, taken: &Taken) -> Option<Arc<Program>> {
        let Addresses::Frames(frames) = &taken.user else {
            return None;
        };
        let key = (taken.pid, taken.start_ns, taken.mm);
        let known = self.known.get(&key).cloned();
        // What was expected of a process is good while it executed nothing else since.
        let expected = self.known.peek(&(taken.pid, taken.start_ns, ANY));
        let innermost = frames.first().copied().unwrap_or_default();
        let fits = |program: &&Arc<Program>| program.maps.of(innermost).is_some();
        let expected = expected.and_then(Option::as_ref).filter(fits).cloned();
        let stale = |program: &Arc<Program>| {
            let age = at.since(program.read);
            let missing = || frames.iter().any(|&it| program.maps.of(it).is_none());
            age > OLD || (age > YOUNG && missing())
        };
        let program = match known {
            Some(Some(program)) if !stale(&program) => Some(program),
            Some(None) => expected,
            Some(before) => self.read(key, at).or(before),
            None => self.read(key, at).or(expected),
        };
        if let Some(program) = &program {
            self.hold_files(program, taken, frames);
        }
        program
    }

    /// Reads a process that may have a stack soon, as long as it is there.
    pub(super) fn expect(&mut self, at: MonoNs, pid: u32, start_ns: u64) {
        let key = (pid, start_ns, ANY);
        if self.known.contains_key(&key) {
            return;
        }
        if let Some(program) = self.read(key, at) {
            let process = self.directory(pid);
            for mapping in program.maps.iter().filter(|mapping| mapping.has_file()) {
                let modules = &mut self.modules;
                mapping
                    .module
                    .get_or_init(|| modules.open(&process, mapping));
            }
        }
    }

    /// Gives new time for reading, as much as passed until `now`.
    pub(super) fn turn(&mut self, now: MonoNs) {
        let reads = now.since(self.given) / NS_PER_READ;
        if reads > 0 {
            self.given = now;
            self.reads_left = reads.saturating_add(self.reads_left).min(BURST);
        }
    }

    fn read(&mut self, key: Key, at: MonoNs) -> Option<Arc<Program>> {
        self.reads_left = self.reads_left.checked_sub(1)?;
        // Whoever was not met for longest gives their files up.
        while self.modules.open_files() >= FILES && self.known.remove_lru().is_some() {}
        let program = self.program(key, at).map(Arc::new);
        let before = self.known.get(&key).cloned().flatten();
        self.known.insert(key, program.clone().or(before));
        program
    }

    /// Reads the maps; the start comes last, so that they are this process's. One on its way out has
    /// none any more.
    fn program(&self, (pid, start_ns, _): Key, read: MonoNs) -> Option<Program> {
        let process = self.directory(pid);
        let maps = contents(&process.join("maps")).filter(|maps| !maps.is_empty())?;
        let ticks = Stat::new(&contents(&process.join("stat"))?)?.start_ticks()?;
        let same = ticks.abs_diff(start_ns / self.ns_per_tick) <= 1;
        // One that has exited and was not waited for is there, with no memory.
        (same && !maps.is_empty()).then(|| Program {
            pid,
            maps: Maps::parse(&maps),
            read,
        })
    }

    /// Opens the files of every address that may be a frame's: those the kernel found, and those
    /// among the stack's memory.
    fn hold_files(&mut self, program: &Program, taken: &Taken, frames: &[u64]) {
        let process = self.directory(program.pid);
        let (words, _) = taken.memory.as_chunks::<8>();
        let words = words.iter().copied().map(u64::from_ne_bytes);
        for address in frames.iter().copied().chain(words) {
            let mapping = program.maps.of(address).filter(|it| it.has_file());
            if let Some(mapping) = mapping {
                let modules = &mut self.modules;
                mapping
                    .module
                    .get_or_init(|| modules.open(&process, mapping));
            }
        }
    }

    fn directory(&self, pid: u32) -> PathBuf {
        self.proc.join(pid.to_string())
    }
}

fn contents(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}
