//! A file whose symbols are loaded: of Go by the tables that stripping leaves, else by its own.

use std::{io, os::unix::fs::FileExt as _, sync::Arc};

use blazesym::symbolize::{Input, Symbolized, Symbolizer, source};

use super::{elf::Elf, modules::Module, symbol};
use crate::{
    go::{self, GoBinary},
    model::{foreign::Foreign, stack::Frame},
};

/// The file, and what was read of it.
pub(super) struct Loaded {
    module: Arc<Module>,
    symbols: Symbolizer,
    pub(super) elf: Elf,
    /// `None` for a program of another language.
    go: Option<GoBinary>,
    /// Bytes it takes at most: what is parsed of a file is a part of its size.
    pub(super) bytes: u64,
}

impl Loaded {
    /// Reads what every frame needs.
    pub(super) fn new(module: &Arc<Module>) -> Self {
        let bytes = module.file.metadata().map_or(0, |found| found.len());
        let elf = Elf::read(&module.file);
        Self {
            module: Arc::clone(module),
            symbols: Symbolizer::new(),
            go: GoBinary::open(Box::new(Code(Arc::clone(module)))).ok(),
            bytes: bytes.saturating_add(u64::try_from(elf.weight()).unwrap_or(u64::MAX)),
            elf,
        }
    }

    /// The calls at an offset of the file; `back` is one where it is that of a return address.
    pub(super) fn frames(&self, offset: u64, back: u64) -> Vec<Frame> {
        let place = offset.wrapping_sub(back);
        let blank = Frame {
            offset: Some(offset),
            build_id: self.elf.build_id.clone(),
            ..Frame::default()
        };
        if let Some(frames) = self.of_go(place, &blank) {
            return frames;
        }
        let elf = source::Elf::new(self.module.readable());
        match self
            .symbols
            .symbolize_single(&elf.into(), Input::FileOffset(place))
        {
            Ok(Symbolized::Sym(symbol)) => symbol::frames(&symbol, &blank, back),
            Ok(Symbolized::Unknown(_)) | Err(_) => vec![blank],
        }
    }

    /// The same for code of Go; `None` where there is none, or its tables are damaged.
    fn of_go(&self, place: u64, blank: &Frame) -> Option<Vec<Frame>> {
        let address = self.elf.address(place)?;
        let told = self.go.as_ref()?.symbolize(address).ok()?;
        let frames = told.into_iter().map(|frame| named(frame, blank));
        let frames: Vec<_> = frames.collect();
        (!frames.is_empty()).then_some(frames)
    }
}

fn named(frame: go::Frame, blank: &Frame) -> Frame {
    let file = Some(frame.file).filter(|file| !file.is_empty());
    Frame {
        function: Some(Foreign::from(frame.function.as_bytes())),
        file: file.map(|file| Foreign::from(file.as_bytes())),
        line: Some(frame.line).filter(|&line| line > 0),
        inlined: frame.inlined,
        ..blank.clone()
    }
}

/// A file as the reader of Go's tables takes it.
struct Code(Arc<Module>);

impl go::Source for Code {
    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.file.read_at(into, at)
    }
}
