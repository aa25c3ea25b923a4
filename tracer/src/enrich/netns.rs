//! Network namespaces by number, name or path.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use crate::model::foreign::Foreign;

/// Where `ip netns` keeps its names.
pub const NAMES: &str = "/run/netns";
/// Namespaces without a name that are remembered as such at most.
const NAMELESS: usize = 4096;

/// A namespace that cannot be found.
#[derive(Debug, thiserror::Error)]
#[error("cannot find the network namespace {wanted}: no such file as {path}")]
pub struct NetnsError {
    wanted: String,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The inode number of a namespace given as that number, as a name of `ip netns`, or as a path
/// such as `/proc/PID/ns/net`.
///
/// # Errors
///
/// No such name or path.
pub fn inode(wanted: &str) -> Result<u32, NetnsError> {
    if let Ok(inode) = wanted.parse() {
        return Ok(inode);
    }
    let path = path(wanted);
    match fs::metadata(&path) {
        Ok(found) => Ok(u32::try_from(found.ino()).unwrap_or(u32::MAX)),
        Err(source) => Err(NetnsError {
            wanted: wanted.to_owned(),
            path,
            source,
        }),
    }
}

/// A file that stands for a namespace given as its inode number, a name or a path; whoever has the
/// number is found by `by_number`, unless a name leads there.
pub fn file(wanted: &str, by_number: impl FnOnce() -> Option<PathBuf>) -> Option<PathBuf> {
    let Ok(inode) = wanted.parse::<u64>() else {
        return Some(path(wanted));
    };
    let named = fs::read_dir(NAMES).into_iter().flatten().flatten();
    let mut named = named.map(|entry| entry.path());
    let is_it = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.ino() == inode);
    by_number().or_else(|| named.find(is_it))
}

/// Where a name of `ip netns`, or a path, leads.
fn path(wanted: &str) -> PathBuf {
    if wanted.contains('/') {
        PathBuf::from(wanted)
    } else {
        Path::new(NAMES).join(wanted)
    }
}

/// The names of namespaces, as `ip netns` gives them.
///
/// The directory is read again when it changed, since numbers of namespaces that are gone are
/// given anew, and for a number not met yet; twice between two turns at most.
pub struct Names {
    directory: PathBuf,
    /// Device of the files that stand for namespaces; others have no namespace mounted on them.
    device: Option<u64>,
    known: HashMap<u32, Foreign>,
    nameless: HashSet<u32>,
    /// When the directory was last changed, as of the last reading.
    changed: Option<(i64, i64)>,
    /// A file is there a moment before its namespace is mounted on it: read once more.
    again: bool,
    /// Whether the directory was looked at since the last turn.
    looked: bool,
    /// Whether it was read since the last turn.
    just_read: bool,
}

impl Names {
    /// The names in `directory` now; `namespace` is any file of a namespace.
    #[must_use]
    pub fn new(directory: &Path, namespace: &Path) -> Self {
        let mut it = Self {
            directory: directory.to_owned(),
            device: fs::metadata(namespace).ok().map(|found| found.dev()),
            known: HashMap::new(),
            nameless: HashSet::new(),
            changed: None,
            again: false,
            looked: false,
            just_read: false,
        };
        it.read();
        it.just_read = false;
        it
    }

    /// Makes sure that the name of a namespace is known, if it has one.
    pub fn seen(&mut self, inode: u32) {
        if !std::mem::replace(&mut self.looked, true) {
            let changed = self.change() != self.changed;
            if changed || self.again {
                self.nameless.clear();
                self.read();
                self.again = changed;
            }
        }
        let unknown = !self.known.contains_key(&inode) && !self.nameless.contains(&inode);
        if unknown && !self.just_read {
            self.read();
            if !self.known.contains_key(&inode) && self.nameless.len() < NAMELESS {
                self.nameless.insert(inode);
            }
        }
    }

    /// The name of a namespace; `None` when it has none.
    #[must_use]
    pub fn of(&self, inode: u32) -> Option<&Foreign> {
        self.known.get(&inode)
    }

    /// Allows another look.
    pub const fn turn(&mut self) {
        (self.looked, self.just_read) = (false, false);
    }

    fn change(&self) -> Option<(i64, i64)> {
        let found = fs::metadata(&self.directory).ok()?;
        Some((found.mtime(), found.mtime_nsec()))
    }

    fn read(&mut self) {
        self.just_read = true;
        if self.nameless.len() >= NAMELESS {
            self.nameless.clear();
        }
        self.changed = self.change();
        self.known.clear();
        for entry in fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
        {
            // The entry's own metadata would be that of the file below the mount.
            let found = fs::metadata(entry.path())
                .ok()
                .filter(|found| Some(found.dev()) == self.device);
            if let Some(inode) = found.and_then(|found| u32::try_from(found.ino()).ok()) {
                let name = entry.file_name().as_bytes().into();
                self.known.insert(inode, name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_number_is_taken_as_it_is_and_our_own_path_has_one() {
        assert_eq!(inode("4026531840").unwrap(), 4_026_531_840);
        assert!(inode("/proc/self/ns/net").unwrap() > 0);
        assert!(
            inode("no-such-namespace")
                .unwrap_err()
                .to_string()
                .contains("/run/netns/")
        );
    }

    fn name(names: &Names, inode: u32) -> Option<String> {
        names.of(inode).map(ToString::to_string)
    }

    #[test]
    fn names_come_and_go_with_their_files() {
        let directory = tempfile::tempdir().unwrap();
        let namespace = Path::new("/proc/self/ns/net");
        let ours = inode("/proc/self/ns/net").unwrap();
        let mut names = Names::new(directory.path(), namespace);
        names.seen(ours);
        assert_eq!(name(&names, ours), None);
        symlink(namespace, directory.path().join("blue")).unwrap();
        // A file nothing is mounted on yet.
        fs::write(directory.path().join("green"), "").unwrap();
        names.seen(ours);
        assert_eq!(name(&names, ours), None, "one look a turn");
        names.turn();
        names.seen(ours);
        assert_eq!(name(&names, ours).unwrap(), "blue");
        assert_eq!(names.known.len(), 1);
        fs::remove_file(directory.path().join("blue")).unwrap();
        for inode in [1, ours] {
            names.turn();
            names.seen(inode);
        }
        assert_eq!(name(&names, ours), None);
    }

    #[test]
    fn names_without_a_directory_are_none() {
        let mut names = Names::new(Path::new("/nonexistent"), Path::new("/proc/self/ns/net"));
        for inode in 1..10_000 {
            names.turn();
            names.seen(inode);
        }
        assert_eq!(name(&names, 1), None);
        assert!(names.nameless.len() <= NAMELESS);
    }
}
