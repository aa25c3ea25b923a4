//! Bytes others chose: paths, arguments, names. They are kept as they are and shown escaped.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// Bytes of any content, in any or no encoding; a copy shares them.
#[derive(Clone)]
pub struct Foreign(Content);

/// The same bytes are always the same of both.
#[derive(Clone)]
enum Content {
    /// Nothing in it has to be escaped, as in nearly all there are.
    Plain(Arc<str>),
    Other(Arc<[u8]>),
}

impl Foreign {
    /// The bytes themselves.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Content::Plain(text) => text.as_bytes(),
            Content::Other(bytes) => bytes,
        }
    }

    /// The text, where nothing in it has to be escaped.
    #[must_use]
    pub fn plain(&self) -> Option<&str> {
        match &self.0 {
            Content::Plain(text) => Some(text),
            Content::Other(_) => None,
        }
    }
}

impl From<&[u8]> for Foreign {
    fn from(bytes: &[u8]) -> Self {
        Self(match plain(bytes) {
            Some(text) => Content::Plain(text.into()),
            None => Content::Other(bytes.into()),
        })
    }
}

impl Default for Foreign {
    fn default() -> Self {
        Self::from(&[][..])
    }
}

impl PartialEq for Foreign {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Foreign {}

impl PartialOrd for Foreign {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Foreign {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl Hash for Foreign {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.bytes().hash(hasher);
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Plain(text) => f.write_str(text),
            Content::Other(bytes) => escape(bytes, f),
        }
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Foreign({self})")
    }
}

/// The text, where it is ASCII and nothing has to be escaped.
pub(super) fn plain(bytes: &[u8]) -> Option<&str> {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'\\';
    // Without a way out in between, so that many bytes are looked at at once.
    let all = bytes.iter().fold(true, |all, &byte| all & plain(byte));
    str::from_utf8(bytes).ok().filter(|_| all)
}

/// Text of ours that may hold a name of others: as it is, but for what moves what is shown after it. Ends of
/// lines stay.
#[must_use]
pub fn tamed(text: &str) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        text.chars().try_for_each(|c| {
            if moves(c) && c != '\n' {
                write!(f, "{}", c.escape_default())
            } else {
                write!(f, "{c}")
            }
        })
    })
}

/// Writes printable text: control characters, backslashes and invalid UTF-8 come out escaped.
pub(super) fn escape(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(text) = plain(bytes) {
        return f.write_str(text);
    }
    for chunk in bytes.utf8_chunks() {
        // Whole runs at once.
        let mut rest = chunk.valid();
        while let Some(place) = rest.find(|c| moves(c) || c == '\\') {
            let (plain, from) = rest.split_at(place);
            f.write_str(plain)?;
            let mut characters = from.chars();
            if let Some(c) = characters.next() {
                write!(f, "{}", c.escape_default())?;
            }
            rest = characters.as_str();
        }
        f.write_str(rest)?;
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

/// Whether a character moves what is shown after it: to the start of a line, to another line, or
/// to the other side.
fn moves(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}'
        )
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_their_bytes_whatever_is_in_them() {
        let names = [&b""[..], b"\x01", b"a", b"a\\", b"a\xff", b"b", b"\xc3\xa9"];
        for (place, one) in names.iter().enumerate() {
            for (other_place, other) in names.iter().enumerate() {
                let order = Foreign::from(*one).cmp(&Foreign::from(*other));
                assert_eq!(order, place.cmp(&other_place), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn what_could_move_a_cursor_is_escaped() {
        let shown = |bytes: &[u8]| Foreign::from(bytes).to_string();
        assert_eq!(shown(b"/usr/bin/caf\xc3\xa9"), "/usr/bin/caf\u{e9}");
        assert_eq!(shown(b"a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(shown(b"\xff\\"), "\\xff\\\\");
        let said = "cannot open a\\b\u{9b}2J\r\nhint: c\u{202e}";
        let shown = tamed(said).to_string();
        assert_eq!(shown, "cannot open a\\b\\u{9b}2J\\r\nhint: c\\u{202e}");
    }

    #[test]
    fn what_turns_lines_around_is_escaped() {
        let shown = |bytes: &[u8]| Foreign::from(bytes).to_string();
        let turned = "a\u{202e}b\u{2028}c";
        assert_eq!(shown(turned.as_bytes()), "a\\u{202e}b\\u{2028}c");
    }
}
