//! Names of addresses: what was found once is kept, in bounded memory.

use std::{rc::Rc, sync::Arc};

use blazesym::{
    Pid,
    symbolize::{Input, Symbolized, Symbolizer, source},
};
use hashlink::{LinkedHashMap, LruCache};

use super::{
    kernel,
    loaded::Loaded,
    modules::{FileKey, Module},
    programs::Program,
    symbol,
    unwind::{Machine, Walked},
    worker::Job,
};
use crate::model::stack::{Addresses, Frame, Side, Stack};

/// Bytes that names found once may take.
const MEMORY: usize = 16 << 20;
/// Files whose symbols are loaded at a time.
const FILES: usize = 32;
/// Bytes of these files together; what is parsed of one is a part of its size.
const BYTES: u64 = 1 << 30;
/// Processes whose own tables (the vDSO's, those of just-in-time compilers) are loaded at a time.
const PROCESSES: u32 = 64;
/// Frames of which no program has more.
const DEEPEST: usize = 127;
/// A place names are kept for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Kernel(u64),
    File(FileKey, u64),
}

/// Everything found so far.
pub(super) struct Names {
    kernel: Symbolizer,
    /// Of what is no file.
    processes: Symbolizer,
    /// Addresses looked up in processes since their tables were forgotten.
    asked: u32,
    files: LinkedHashMap<FileKey, Loaded>,
    found: LruCache<Place, Rc<[Frame]>>,
    /// Sum of what `found` takes.
    bytes: usize,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            kernel: Symbolizer::new(),
            processes: Symbolizer::new(),
            asked: 0,
            files: LinkedHashMap::new(),
            found: LruCache::new_unbounded(),
            bytes: 0,
        }
    }
}

impl Names {
    /// The stack with its names.
    pub(super) fn of(&mut self, job: Job) -> Stack {
        let mut stack = job.bare;
        if let Addresses::Frames(frames) = &job.taken.kernel
            && !frames.is_empty()
        {
            stack.kernel = self.kernel_side(frames);
        }
        if let (Addresses::Frames(pointers), Some(program)) = (&job.taken.user, &job.program)
            && !pointers.is_empty()
        {
            let machine = Machine::new(&job.taken.registers, &job.taken.memory);
            stack.user = self.user_side(&machine, pointers, program);
        }
        stack
    }

    /// Loads what every stack needs: the kernel's names, a tenth of a second's work.
    pub(super) fn warm_up(&self) {
        self.kernel_frames(u64::MAX);
    }

    fn kernel_side(&mut self, addresses: &[u64]) -> Side {
        let named = addresses.iter().flat_map(|&address| {
            // Each is where its callee returns to, which may be the next function's begin.
            let place = Place::Kernel(address.wrapping_sub(1));
            self.frames(place, |names| names.kernel_frames(address))
                .to_vec()
        });
        Side::Frames {
            frames: kernel::without_tracing(named.collect()),
            truncated: addresses.len() >= DEEPEST,
        }
    }

    fn kernel_frames(&self, address: u64) -> Vec<Frame> {
        let source = kernel::source();
        let place = Input::AbsAddr(address.wrapping_sub(1));
        let blank = Frame {
            address,
            ..Frame::default()
        };
        match self.kernel.symbolize_single(&source, place) {
            Ok(Symbolized::Sym(symbol)) => symbol::frames(&symbol, &blank, 1),
            Ok(Symbolized::Unknown(_)) | Err(_) => vec![blank],
        }
    }

    fn user_side(&mut self, machine: &Machine<'_>, pointers: &[u64], program: &Program) -> Side {
        let walked = self.walk(machine, pointers, program);
        let mut named = Vec::new();
        for (depth, &address) in walked.frames.iter().enumerate() {
            let back = u64::from(depth > 0);
            named.extend_from_slice(&self.user_frames(address, back, program));
        }
        let known = named.last().is_some_and(symbol::is_outermost);
        Side::Frames {
            frames: named,
            truncated: !walked.complete && !known,
        }
    }

    fn walk(&mut self, machine: &Machine<'_>, pointers: &[u64], program: &Program) -> Walked {
        // Loaded first: the walk only reads.
        for mapping in program.maps.held() {
            if let Some(module) = mapping.module.get().and_then(Option::as_ref) {
                self.load(module);
            }
        }
        machine.walk(pointers, |address| {
            let mapping = program.maps.of(address)?;
            let module = mapping.module.get()?.as_ref()?;
            let elf = &self.files.get(&module.key)?.elf;
            Some((elf, elf.address(mapping.file_offset(address))?))
        })
    }

    /// The calls at an address of a program; `back` is one where it is a return address.
    fn user_frames(&mut self, address: u64, back: u64, program: &Program) -> Rc<[Frame]> {
        let blank = Frame {
            address,
            ..Frame::default()
        };
        let Some(mapping) = program.maps.of(address.wrapping_sub(back)) else {
            return Rc::new([blank]);
        };
        let path = &mapping.path;
        let module = (!path.bytes().is_empty()).then(|| path.clone());
        let blank = Frame { module, ..blank };
        if !mapping.has_file() {
            return self.process_frames(&blank, back, program).into();
        }
        let offset = mapping.file_offset(address);
        let blank = Frame {
            offset: Some(offset),
            ..blank
        };
        let Some(module) = mapping.module.get().and_then(Option::as_ref) else {
            return Rc::new([blank]);
        };
        self.load(module);
        let place = Place::File(module.key, offset.wrapping_sub(back));
        let kept = self.frames(place, |names| {
            let loaded = names.files.get(&module.key);
            loaded.map_or_else(Vec::new, |loaded| loaded.frames(offset, back))
        });
        let loaded = self.files.get(&module.key);
        let own = loaded.and_then(|loaded| loaded.elf.address(offset.wrapping_sub(back)));
        let own = own.map(|address| address.wrapping_add(back));
        // Addresses are the process's own, the rest is the file's.
        let frames = kept.iter().map(|frame| Frame {
            address,
            module: blank.module.clone(),
            offset: blank.offset,
            elf_address: own,
            ..frame.clone()
        });
        frames.collect()
    }

    /// Asks the process itself, if it is still there: the vDSO and what was compiled just in time.
    fn process_frames(&mut self, blank: &Frame, back: u64, program: &Program) -> Vec<Frame> {
        self.asked += 1;
        if self.asked > PROCESSES {
            self.asked = 0;
            self.processes = Symbolizer::new();
        }
        let process = source::Process {
            debug_syms: false,
            map_files: false,
            ..source::Process::new(Pid::from(program.pid))
        };
        let place = Input::AbsAddr(blank.address.wrapping_sub(back));
        match self.processes.symbolize_single(&process.into(), place) {
            Ok(Symbolized::Sym(symbol)) => symbol::frames(&symbol, blank, back),
            Ok(Symbolized::Unknown(_)) | Err(_) => vec![blank.clone()],
        }
    }

    /// What is kept for a place, found first if need be.
    fn frames(&mut self, place: Place, find: impl FnOnce(&Self) -> Vec<Frame>) -> Rc<[Frame]> {
        if let Some(known) = self.found.get(&place) {
            return Rc::clone(known);
        }
        let found: Rc<[Frame]> = find(self).into();
        self.bytes += weight(&found);
        self.found.insert(place, Rc::clone(&found));
        while self.bytes > MEMORY
            && let Some((_, oldest)) = self.found.remove_lru()
        {
            self.bytes -= weight(&oldest);
        }
        found
    }

    /// Makes sure that a file is loaded, and the one used last.
    fn load(&mut self, module: &Arc<Module>) {
        if self.files.to_back(&module.key).is_some() {
            return;
        }
        self.files.insert(module.key, Loaded::new(module));
        let sum = |files: &LinkedHashMap<_, Loaded>| {
            let sizes = files.values().map(|loaded| loaded.bytes);
            sizes.fold(0, u64::saturating_add)
        };
        while self.files.len() > 1 && (self.files.len() > FILES || sum(&self.files) > BYTES) {
            self.files.pop_front();
        }
    }
}

fn weight(frames: &Rc<[Frame]>) -> usize {
    size_of::<Place>() + 64 + frames.iter().map(Frame::weight).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_an_end_and_the_oldest_goes_first() {
        let mut names = Names::default();
        let frame = Frame {
            function: Some((&*vec![b'x'; 4096]).into()),
            ..Frame::default()
        };
        for address in 0..20_000 {
            names.frames(Place::Kernel(address), |_| vec![frame.clone()]);
            assert!(names.bytes <= MEMORY);
        }
        assert!(names.found.peek(&Place::Kernel(0)).is_none());
        assert!(names.found.peek(&Place::Kernel(19_999)).is_some());
    }

    #[test]
    fn what_was_found_once_is_not_looked_for_again() {
        let mut names = Names::default();
        let mut looked = 0;
        for _ in 0..3 {
            names.frames(Place::Kernel(1), |_| {
                looked += 1;
                vec![Frame::default()]
            });
        }
        assert_eq!(looked, 1);
    }
}
