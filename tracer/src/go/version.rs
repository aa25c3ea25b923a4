//! The version of Go that built an executable: `.go.buildinfo`.

use super::{
    GoError,
    elf::{CHUNK, Image},
    read::Reader,
};

/// What build information begins with, `cmd/link/internal/ld/data.go`.
const MAGIC: &[u8; 14] = b"\xff Go buildinf:";
/// The bit of its flags: numbers are big-endian.
const BIG_ENDIAN: u8 = 1;
/// The bit of its flags: strings follow in place (since 1.18), else pointers to them.
const IN_PLACE: u8 = 2;
/// Bytes of a segment searched where sections are gone.
const SEARCHED: u64 = 1 << 20;

/// A version of Go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second, which every release raises.
    pub minor: u16,
}

impl Version {
    /// `1.minor`.
    #[must_use]
    pub const fn go1(minor: u16) -> Self {
        Self { major: 1, minor }
    }

    /// Reads `go1.24.11`, `go1.27rc1`, `devel go1.28-abc`; `None` for what names no release.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (major, minor) = words.find_map(|word| word.strip_prefix("go")?.split_once('.'))?;
        let end = minor.find(|letter: char| !letter.is_ascii_digit());
        let minor = minor.get(..end.unwrap_or(minor.len()))?;
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    }
}

/// Reads it.
pub(super) fn find(reader: &mut Reader, image: &Image) -> Result<Version, GoError> {
    let at = match image.section(".go.buildinfo") {
        Some(section) => section.offset,
        // Only where all sections are gone; most executables are simply not of Go.
        None if !image.sections.is_empty() => return Err(GoError::NotGo),
        None => search(reader, image)?.ok_or(GoError::NotGo)?,
    };
    let head: [u8; 16] = reader.array(at)?;
    let (magic, rest) = head.split_first_chunk::<14>().ok_or(GoError::NotGo)?;
    let [pointer, flags] = rest else {
        return Err(GoError::NotGo);
    };
    if magic != MAGIC {
        return Err(GoError::NotGo);
    }
    let text = if flags & IN_PLACE != 0 {
        let (len, bytes) = reader.varint(at + 32)?;
        text(reader, at + 32 + bytes, u64::from(len))?
    } else {
        let form = reader.form;
        if (*pointer, flags & BIG_ENDIAN != 0) != (form.pointer, form.big_endian) {
            let what = "build information of another machine";
            return Err(GoError::Damaged { at, what });
        }
        pointed(reader, image, at + 16)?
    };
    Version::parse(&text).ok_or(GoError::Damaged {
        at,
        what: "a version that is none",
    })
}

/// The string whose header a pointer points to.
fn pointed(reader: &mut Reader, image: &Image, at: u64) -> Result<String, GoError> {
    let word = u64::from(reader.form.pointer);
    let header = pointer(reader, image, at)?;
    let header = image.place(header, 2 * word)?;
    let len = reader.word(header.saturating_add(word))?;
    let start = pointer(reader, image, header)?;
    let start = image.place(start, len)?;
    text(reader, start, len)
}

/// A pointer of the file, or what the loader makes of it.
fn pointer(reader: &mut Reader, image: &Image, at: u64) -> Result<u64, GoError> {
    let mut value = reader.word(at)?;
    if value == 0
        && let Some(address) = image.address_of(at)
    {
        image.relocated(reader, |place, target| {
            if place == address {
                value = target;
            }
        })?;
    }
    Ok(value)
}

fn text(reader: &mut Reader, at: u64, len: u64) -> Result<String, GoError> {
    let mut text = Vec::new();
    // Longer ones are no versions.
    for offset in 0..len.min(128) {
        text.push(reader.u8(at.saturating_add(offset))?);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Looks for build information at the beginning of what is mapped writable, where linkers put it.
fn search(reader: &Reader, image: &Image) -> Result<Option<u64>, GoError> {
    let mut chunk = vec![0; CHUNK];
    for segment in image.segments.iter().filter(|segment| segment.writable()) {
        let mut done = 0;
        while done < segment.size.min(SEARCHED) {
            let from = segment.offset.saturating_add(done);
            let many = reader.stream(from, &mut chunk)?;
            let read = chunk.get(..many).unwrap_or_default();
            let found = read.as_chunks::<16>().0.iter();
            let found = found
                .enumerate()
                .find(|(_, bytes)| bytes.starts_with(MAGIC));
            if let Some((index, _)) = found {
                let index = u64::try_from(index).unwrap_or(u64::MAX);
                return Ok(Some(from.saturating_add(index.saturating_mul(16))));
            }
            done = done.saturating_add(u64::try_from(CHUNK).unwrap_or(u64::MAX));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_a_candidate_and_a_development_version_are_read() {
        assert_eq!(Version::parse("go1.24.11"), Some(Version::go1(24)));
        assert_eq!(Version::parse("go1.27rc1"), Some(Version::go1(27)));
        assert_eq!(
            Version::parse("go1.21 X:nocoverageredesign"),
            Some(Version::go1(21))
        );
        assert_eq!(
            Version::parse("devel go1.28-ab12 Mon"),
            Some(Version::go1(28))
        );
    }

    #[test]
    fn text_that_names_no_release_is_no_version() {
        for text in ["", "go", "devel +abc", "gox.1", "go1", "1.21"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
