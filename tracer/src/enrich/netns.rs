//! Network namespaces by number, name or path.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

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
    let path = if wanted.contains('/') {
        PathBuf::from(wanted)
    } else {
        Path::new("/run/netns").join(wanted)
    };
    match fs::metadata(&path) {
        Ok(found) => Ok(u32::try_from(found.ino()).unwrap_or(u32::MAX)),
        Err(source) => Err(NetnsError {
            wanted: wanted.to_owned(),
            path,
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
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
}
