//! Stacks become names: maps and files are taken hold of when a stack comes in, while its process
//! is likeliest to be there; a thread of its own finds the names; the answer waits to be asked for.
//!
//! Everything here is bounded: processes, files, stacks on their way, and stacks nobody asked for.

use std::{
    path::{Path, PathBuf},
    task::Poll,
    time::Duration,
};

use hashlink::LinkedHashMap;

use super::clock;
use crate::model::{
    process::Task,
    stack::{Absent, Addresses, Caller, Frame, Side, Stack, StackId, Taken},
    time::MonoNs,
};

mod elf;
mod elsewhere;
mod kernel;
mod loaded;
mod maps;
mod modules;
mod names;
mod programs;
mod symbol;
mod unwind;
mod worker;

pub use elsewhere::{Symbols, SymbolsError};
pub use kernel::{KernelNames, kernel_names};
use programs::{Program, Programs};
use worker::{Job, Worker};

/// Stacks on their way or answered at most; the oldest gives way, and is told as addresses.
const STACKS: usize = 8_192;
/// Bytes that answers nobody asked for yet may take.
const MEMORY: usize = 16 << 20;
/// Nanoseconds an ending waits for names at most: as long as the symbols of the largest programs
/// take to load.
const PATIENCE: u64 = 3_000_000_000;
/// Nanoseconds it waits for the thread to begin: the kernel's names, which are loaded first, take a
/// fifth of a second, and on an emulated machine a hundred times that.
const LOADING: u64 = 30_000_000_000;

/// How many executable mappings the text of `/proc/PID/maps` tells, those within others left out.
pub(super) fn mappings(text: &[u8]) -> usize {
    let maps = maps::Maps::parse(text);
    let found = |it: &&maps::Mapping| maps.of(it.start).is_some_and(|of| of.start == it.start);
    maps.iter().filter(found).count()
}

/// The stacks seen and not asked for yet.
pub(super) struct Stacks {
    programs: Programs,
    /// Whether programs' stacks are taken.
    expects: bool,
    /// `None` before the first stack.
    worker: Option<Worker>,
    /// Addresses alone, until there are names.
    waiting: LinkedHashMap<StackId, Stack>,
    answered: LinkedHashMap<StackId, Stack>,
    /// Sum of what the answers take.
    bytes: usize,
    /// Everything up to this was told.
    now: MonoNs,
    /// When the thread was first seen at work; `None` before.
    at_work: Option<MonoNs>,
}

impl Stacks {
    /// None seen yet; `proc` is where the proc file system is mounted.
    pub(super) fn new(proc: &Path) -> Self {
        Self {
            programs: Programs::new(PathBuf::from(proc)),
            expects: true,
            worker: None,
            waiting: LinkedHashMap::new(),
            answered: LinkedHashMap::new(),
            bytes: 0,
            now: MonoNs(0),
            at_work: None,
        }
    }

    /// From now on no program's stack is expected.
    pub(super) const fn expect_none(&mut self) {
        self.expects = false;
    }

    /// Takes in that a process acts on connections: when it ends one, it may be gone right after.
    pub(super) fn expect(&mut self, at: MonoNs, task: &Task) {
        if let (Some(start_ns), true) = (task.start_ns, self.expects && task.exit.is_none()) {
            self.programs.expect(at, task.pid, start_ns);
        }
    }

    /// Takes a stack in; its names are looked for from now on.
    pub(super) fn seen(&mut self, id: StackId, taken: &Taken) {
        let program = match (&taken.user, taken.caller) {
            (Addresses::Frames(frames), Caller::Task) if !frames.is_empty() => {
                self.programs.of(id.at, taken)
            }
            (Addresses::Frames(_) | Addresses::NotAsked | Addresses::Failed(_), _) => None,
        };
        let bare = bare(taken, program.as_deref());
        let worker = self.worker.get_or_insert_with(Worker::start);
        let job = Job {
            id,
            taken: taken.clone(),
            program,
            bare: bare.clone(),
        };
        if worker.ask(job) {
            self.waiting.insert(id, bare);
        } else {
            self.keep(id, bare);
        }
        self.collect();
        if self.waiting.len() > STACKS
            && let Some((id, bare)) = self.waiting.pop_front()
        {
            self.keep(id, bare);
        }
    }

    /// The stacks behind an act, told once; `None` when none were taken, or they found no room.
    ///
    /// Pending while names are looked for, a few seconds at most; in a `hurry` addresses do.
    pub(super) fn take(&mut self, id: StackId, hurry: bool) -> Poll<Option<Stack>> {
        self.collect();
        if self.waiting.contains_key(&id) && !hurry && self.patient(id) {
            return Poll::Pending;
        }
        if let Some(bare) = self.waiting.remove(&id) {
            return Poll::Ready(Some(bare));
        }
        let stack = self.answered.remove(&id);
        self.bytes -= stack.as_ref().map_or(0, weight);
        Poll::Ready(stack)
    }

    /// Whether names may still come in good time.
    fn patient(&self, id: StackId) -> bool {
        match self.at_work {
            Some(begun) => self.now.since(id.at.max(begun)) < PATIENCE,
            None => self.now.since(id.at) < LOADING,
        }
    }

    /// Gives new time for reading, as much as passed until `now`; at the end of a run names under
    /// way are waited for.
    pub(super) fn turn(&mut self, now: MonoNs) {
        if now == MonoNs(u64::MAX) {
            return self.wait();
        }
        self.now = now;
        self.programs.turn(now);
        let worker = self.worker.as_ref();
        if self.at_work.is_none() && worker.is_some_and(Worker::at_work) {
            self.at_work = Some(now);
        }
        self.collect();
    }

    fn wait(&mut self) {
        let until = clock::now().after(PATIENCE);
        while !self.waiting.is_empty() {
            let left = Duration::from_nanos(until.since(clock::now()));
            let worker = self.worker.as_mut();
            let Some((id, stack)) = worker.and_then(|worker| worker.answer_within(left)) else {
                return;
            };
            self.answer(id, stack);
        }
    }

    /// Takes in what the thread has found so far.
    fn collect(&mut self) {
        while let Some((id, stack)) = self.worker.as_mut().and_then(Worker::answer) {
            self.answer(id, stack);
        }
    }

    fn answer(&mut self, id: StackId, stack: Stack) {
        // One that had to make room was told, or is told, as addresses.
        if self.waiting.remove(&id).is_some() {
            self.keep(id, stack);
        }
    }

    fn keep(&mut self, id: StackId, stack: Stack) {
        self.bytes += weight(&stack);
        self.answered.insert(id, stack);
        while self.bytes > MEMORY || self.answered.len() > STACKS {
            let Some((_, oldest)) = self.answered.pop_front() else {
                break;
            };
            self.bytes -= weight(&oldest);
        }
    }
}

/// The stack as it is told when nothing more can be found out: addresses.
fn bare(taken: &Taken, program: Option<&Program>) -> Stack {
    let none = match taken.caller {
        Caller::Task => Absent::Failed,
        Caller::Exiting => Absent::Exited,
        Caller::KernelThread => Absent::KernelThread,
        Caller::Kernel => Absent::NoCaller,
    };
    Stack {
        kernel: side(&taken.kernel, Absent::Failed, false, None),
        user: side(&taken.user, none, true, program),
    }
}

fn side(addresses: &Addresses, none: Absent, truncated: bool, of: Option<&Program>) -> Side {
    match addresses {
        Addresses::NotAsked => Side::Absent(Absent::NotAsked),
        Addresses::Failed(_) => Side::Absent(none),
        Addresses::Frames(frames) if frames.is_empty() => Side::Absent(none),
        Addresses::Frames(frames) => Side::Frames {
            frames: frames.iter().map(|&address| at(address, of)).collect(),
            truncated,
        },
    }
}

/// A frame of which no more than its place is known.
fn at(address: u64, program: Option<&Program>) -> Frame {
    let mapping = program.and_then(|program| program.maps.of(address));
    let file = mapping.filter(|mapping| mapping.has_file());
    Frame {
        address,
        module: file.map(|mapping| mapping.path.clone()),
        offset: file.map(|mapping| mapping.file_offset(address)),
        ..Frame::default()
    }
}

fn weight(stack: &Stack) -> usize {
    let frames = [&stack.kernel, &stack.user].map(|side| side.frames().iter());
    let frames = frames.into_iter().flatten().map(Frame::weight);
    size_of::<Stack>() + 64 + frames.sum::<usize>()
}

#[cfg(test)]
mod tests;
