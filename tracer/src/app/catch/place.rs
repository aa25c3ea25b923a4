//! The directory that is written, and nothing besides.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use jiff::tz::TimeZone;
use nix::unistd::{AccessFlags, access};

use crate::{
    enrich::clock,
    exit::{Exit, Failure},
    render::time::WallClock,
};

/// Names tried when what was free at the start is taken since.
const NAMES: u32 = 100;

/// Where endings are saved.
pub(super) struct Place {
    /// What was asked for; `None` for a name with the time of what is caught.
    asked: Option<PathBuf>,
    /// What was created.
    created: Option<PathBuf>,
}

impl Place {
    pub(super) fn new(asked: Option<&Path>) -> Self {
        Self {
            asked: asked.map(Path::to_owned),
            created: None,
        }
    }

    /// Refuses a place where nothing could be saved, before anything is waited for.
    ///
    /// # Errors
    ///
    /// Exit code 2.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let usage = |error: anyhow::Error, hint: &str| Failure::new(Exit::Usage, error, hint);
        let path = self.asked.as_deref().unwrap_or(Path::new("finrst-catch"));
        let shown = path.display();
        let hint = "another name; what is there is never overwritten";
        let parent = path.parent().filter(|it| *it != Path::new(""));
        let mut into = parent.unwrap_or(Path::new("."));
        if self.asked.is_some() && fs::symlink_metadata(path).is_ok() {
            match fs::read_dir(path).map(|mut files| files.next().is_none()) {
                Ok(true) => into = path,
                Ok(false) => {
                    return Err(usage(anyhow!("{shown} is there and is not empty"), hint));
                }
                Err(_) => {
                    return Err(usage(anyhow!("{shown} is there and is no directory"), hint));
                }
            }
        }
        let writable = access(into, AccessFlags::W_OK | AccessFlags::X_OK);
        let writable =
            writable.with_context(|| format!("nothing can be written to {}", into.display()));
        writable.map_err(|error| usage(error, "-o DIR chooses another place"))
    }

    /// Creates the directory for one ending, in a common one if it has a number.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub(super) fn create(&mut self, number: Option<u64>) -> io::Result<PathBuf> {
        let top = match self.created.take() {
            Some(top) => top,
            None => free(&self.name())?,
        };
        let path = number.map(|number| top.join(number.to_string()));
        self.created = Some(top.clone());
        match path {
            Some(path) => make(&path).map(|()| path),
            None => Ok(top),
        }
    }

    fn name(&self) -> PathBuf {
        self.asked.clone().unwrap_or_else(|| {
            let clock = WallClock::new(clock::sample().offset_ns, TimeZone::UTC);
            let time = clock.utc(clock::now()).strftime("%Y%m%dT%H%M%SZ");
            PathBuf::from(format!("finrst-catch-{time}"))
        })
    }
}

/// Creates a directory of this name, or of one much like it where that is taken.
fn free(name: &Path) -> io::Result<PathBuf> {
    for number in 1..NAMES {
        let mut path = name.as_os_str().to_owned();
        if number > 1 {
            path.push(format!("-{number}"));
        }
        let path = PathBuf::from(path);
        match make(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let empty = fs::read_dir(&path).is_ok_and(|mut files| files.next().is_none());
                if empty {
                    return Ok(path);
                }
            }
            made => return made.map(|()| path),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Creates a directory that only its owner may look into.
fn make(path: &Path) -> io::Result<()> {
    let named = |error: io::Error| {
        let what = format!("cannot create {}: {error}", path.display());
        io::Error::new(error.kind(), what)
    };
    DirBuilder::new().mode(0o700).create(path).map_err(named)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_there_is_refused_unless_it_is_empty() {
        let top = tempfile::tempdir().unwrap();
        let check = |name: &str| Place::new(Some(&top.path().join(name))).check();
        assert!(check("new").is_ok());
        assert!(check("missing/new").is_err());
        fs::create_dir(top.path().join("empty")).unwrap();
        assert!(check("empty").is_ok());
        fs::write(top.path().join("empty/file"), "").unwrap();
        assert!(check("empty").is_err());
        assert!(check("empty/file").is_err());
    }

    #[test]
    fn a_directory_is_its_owners_alone_and_overwrites_nothing() {
        let top = tempfile::tempdir().unwrap();
        let asked = top.path().join("out");
        let first = Place::new(Some(&asked)).create(None).unwrap();
        let mode = fs::metadata(&first).unwrap().permissions().mode();
        assert_eq!((first.as_path(), mode & 0o777), (&*asked, 0o700));
        fs::write(first.join("file"), "").unwrap();
        let second = Place::new(Some(&asked)).create(None).unwrap();
        assert_eq!(second, top.path().join("out-2"));
    }

    #[test]
    fn several_endings_share_a_directory() {
        let top = tempfile::tempdir().unwrap();
        let mut place = Place::new(Some(&top.path().join("out")));
        for number in [1, 2] {
            let path = place.create(Some(number)).unwrap();
            assert_eq!(path, top.path().join("out").join(number.to_string()));
        }
    }
}
