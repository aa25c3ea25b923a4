//! Users by number or name.

use std::{fs, path::Path};

/// The id of a user given as a number or as a name in `passwd`; `None` for an unknown name.
#[must_use]
pub fn uid(passwd: &Path, wanted: &str) -> Option<u32> {
    if let Ok(uid) = wanted.parse() {
        return Some(uid);
    }
    named(&fs::read_to_string(passwd).ok()?, wanted)
}

/// The id of the user of this name in the text of `passwd`.
pub(super) fn named(passwd: &str, wanted: &str) -> Option<u32> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(wanted)).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_users() {
        let passwd = tempfile::NamedTempFile::new().unwrap();
        fs::write(
            passwd.path(),
            "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/:/bin/false\n",
        )
        .unwrap();
        assert_eq!(uid(passwd.path(), "www"), Some(33));
        assert_eq!(uid(passwd.path(), "1000"), Some(1000));
        assert_eq!(uid(passwd.path(), "nobody-here"), None);
    }
}
