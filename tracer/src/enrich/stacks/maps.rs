//! `/proc/PID/maps`: where a process has which file's code.

use std::sync::{Arc, OnceLock};

use super::modules::Module;
use crate::model::foreign::Foreign;

/// Executable mappings of one process read at most.
const MAPPINGS: usize = 1_024;

/// One executable mapping.
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Where in the file it begins.
    offset: u64,
    /// What the file goes by: its device as it is written, and its inode; zero for what is none.
    pub(super) file: (u64, u64),
    /// The path as the process has it, or a word like `[vdso]`; empty for memory of its own.
    pub(super) path: Foreign,
    /// The file, once it was needed; `None` in it when it could not be opened.
    pub(super) module: OnceLock<Option<Arc<Module>>>,
}

impl Mapping {
    /// Where in the file an address is.
    pub(super) const fn file_offset(&self, address: u64) -> u64 {
        address.wrapping_sub(self.start).wrapping_add(self.offset)
    }

    /// Whether a file is behind it.
    pub(super) fn has_file(&self) -> bool {
        self.file.1 != 0 && self.path.bytes().first() == Some(&b'/')
    }
}

/// The executable mappings of a process, in the order of their addresses.
#[derive(Debug, Default)]
pub(super) struct Maps(Vec<Mapping>);

impl Maps {
    /// Reads the text of `/proc/PID/maps`; a line that makes no sense is passed over.
    pub(super) fn parse(text: &[u8]) -> Self {
        let lines = text.split(|&byte| byte == b'\n');
        let mut maps: Vec<_> = lines.filter_map(mapping).take(MAPPINGS).collect();
        maps.sort_by_key(|mapping| mapping.start);
        Self(maps)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.0.iter()
    }

    /// The mappings whose file was needed.
    pub(super) fn held(&self) -> impl Iterator<Item = &Mapping> {
        let held = |mapping: &&Mapping| matches!(mapping.module.get(), Some(Some(_)));
        self.0.iter().filter(held)
    }

    /// The mapping an address is in.
    pub(super) fn of(&self, address: u64) -> Option<&Mapping> {
        let after = self.0.partition_point(|mapping| mapping.start <= address);
        let mapping = self.0.get(after.checked_sub(1)?)?;
        (address < mapping.end).then_some(mapping)
    }
}

/// `START-END PERMS OFFSET DEV INODE   PATH`, numbers but the inode in hexadecimal digits.
fn mapping(line: &[u8]) -> Option<Mapping> {
    let mut fields = line.splitn(6, |&byte| byte == b' ');
    let mut field = || str::from_utf8(fields.next()?).ok();
    let (start, end) = field()?.split_once('-')?;
    if field()?.as_bytes().get(2) != Some(&b'x') {
        return None;
    }
    let offset = field()?;
    let (major, minor) = field()?.split_once(':')?;
    let inode = field()?;
    let path = fields.next().unwrap_or_default().trim_ascii_start();
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let (start, end) = (hex(start)?, hex(end)?);
    (start < end).then_some(Mapping {
        start,
        end,
        offset: hex(offset)?,
        file: (hex(major)? << 32 | hex(minor)?, inode.parse().ok()?),
        path: path.into(),
        module: OnceLock::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
55d0c0000000-55d0c0001000 r--p 00000000 08:01 42                         /usr/bin/a b\n\
55d0c0001000-55d0c0005000 r-xp 00001000 08:01 42                         /usr/bin/a b\n\
7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n\
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                          [vdso]\n\
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

    #[test]
    fn an_address_is_found_in_its_file() {
        let maps = Maps::parse(TEXT);
        let mapping = maps.of(0x55d0_c000_1234).unwrap();
        assert_eq!(mapping.file_offset(0x55d0_c000_1234), 0x1234);
        assert_eq!(mapping.path.bytes(), b"/usr/bin/a b");
        assert!(mapping.has_file());
        assert!(maps.of(0x55d0_c000_0fff).is_none(), "not executable");
        assert!(maps.of(0x55d0_c000_5000).is_none(), "the end is outside");
        assert!(maps.of(0).is_none());
    }

    #[test]
    fn memory_without_a_file_has_none() {
        let maps = Maps::parse(TEXT);
        let own = maps.of(0x7f00_0000_0fff).unwrap();
        assert!(own.path.bytes().is_empty() && !own.has_file());
        let vdso = maps.of(0x7ffd_0000_1000).unwrap();
        assert!(vdso.path.bytes() == b"[vdso]" && !vdso.has_file());
    }

    #[test]
    fn what_makes_no_sense_is_passed_over() {
        for line in [
            "",
            "x",
            "1-0 r-xp 0 0:0 0 /x",
            "g-h r-xp 0 0:0 0 /x",
            "1-2 r-xp",
            "1-2 r-xp 0 0:0 inode /x",
            "\u{ff}-\u{ff}",
        ] {
            assert!(Maps::parse(line.as_bytes()).of(1).is_none(), "{line:?}");
        }
        let many = b"1-2 r-xp 0 0:0 0 /x\n".repeat(10_000);
        assert_eq!(Maps::parse(&many).0.len(), MAPPINGS);
    }
}
