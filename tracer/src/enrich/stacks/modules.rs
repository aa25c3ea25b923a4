//! The files code comes from, held open so that they can be read when their process is gone.

use std::{
    collections::HashMap,
    fs::File,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use super::maps::Mapping;

/// Files held open at most.
pub(super) const FILES: usize = 256;

/// What a file goes by while it is open: its device, as maps have it, and its inode.
pub(super) type FileKey = (u64, u64);

/// A file that code comes from.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) key: FileKey,
    pub(super) file: File,
}

impl Module {
    /// A path that reads the file whatever becomes of its name.
    pub(super) fn readable(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

/// The files held open by anybody.
#[derive(Debug, Default)]
pub(super) struct Modules(HashMap<FileKey, Weak<Module>>);

impl Modules {
    /// Files held open now.
    pub(super) fn open_files(&mut self) -> usize {
        self.0.retain(|_, module| module.strong_count() > 0);
        self.0.len()
    }

    /// Opens the file behind a mapping of the process at `process`, its directory in `/proc`.
    ///
    /// The kernel's link of the mapping means that very file, in whatever mount namespace and
    /// deleted or not; it takes `CAP_SYS_ADMIN` or `CAP_CHECKPOINT_RESTORE`. Without, the path is
    /// looked up as the process would.
    pub(super) fn open(&mut self, process: &Path, mapping: &Mapping) -> Option<Arc<Module>> {
        let key = mapping.file;
        if let Some(known) = self.0.get(&key).and_then(Weak::upgrade) {
            return Some(known);
        }
        if self.0.len() >= FILES && self.open_files() >= FILES {
            return None;
        }
        let range = format!("map_files/{:x}-{:x}", mapping.start, mapping.end);
        let file = File::open(process.join(range));
        let file = file.or_else(|_refused| {
            let path = String::from_utf8_lossy(mapping.path.bytes()).into_owned();
            File::open(process.join("root").join(path.trim_start_matches('/')))
        });
        let file = file.ok()?;
        file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let module = Arc::new(Module { key, file });
        self.0.insert(key, Arc::downgrade(&module));
        Some(module)
    }
}
