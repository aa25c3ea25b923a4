//! Bytes others chose: paths, arguments, names. They are kept as they are and shown escaped.

use std::fmt;

/// Bytes of any content, in any or no encoding.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Foreign(Box<[u8]>);

impl Foreign {
    /// The bytes themselves.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Foreign {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(&self.0, f)
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Foreign({self})")
    }
}

/// Writes printable text: control characters, backslashes and invalid UTF-8 come out escaped.
pub(super) fn escape(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        // Whole runs at once: hardly a name has anything to escape.
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
    fn what_could_move_a_cursor_is_escaped() {
        let shown = |bytes: &[u8]| Foreign::from(bytes).to_string();
        assert_eq!(shown(b"/usr/bin/caf\xc3\xa9"), "/usr/bin/caf\u{e9}");
        assert_eq!(shown(b"a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(shown(b"\xff\\"), "\\xff\\\\");
        let turned = "a\u{202e}b\u{2028}c";
        assert_eq!(shown(turned.as_bytes()), "a\\u{202e}b\\u{2028}c");
    }
}
