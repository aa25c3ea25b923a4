//! Names for stacks that were recorded, maybe on another machine: from directories with the files, or
//! with what was stripped off them, found by build id.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use blazesym::symbolize::{Input, Symbolized, Symbolizer, source};
use hashlink::{LinkedHashMap, LruCache};

use super::{elf, symbol};
use crate::model::{
    foreign::Foreign,
    stack::{Frame, Side, Stack},
};

/// Places whose names are kept.
const PLACES: usize = 65_536;
/// Digits of a build id that name its directory below `.build-id`.
const PREFIX: usize = 2;

/// A directory of symbols cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", directory.display())]
pub struct SymbolsError {
    directory: PathBuf,
    source: io::Error,
}

/// Directories of symbols.
#[derive(Debug)]
pub struct Symbols {
    directories: Vec<PathBuf>,
    /// The files right in the directories, by their build ids.
    files: HashMap<Foreign, Vec<PathBuf>>,
    /// Files for a build id that was asked for; several may have it, each with more or fewer names.
    known: HashMap<Foreign, Vec<PathBuf>>,
    reader: Symbolizer,
    /// Names of places, by build id and the file's own address; empty where there are none.
    found: LruCache<(Foreign, u64), Vec<Frame>>,
    /// What has neither names nor a file here: the build id, and the file's path where it ran.
    missing: LinkedHashMap<Foreign, Foreign>,
}

impl Symbols {
    /// Looks at the files in the directories: those right in them by the build ids they have, and
    /// those below `.build-id` by name, as distributions and debuggers keep them.
    ///
    /// # Errors
    ///
    /// One of the directories cannot be read. Files that cannot, or are no ELF files, are passed over.
    pub fn open(directories: &[PathBuf]) -> Result<Self, SymbolsError> {
        let mut files: HashMap<Foreign, Vec<PathBuf>> = HashMap::new();
        for directory in directories {
            let unreadable = |source| SymbolsError {
                directory: directory.clone(),
                source,
            };
            let mut paths = Vec::new();
            for entry in fs::read_dir(directory).map_err(unreadable)? {
                paths.push(entry.map_err(unreadable)?.path());
            }
            // A directory has no order of its own, and the same is to be told again.
            paths.sort();
            for path in paths {
                if let Some(id) = build_id(&path) {
                    files.entry(id).or_default().push(path);
                }
            }
        }
        Ok(Self {
            directories: directories.to_vec(),
            files,
            known: HashMap::new(),
            reader: Symbolizer::new(),
            found: LruCache::new(PLACES),
            missing: LinkedHashMap::new(),
        })
    }

    /// The stack with the names its program's files have here; what has none keeps those it had.
    pub fn name(&mut self, mut stack: Stack) -> Stack {
        if let Side::Frames { frames, truncated } = &mut stack.user {
            let named = self.frames(std::mem::take(frames));
            *truncated = *truncated && !named.last().is_some_and(symbol::is_outermost);
            *frames = named;
        }
        stack
    }

    /// The files no directory has, and which had no names in the recording: build id and path.
    #[must_use]
    pub fn missing(&self) -> Vec<(Foreign, Foreign)> {
        let missing = self.missing.iter();
        missing
            .map(|(id, path)| (id.clone(), path.clone()))
            .collect()
    }

    fn frames(&mut self, frames: Vec<Frame>) -> Vec<Frame> {
        let mut named = Vec::new();
        let mut call = Vec::new();
        let mut depth = 0;
        for frame in frames {
            let outer = !frame.inlined;
            call.push(frame);
            if outer {
                named.extend(self.call(std::mem::take(&mut call), u64::from(depth > 0)));
                depth += 1;
            }
        }
        named.extend(call);
        named
    }

    /// One call: functions that were put into another one, and last that one; `back` is one where it
    /// is the place it returns to.
    fn call(&mut self, call: Vec<Frame>, back: u64) -> Vec<Frame> {
        let Some(outer) = call.last() else {
            return call;
        };
        let (Some(id), Some(address)) = (&outer.build_id, outer.elf_address) else {
            return call;
        };
        let place = (id.clone(), address.wrapping_sub(back));
        if let Some(found) = self.found.get(&place) {
            return placed(found, call);
        }
        let files = self.known.entry(id.clone()).or_insert_with(|| {
            let stripped = self.directories.iter().filter_map(|it| debug_file(it, id));
            let right_there = self.files.get(id).into_iter().flatten().cloned();
            stripped.chain(right_there).collect()
        });
        if let (true, None, Some(module)) = (files.is_empty(), &outer.function, &outer.module) {
            self.missing.insert(id.clone(), module.clone());
        }
        let named = files.iter().find_map(|file| {
            let elf = source::Elf::new(file);
            let input = Input::VirtOffset(place.1);
            match self.reader.symbolize_single(&elf.into(), input) {
                Ok(Symbolized::Sym(symbol)) => {
                    Some(symbol::frames(&symbol, &Frame::default(), back))
                }
                Ok(Symbolized::Unknown(_)) | Err(_) => None,
            }
        });
        let named = named.unwrap_or_default();
        let told = placed(&named, call);
        self.found.insert(place, named);
        told
    }
}

/// What was found, where the recorded call was; that itself where nothing was.
fn placed(found: &[Frame], call: Vec<Frame>) -> Vec<Frame> {
    let Some(outer) = call.last().filter(|_| !found.is_empty()) else {
        return call;
    };
    let frames = found.iter().map(|frame| Frame {
        address: outer.address,
        module: outer.module.clone(),
        offset: outer.offset,
        elf_address: outer.elf_address,
        build_id: outer.build_id.clone(),
        ..frame.clone()
    });
    frames.collect()
}

/// The file with what was stripped off, if it is below a directory and is what its name says.
fn debug_file(directory: &Path, id: &Foreign) -> Option<PathBuf> {
    let (prefix, rest) = id.bytes().split_at_checked(PREFIX)?;
    let mut name = OsStr::from_bytes(rest).to_owned();
    name.push(".debug");
    let path = directory
        .join(".build-id")
        .join(OsStr::from_bytes(prefix))
        .join(name);
    (build_id(&path).as_ref() == Some(id)).then_some(path)
}

fn build_id(path: &Path) -> Option<Foreign> {
    let file = File::open(path).ok()?;
    file.metadata().ok().filter(fs::Metadata::is_file)?;
    elf::build_id(&file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of this very test.
    fn own(id: &Foreign) -> Frame {
        Frame {
            address: 1,
            module: Some((&b"/gone/program"[..]).into()),
            offset: Some(2),
            elf_address: Some(u64::MAX),
            build_id: Some(id.clone()),
            ..Frame::default()
        }
    }

    fn stack(frames: Vec<Frame>) -> Stack {
        Stack {
            kernel: Side::Frames {
                frames: Vec::new(),
                truncated: false,
            },
            user: Side::Frames {
                frames,
                truncated: true,
            },
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_that_names_it() {
        let missing = PathBuf::from("/nonexistent/symbols");
        let error = Symbols::open(&[missing]).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /nonexistent/symbols");
    }

    #[test]
    fn what_no_directory_has_is_told_as_it_was_and_counted_once() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("text"), "no ELF file").unwrap();
        let mut symbols = Symbols::open(&[directory.path().to_owned()]).unwrap();
        let id = Foreign::from(&b"ab12"[..]);
        let taken = stack(vec![own(&id), own(&id)]);
        assert_eq!(symbols.name(taken.clone()), taken);
        assert_eq!(symbols.name(taken.clone()), taken);
        let missing: Vec<_> = symbols.missing().into_iter().map(|it| it.1).collect();
        assert_eq!(missing, [Foreign::from(&b"/gone/program"[..])]);
    }

    #[test]
    fn a_build_id_too_short_or_with_another_file_behind_it_finds_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join(".build-id/ab");
        fs::create_dir_all(&below).unwrap();
        fs::copy("/proc/self/exe", below.join("12.debug")).unwrap();
        assert_eq!(debug_file(directory.path(), &(&b"ab12"[..]).into()), None);
        assert_eq!(debug_file(directory.path(), &(&b"a"[..]).into()), None);
    }
}
